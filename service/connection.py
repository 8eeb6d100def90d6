"""One connection: what is read within limits is read, answered and taken in time, and ends when the service does."""

from typing import Any

from service.api.problems import ShuttingDownError, SlowSenderError
from service.limited import LimitedProtocol, abandon

RESERVED_SECONDS = 1
"""In which a connection of the reserve must send its request."""
LINGER_SECONDS = 2


class Connection(LimitedProtocol):
    """Nothing on it lasts for ever: the server calls `check` once a second."""

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # uvicorn's
        """Wait for a connection."""
        super().__init__(*args, **options)
        self._waiting_since = self._progress = self.loop.time()
        self._unsent_bytes = 0
        self._unsent_since = 0.0

    def data_received(self, data: bytes) -> None:
        """Note that there is progress."""
        self._progress = self.loop.time()
        if not self.in_body and not self.fed_bytes:
            self._waiting_since = self._progress
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Tell the app how to wait until its answer has left."""
        self.scope["drained"] = self.drained  # type: ignore[typeddict-unknown-key]  # uvicorn's type knows ASGI's alone
        super().on_headers_complete()

    def resume_writing(self) -> None:
        """Note that the reader reads."""
        self._unsent_bytes = 0
        super().resume_writing()

    async def drained(self) -> None:
        """Wait until all that was written has left."""
        if self.transport.get_write_buffer_size():
            self.transport.set_write_buffer_limits(high=0)
            await self.flow.drain()
            self.transport.set_write_buffer_limits()

    def check(self, now: float) -> None:
        """End what has taken too long."""
        lingering_since = self.lingering.lingering_since
        if self._unsent(now):
            if now - self._unsent_since > self.settings.write_timeout:
                self.transport.abort()
        elif lingering_since is not None:
            if now - lingering_since > LINGER_SECONDS:
                self.transport.abort()
        elif self.in_body:
            if now - self._progress > self.settings.body_timeout and not self.flow.read_paused:
                self.refuse(SlowSenderError(self.settings.body_timeout, "body", "BODY_TIMEOUT"))
        elif not self.is_dropping:
            self._check_headers(now - self._waiting_since)

    @property
    def is_busy(self) -> bool:
        """Whether something accepted is not answered to its last byte."""
        cycles = [self.answering, *(cycle for cycle, _ in self.pipeline)]
        return self.transport.get_write_buffer_size() > 0 or any(
            not cycle.response_complete and "refusal" not in cycle.scope for cycle in cycles if cycle is not None
        )

    def drain(self) -> None:
        """Answer what was accepted, and take no more on this connection afterwards."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def give_up(self) -> None:
        """Answer what is not answered yet that there is no more time."""
        if self.answering is not None and not self.answering.response_complete:
            abandon(self.answering, ShuttingDownError())

    def _check_headers(self, waited: float) -> None:
        most = RESERVED_SECONDS if self.is_reserve else self.settings.header_timeout
        if waited <= most:
            return
        if self.fed_bytes:
            self.refuse(SlowSenderError(most, "headers", "HEADER_TIMEOUT"))
        elif self.cycle is None:  # it has never asked anything; uvicorn ends those that have
            self.transport.close()

    def _unsent(self, now: float) -> int:
        """How many bytes wait for the reader; since when they are as many is noted."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent_bytes:
            self._unsent_bytes, self._unsent_since = unsent, now
        return unsent
