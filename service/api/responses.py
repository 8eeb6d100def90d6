"""Answers that are sent in pieces."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from service.api.headers import RawHeaders

if TYPE_CHECKING:  # which imports numpy
    from service.api.encoding import Buffers

PIECE_BYTES = 64 * 1024
TURN_PIECES = 16
"""So many are sent before the event loop looks after others: a fast reader's connection never makes it wait."""


class BufferResponse:
    """Sends buffers as they lie in memory, a piece at a time: what waits for a slow reader is one piece.

    An ASGI app like Starlette's own responses, without what they do for cookies, background tasks and text.
    """

    def __init__(self, buffers: "Buffers", headers: RawHeaders) -> None:
        """Answer 200 with `buffers`, one after the other."""
        self._buffers = buffers
        self._headers = [*headers, (b"content-length", b"%d" % sum(map(len, buffers)))]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # an ASGI app's
        """Send it all."""
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        if len(self._buffers) == 1 and len(self._buffers[0]) <= PIECE_BYTES:  # most answers
            await send({"type": "http.response.body", "body": bytes(self._buffers[0])})
            return
        await send_pieces(self._buffers, send)
        await send({"type": "http.response.body", "body": b""})


async def send_pieces(buffers: "Buffers", send: Send) -> None:
    """Send all of `buffers`, after which more may come."""
    for number, piece in enumerate(pieces(buffers), start=1):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
        if number % TURN_PIECES == 0:
            await asyncio.sleep(0)


def pieces(buffers: "Buffers") -> Iterator[bytes]:
    """All of `buffers` in pieces of `PIECE_BYTES` and a last one of what is left."""
    piece: list[bytes | memoryview] = []
    room = PIECE_BYTES
    for buffer in buffers:
        start = 0
        while start < len(buffer):
            piece.append(memoryview(buffer)[start : start + room])
            start += len(piece[-1])
            room -= len(piece[-1])
            if not room:
                yield b"".join(piece)
                piece, room = [], PIECE_BYTES
    if piece:
        yield b"".join(piece)
