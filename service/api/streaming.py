"""Lines over HTTP: a body taken apart while it arrives, answered while it is read. Plain ASGI, both ways at once.

What is not read stays with its sender, who waits; nothing more is read while answers wait to be sent.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from service.api.headers import RawHeaders
from service.api.responses import pieces, send_pieces

if TYPE_CHECKING:  # which imports numpy
    from service.api.encoding import Buffers


class LineResponse:
    """Answers the lines of a body with lines, as an ASGI app."""

    def __init__(
        self,
        answer: Callable[[AsyncIterable[bytes]], AsyncGenerator["Buffers", None]],
        declared: int | None,
        most_bytes: int,
        headers: RawHeaders,
        begin: Callable[[], Awaitable[None]],
        stopping: asyncio.Event,
        farewell: bytes,
    ) -> None:
        """Send what `answer` makes of the lines, with `headers`, once `begin` says that there is room to work.

        A body of `most_bytes` is read before anything is sent: many clients read nothing before they have sent all.
        What is `declared` to be longer is answered from the start. No line may be longer, either. When `stopping` is
        set, no more lines are read, and after the answers to those that were the last line is `farewell`.
        """
        self._answer = answer
        self._declared = declared or 0
        self._most_bytes = most_bytes
        self._headers = headers
        self._begin = begin
        self._stopping = stopping
        self._farewell = farewell

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # an ASGI app's
        """Send answers until the lines end, or their sender is gone.

        Raises:
            ClientDisconnect: it is.
        """
        body = Body(receive, self._stopping)
        try:
            await body.read_ahead(self._most_bytes if self._declared <= self._most_bytes else 0)
            await self._begin()
            await send({"type": "http.response.start", "status": 200, "headers": self._headers})
            async with aclosing(self._answer(split_lines(body, self._most_bytes))) as answering:
                async for answers in answering:
                    await send_pieces(answers, send)
                    await asyncio.sleep(0)  # a fast reader's connection never makes others wait
                    body.check()
            await send({"type": "http.response.body", "body": self._farewell if body.is_stopped else b""})
        finally:
            body.close()


class Body:
    """A body, chunk by chunk, and whether its sender is still there."""

    def __init__(self, receive: Receive, stopping: asyncio.Event) -> None:
        """Read what `receive` brings until `stopping` is set."""
        self._receive = receive
        self._ahead = bytearray()
        self._ended = False
        self.is_stopped = False
        """Whether there may be more that will not be read."""
        self._stop = asyncio.ensure_future(stopping.wait())
        self._receiving: asyncio.Future[Message] | None = None
        """Once the body has ended, nothing can come but the news that its sender is gone."""

    async def read_ahead(self, most_bytes: int) -> None:
        """Read something, and go on until the body ends or has more than `most_bytes`."""
        while self._goes_on and (not self._ahead or len(self._ahead) <= most_bytes):
            self._ahead += await self._next()

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, from its start."""
        for piece in pieces([memoryview(self._ahead)]):
            yield piece
        self._ahead = bytearray()
        while self._goes_on:
            yield await self._next()

    def check(self) -> None:
        """Let go on while there is somebody to answer; uvicorn takes what is sent to nobody without a word.

        Raises:
            ClientDisconnect: the sender is gone.
        """
        if self._ended and self._receiving is not None and self._receiving.done():
            raise ClientDisconnect

    def close(self) -> None:
        """Wait for nothing any more."""
        self._stop.cancel()
        if self._receiving is not None:
            self._receiving.cancel()

    @property
    def _goes_on(self) -> bool:
        return not self._ended and not self.is_stopped

    async def _next(self) -> bytes:
        self._receiving = asyncio.ensure_future(self._receive())
        await asyncio.wait((self._receiving, self._stop), return_when=asyncio.FIRST_COMPLETED)
        if not self._receiving.done():
            self.is_stopped = True
            return b""
        message = self._receiving.result()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        if not message.get("more_body", False):
            self._ended = True
            self._receiving = asyncio.ensure_future(self._receive())
        chunk: bytes = message.get("body", b"")
        return chunk


async def split_lines(body: Body, most_bytes: int) -> AsyncIterator[bytes]:
    """The lines in `body` without their newlines, of which the last one needs none; blank ones are left out.

    Of a line that is longer than `most_bytes` the beginning comes, which is longer, too; the rest is not kept.
    """
    line = bytearray()
    is_cut = False
    async for chunk in body.chunks():
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            if is_cut:
                is_cut = False
            elif line:
                line += part
                yield bytes(line)
                line.clear()
            elif part.strip():
                yield part
        if not is_cut:
            line += rest
            if len(line) > most_bytes:
                yield bytes(line)
                line.clear()
                is_cut = True
    if line and not body.is_stopped:
        yield bytes(line)
