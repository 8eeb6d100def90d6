"""Answers compressed in the coding that the client prefers, where that pays: text of 500 bytes or more, and streams.

PNG is compressed already; float32 numbers, in safetensors and npy, hardly shrink.
"""

import asyncio

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette_compress import CompressMiddleware, add_compress_type

from service.api import problems
from service.api.headers import header
from service.api.negotiation import choose_coding
from service.api.responses import PIECE_BYTES

LEVEL = 1
"""Of each coding: the next ones up take longer for digits, of which large answers consist, and hardly shrink them."""

GZIP_TIME = slice(4, 8)
"""Where a gzip file says when it was made (RFC 1952, section 2.3)."""

add_compress_type(problems.MEDIA_TYPE)
add_compress_type("application/x-ndjson", streaming=True)  # each message leaves at once


class CompressionMiddleware:
    """Compresses answers; large pieces in a thread, while the event loop serves others."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the coding into `scope["coding"]`, on which tags depend; compress in it what the app sends."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        coding = scope["coding"] = choose_coding(header(scope, b"accept-encoding"))
        if coding == "identity":
            await self.app(scope, receive, send)
            return
        compressed: list[Message] = []
        plain = False

        async def collect(message: Message) -> None:
            compressed.append(message)

        async def answer(_scope: Scope, receive: Receive, compress: Send) -> None:
            async def send_compressed(message: Message) -> None:
                nonlocal plain
                if plain:
                    await send(message)
                    return
                if len(message.get("body", b"")) < PIECE_BYTES:
                    await compress(message)
                else:  # it ends without waiting for anything, as `collect` does: a thread can run it like a generator
                    await asyncio.to_thread(list, compress(message).__await__())
                if compressed and compressed[0]["type"] == "http.response.start":
                    plain = not mend(*compressed)
                for part in compressed:
                    await send(part)
                compressed.clear()

            await self.app(scope, receive, send_compressed)

        chosen = {"type": "http", "headers": [(b"accept-encoding", coding.encode())]}  # the package ignores qualities
        compressing = CompressMiddleware(answer, zstd_level=LEVEL, brotli_quality=LEVEL, gzip_level=LEVEL)
        await compressing(chosen, receive, collect)


def mend(start: Message, *bodies: Message) -> bool:
    """Correct how the package begins an answer, in place; whether it is a compressed one.

    It adds to Vary what stands there already, and tells in a short gzip the time, but equal tags promise equal bytes.
    """
    headers = MutableHeaders(raw=start["headers"])
    coding = headers.get("content-encoding")
    if coding is None or "vary" not in headers:  # the package has written both, or nothing
        return False
    headers["vary"] = ", ".join(dict.fromkeys(headers["vary"].split(", ")))
    if coding == "gzip" and bodies:
        body = bodies[0]["body"]
        bodies[0]["body"] = body[: GZIP_TIME.start] + bytes(4) + body[GZIP_TIME.stop :]
    return True
