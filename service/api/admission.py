"""Admission: how many requests are at work, how many wait, and how many bytes they hold; the rest is refused at once.

A request holds its place until the last byte of its answer has left.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import perf_counter

from service.api.exchange import Exchange
from service.api.problems import RETRY_AFTER, DeadlineError, ProblemError, SlowSenderError

QUEUE_SECONDS = 0.03
"""After a burst, a queue whose end would wait longer takes nobody more.

A long queue is good for a burst. Where it stands, all wait and nobody is served sooner (Nichols & Jacobson 2012,
Controlling Queue Delay).
"""
CALM_SECONDS = 1
"""When nobody has had to wait for so long, who comes then begins another burst."""
LATEST = 64
"""Of about so many requests that ended last, the mean tells how long each is at work."""


class Admission:
    """Slots for requests at work, a queue of bounded length, and a bound on the bytes of both."""

    def __init__(self, slots: int, queue: int, most_bytes: int, timeout: float, most_body_bytes: int) -> None:
        """Let `slots` work and `queue` wait, which hold `most_bytes` together; answers begin within `timeout` seconds.

        A body of unknown length counts as `most_body_bytes`.
        """
        self._slots = slots
        self._queue = queue
        self._most_bytes = most_bytes
        self.timeout = timeout
        self._most_body_bytes = most_body_bytes
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._seconds_at_work = 0.0
        """Of a request; a moving mean."""
        self._burst = 0
        """How many have had to wait in this one."""
        self._crowded = 0.0
        """When somebody had to wait last."""
        self._unanswered: dict[Exchange, None] = {}
        """In the order they came."""
        self.in_flight = 0
        """How many requests were let in and have not ended."""
        self.at_work = 0
        """How many have a slot."""
        self.without_slot = 0
        """How many take long, and so have none meanwhile."""
        self.reserved_bytes = 0
        self.draining = asyncio.Event()
        """Set when the service ends: what is under way may go on, streams end as soon as they can."""

    @property
    def waiting(self) -> int:
        """How many requests wait for a slot."""
        return len(self._waiting)

    def admit(self, exchange: Exchange, body_bytes: int | None) -> None:
        """Let in a request whose body has so many bytes, as it says; None = it does not say.

        Raises:
            ProblemError: it would have to wait behind too many, or for too many bytes.
        """
        self._check_queue()
        most = self._most_body_bytes
        self.reserve(exchange, most if body_bytes is None else min(most, body_bytes))
        self._unanswered[exchange] = None
        self.in_flight += 1

    async def begin(self, exchange: Exchange) -> None:
        """Take a slot, or wait for one; all of the request has been read.

        Raises:
            ProblemError: too many wait.
        """
        exchange.is_read = True
        if self.at_work >= self._slots:
            self._check_queue()
            now = perf_counter()
            self._burst = self._burst + 1 if now - self._crowded < CALM_SECONDS else 1
            self._crowded = now
        await self._take(exchange, self._waiting.append)

    @asynccontextmanager
    async def aside(self, exchange: Exchange) -> AsyncIterator[None]:
        """Let others have the slot of a request that takes long, and then take one before those that wait.

        Raises:
            ProblemError: so many do so already as may work and wait.
        """
        if self.without_slot >= self._slots + self._queue:
            raise ProblemError(
                "too-many-requests",
                f"{self.without_slot} long requests are computed or wait for each other, which is the limit "
                "(MAX_CONCURRENT_REQUESTS and MAX_QUEUED_REQUESTS together). Try again in a moment.",
                headers=RETRY_AFTER,
            )
        self.without_slot += 1
        self._leave(exchange)
        try:
            yield
        finally:
            self.without_slot -= 1
        await self._take(exchange, self._waiting.appendleft)

    async def _take(self, exchange: Exchange, line_up: Callable[[asyncio.Future[None]], None]) -> None:
        """Take a slot, or wait for one where `line_up` puts it."""
        if self.at_work < self._slots:
            self.at_work += 1
            exchange.at_work_since = perf_counter()
            return
        slot: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        began = perf_counter()
        line_up(slot)
        try:
            await slot
        except asyncio.CancelledError:
            if slot.done() and not slot.cancelled():  # it was given one while it was told to go
                self._pass_on()
            elif slot in self._waiting:  # where `_pass_on` has not met it first
                self._waiting.remove(slot)
            raise
        exchange.at_work_since = perf_counter()
        exchange.timings["queue"] = exchange.timings.get("queue", 0.0) + exchange.at_work_since - began

    def reserve(self, exchange: Exchange, size: int) -> None:
        """Count `size` more bytes that a request may have in memory; one that is alone may have any.

        Raises:
            ProblemError: there are too many already.
        """
        if self.reserved_bytes + size > self._most_bytes and self.reserved_bytes > exchange.reserved_bytes:
            raise ProblemError(
                "too-many-bytes",
                f"The requests at work and this one could have {self.reserved_bytes + size:,} bytes in memory, the "
                f"limit is {self._most_bytes:,} (MAX_INFLIGHT_BYTES). Try again in a moment, or ask for less.",
                headers=RETRY_AFTER,
            )
        self.reserved_bytes += size
        exchange.reserved_bytes += size

    def end(self, exchange: Exchange) -> None:
        """Give back what a request held."""
        self.in_flight -= 1
        self._unanswered.pop(exchange, None)
        self.reserved_bytes -= exchange.reserved_bytes
        exchange.reserved_bytes = 0
        self._leave(exchange)

    def expire(self) -> None:
        """Abandon what should have begun to be answered by now."""
        latest = perf_counter() - self.timeout
        for exchange in list(self._unanswered):
            if exchange.began > latest:
                return
            del self._unanswered[exchange]
            if not exchange.has_begun:
                late = DeadlineError if exchange.is_read else SlowSenderError
                exchange.abandon(late(self.timeout))

    def _check_queue(self) -> None:
        if self.at_work >= self._slots and len(self._waiting) >= self._most_waiting:
            raise ProblemError(
                "too-many-requests",
                f"{self.at_work} requests are at work (MAX_CONCURRENT_REQUESTS) and {len(self._waiting)} wait "
                "(MAX_QUEUED_REQUESTS, or fewer after a burst), which is the limit. Try again in a moment.",
                headers=RETRY_AFTER,
            )

    @property
    def _most_waiting(self) -> int:
        """All of the queue for a burst; afterwards those who get one of the slots soon.

        Slots become free at the rate at which as many requests as there are slots end.
        """
        if self._burst < self._queue or perf_counter() - self._crowded > CALM_SECONDS:
            return self._queue
        most = QUEUE_SECONDS * self._slots / self._seconds_at_work if self._seconds_at_work else self._queue
        return min(self._queue, int(most))

    def _leave(self, exchange: Exchange) -> None:
        """Give back the slot of a request, if it has one."""
        if exchange.at_work_since is not None:
            self._seconds_at_work += (perf_counter() - exchange.at_work_since - self._seconds_at_work) / LATEST
            exchange.at_work_since = None
            self._pass_on()

    def _pass_on(self) -> None:
        """Give a slot to who has waited longest."""
        while self._waiting:
            slot = self._waiting.popleft()
            if not slot.done():
                slot.set_result(None)
                return
        self.at_work -= 1
