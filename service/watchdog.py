"""Stuck is dead: a process whose event loop or engine stands still ends, so that whoever started it starts another."""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
from collections.abc import Callable
from time import monotonic
from types import TracebackType

from service import alarm

EXIT_CODE = 70
"""sysexits.h: an internal software error."""
LAST_WORDS_SECONDS = 5
"""How long the end may take: where the log cannot be written, it comes without a word."""

logger = logging.getLogger(__name__)


class Watchdog:
    """A thread that ends the process when the event loop or the engine makes no progress; a context."""

    def __init__(
        self, timeout: int, loop: asyncio.AbstractEventLoop, computing_since: Callable[[], float | None]
    ) -> None:
        """Allow `timeout` seconds without progress to `loop` and to the engine.

        `computing_since` tells when the engine, which has work, last made progress, by `time.monotonic`, else None.
        """
        self._timeout = timeout
        self._loop = loop
        self._computing_since = computing_since
        self._turned = 0.0
        """When the event loop last answered."""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> "Watchdog":
        """Watch from now on."""
        self._turned = monotonic()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Watch no longer."""
        self._ended.set()
        self._thread.join()
        alarm.cancel()

    def _watch(self) -> None:
        pause = min(1.0, self._timeout / 10)
        started = looked = monotonic()
        alarm.postpone(self._timeout)
        while not self._ended.wait(pause):
            now = monotonic()
            if now - looked > 2 * pause:  # this thread did not run: the process was suspended, or starved
                started = now
            looked = now
            self._judge(now, started)
            alarm.postpone(self._timeout)
            self._loop.call_soon_threadsafe(self._turn)

    def _turn(self) -> None:
        self._turned = monotonic()

    def _judge(self, now: float, started: float) -> None:
        """End the process if something has stood still since `started`, or longer."""
        computing_since = self._computing_since()
        since = {"the event loop": self._turned} | ({} if computing_since is None else {"the engine": computing_since})
        still = [
            f"{name} has stood still for {now - last:.0f} s"
            for name, last in since.items()
            if now - max(last, started) > self._timeout
        ]
        if still:
            self._end(" and ".join(still))

    def _end(self, reason: str) -> None:
        alarm.end_within(LAST_WORDS_SECONDS)
        logger.error("%s (STALL_TIMEOUT is %s s): this process ends", reason, self._timeout)
        logging.shutdown()  # the lines of requests that have ended, too
        faulthandler.dump_traceback(sys.stderr)
        os._exit(EXIT_CODE)
