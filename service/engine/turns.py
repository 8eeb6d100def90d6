"""Whose turn it is, of those that take long and go on side by side."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import NamedTuple


class Turn(NamedTuple):
    """What somebody waits for; those with the least `left` come first, and of these those that came first."""

    left: float
    number: int
    given: asyncio.Future[None]


class Turns:
    """One at a time: next is who has the least left to do (shortest remaining processing time, Schrage 1968).

    So what is short does not wait for what is long, and of many that are as long each ends before the next begins.
    """

    def __init__(self) -> None:
        """Let nobody wait yet."""
        self._is_taken = False
        self._waiting: list[Turn] = []
        self._lefts: dict[int, float] = {}
        """What is left to do of all that wait, that have a turn, and that are expected."""
        self._numbers = count()

    @property
    def waiting(self) -> int:
        """How many wait for a turn."""
        return len(self._waiting)

    def ahead(self, left: float) -> float:
        """The seconds until one who comes now, with so much left, has a turn; others may come before it."""
        return sum(other for other in self._lefts.values() if other <= left)

    @contextmanager
    def expecting(self, left: float) -> Iterator[int]:
        """While somebody prepares to take turns, for as long as is `left`."""
        number = next(self._numbers)
        self._lefts[number] = left
        try:
            yield number
        finally:
            del self._lefts[number]

    @asynccontextmanager
    async def take(self, left: float) -> AsyncIterator[None]:
        """Wait for a turn; so much is `left` to do, in seconds."""
        with self.expecting(left) as number:
            if self._is_taken:
                await self._wait(Turn(left, number, asyncio.get_running_loop().create_future()))
            self._is_taken = True
            try:
                yield
            finally:  # later, so that who has had this turn can wait for the next one among the others
                asyncio.get_running_loop().call_soon(self._pass_on)

    async def _wait(self, turn: Turn) -> None:
        heapq.heappush(self._waiting, turn)
        try:
            await turn.given
        except asyncio.CancelledError:
            if not turn.given.cancelled():  # it was given while its taker was told to go
                self._pass_on()
            elif turn in self._waiting:  # where `_pass_on` has not met it first
                self._waiting.remove(turn)
                heapq.heapify(self._waiting)
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            turn = heapq.heappop(self._waiting)
            if not turn.given.done():
                turn.given.set_result(None)  # and it stays taken, so that nobody who comes in between takes it
                return
        self._is_taken = False
