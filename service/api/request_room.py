"""The room that one request over HTTP has."""

from contextlib import AbstractAsyncContextManager
from time import perf_counter

from service.api.admission import Admission
from service.api.exchange import Exchange


class RequestRoom:
    """A `Room`: what others have is not there for it."""

    def __init__(self, admission: Admission, exchange: Exchange) -> None:
        """As `admission` has it."""
        self._admission = admission
        self._exchange = exchange

    def reserve(self, size: int) -> None:
        """Count `size` more bytes."""
        self._admission.reserve(self._exchange, size)

    def aside(self) -> AbstractAsyncContextManager[None]:
        """Be at work without a slot."""
        return self._admission.aside(self._exchange)

    @property
    def seconds_left(self) -> float:
        """Until the answer must have begun."""
        return self._admission.timeout - (perf_counter() - self._exchange.began)
