"""Whose turn it is, of those that take long and go on side by side."""

import asyncio
import heapq
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count


class Turns:
    """One at a time: next is who has the least left to do (shortest remaining processing time, Schrage 1968).

    So what is short does not wait for what is long, and of many that are as long each ends before the next begins.
    """

    def __init__(self) -> None:
        """Let nobody wait yet."""
        self._is_taken = False
        self._taker_left = 0.0
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def ahead(self, left: float) -> float:
        """The seconds until one who comes now, with so much left, has a turn; others may come before it."""
        others = [other for other, _, turn in self._waiting if not turn.done()]
        if self._is_taken:
            others.append(self._taker_left)
        return sum(other for other in others if other <= left)

    @asynccontextmanager
    async def take(self, left: float) -> AsyncIterator[None]:
        """Wait for a turn; so much is `left` to do, in seconds."""
        if self._is_taken:
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (left, next(self._numbers), turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():  # it was given while its taker was told to go
                    self._pass_on()
                raise
        self._is_taken = True
        self._taker_left = left
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        self._is_taken = False
        while self._waiting:
            *_, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._is_taken = True  # at once, so that nobody who comes in between takes it
                turn.set_result(None)
                return
