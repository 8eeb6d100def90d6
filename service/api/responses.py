"""Answers that are sent in pieces."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

if TYPE_CHECKING:  # which imports numpy
    from service.api.encoding import Buffers

PIECE_BYTES = 64 * 1024


class BufferResponse(Response):
    """Sends buffers as they lie in memory, a piece at a time: what waits for a slow reader is one piece."""

    def __init__(self, buffers: "Buffers", headers: Mapping[str, str], media_type: str) -> None:
        """Answer 200 with `buffers`, one after the other."""
        length = {"Content-Length": str(sum(map(len, buffers)))}
        super().__init__(None, headers={**headers, **length}, media_type=media_type)
        self._buffers = buffers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # an ASGI app's
        """Send it all."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for buffer in self._buffers:
            for start in range(0, len(buffer), PIECE_BYTES):
                piece = bytes(buffer[start : start + PIECE_BYTES])
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
