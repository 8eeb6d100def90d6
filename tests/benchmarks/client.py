"""A keep-alive HTTP client that costs little: bytes out, status and body in."""

import asyncio
import json
from urllib.parse import urlsplit


class Connection:
    """One connection, opened when it is first needed and after it was lost."""

    def __init__(self, url: str) -> None:
        """Talk to the server at `url`."""
        address = urlsplit(url)
        self._host, self._port = address.hostname, address.port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(self, request: bytes, reads_body: bool = True) -> tuple[int, bytes]:
        """Status and body of the answer; `reads_body` is False for HEAD."""
        reader, writer = await self._streams()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
        return int(head[9:12]), await reader.readexactly(length) if reads_body else b""

    async def abort(self, request: bytes) -> None:
        """Ask, and go away before the answer is there."""
        _, writer = await self._streams()
        writer.write(request)
        await writer.drain()
        self.close()

    def close(self) -> None:
        """Reset the connection."""
        if self._writer is not None:
            self._writer.transport.abort()
        self._reader = self._writer = None

    async def _streams(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None:
            self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self._reader, self._writer


def get(target: str, method: str = "GET") -> bytes:
    """A request without a body."""
    return f"{method} {target} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode()


def post(path: str, fields: object) -> bytes:
    """A request with a JSON body."""
    body = json.dumps(fields).encode()
    return f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
