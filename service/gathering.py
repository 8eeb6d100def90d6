"""A transport that sends the head of an answer and the body that follows in one system call.

uvicorn writes them one after the other, and each write costs about as much as tokenizing a sentence.
"""

import asyncio

HELD_BYTES = 4096
"""The most that waits for what follows: heads are shorter."""


class GatheringTransport:
    """What uvicorn needs of a transport; a little that is written waits for more until the event loop's turn ends."""

    def __init__(self, transport: asyncio.Transport) -> None:
        """Write to `transport`."""
        self._transport = transport
        self._call_soon = asyncio.get_running_loop().call_soon
        self._held = b""
        # the same methods, without a step in between
        self.abort = transport.abort
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Send `data`, with what was held before it."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.writelines((held, data))
        elif len(data) <= HELD_BYTES:
            self._held = data
            self._call_soon(self._flush)
        else:
            self._transport.write(data)

    def close(self) -> None:
        """Close as soon as what is written has left."""
        self._flush()
        self._transport.close()

    def write_eof(self) -> None:
        """Close the writing side as soon as what is written has left."""
        self._flush()
        self._transport.write_eof()

    def get_write_buffer_size(self) -> int:
        """How many bytes have not left."""
        self._flush()
        return self._transport.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None) -> None:
        """Pause who writes beyond `high` bytes; None = asyncio's own limit."""
        self._flush()
        self._transport.set_write_buffer_limits(high)

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)
