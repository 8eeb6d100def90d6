"""A transport whose close lets the last answer arrive.

Where a client still sends when the connection is closed, its system discards what it has not read yet: the answer that
says what was wrong. So the writing side is closed first, and what still comes is dropped for a while.
"""

import asyncio

from service.gathering import GatheringTransport


class LingeringTransport:
    """What uvicorn needs of a transport; `close` waits for the other side where it may still be sending."""

    def __init__(self, transport: GatheringTransport) -> None:
        """Close `transport` when it is time."""
        self._transport = transport
        self.lingering_since: float | None = None
        """By the event loop's clock."""
        self.may_still_receive = False
        """Whether a close must wait: what is being received has not ended."""
        # the same methods, without a step in between
        self.write = transport.write
        self.abort = transport.abort
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading
        self.get_extra_info = transport.get_extra_info
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.set_write_buffer_limits = transport.set_write_buffer_limits

    def close(self) -> None:
        """Close as soon as what is written has left, and the other side has closed where it may still send."""
        if self._transport.is_closing() or self.lingering_since is not None or not self.may_still_receive:
            self._transport.close()
        else:
            self.lingering_since = asyncio.get_running_loop().time()
            self._transport.write_eof()
            self._transport.resume_reading()

    def is_closing(self) -> bool:
        """Whether nothing can be answered any more."""
        return self.lingering_since is not None or self._transport.is_closing()
