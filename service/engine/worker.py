"""Where work runs: small work on the event loop, large work on the engine's own thread."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TypeVar, TypeVarTuple

import torch

Args = TypeVarTuple("Args")
T = TypeVar("T")

INLINE_SECONDS = 1e-3
"""Work estimated below this stays on the event loop: a hop to the thread and back costs about as much as small work."""

Timings = dict[str, float]
"""Seconds spent by stage (`tokenize`, `queue`, `compute`, `encode`), filled in as a request proceeds."""


class Worker:
    """One thread, so that large requests queue instead of fighting for the cores that torch uses already.

    Both get the same number of torch threads: the bits of a product depend on it.
    """

    def __init__(self, num_threads: int) -> None:
        """Let torch use `num_threads`. Start no thread yet; the first large work does."""
        self.num_threads = num_threads
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")

    async def run(
        self, stage: str, timings: Timings, seconds: float, function: Callable[[*Args], T], *args: *Args
    ) -> T:
        """Call `function` where its estimate of `seconds` belongs; add the time it took to `timings[stage]`."""
        if seconds < INLINE_SECONDS:
            return self._timed(stage, timings, function, args)
        submitted = perf_counter()

        def dequeued() -> T:
            timings["queue"] = timings.get("queue", 0.0) + perf_counter() - submitted
            return self._timed(stage, timings, function, args)

        return await asyncio.get_running_loop().run_in_executor(self._executor, dequeued)

    def _timed(self, stage: str, timings: Timings, function: Callable[[*Args], T], args: tuple[*Args]) -> T:
        started = perf_counter()
        if torch.get_num_threads() != self.num_threads:  # OpenMP keeps the number for each thread
            torch.set_num_threads(self.num_threads)
        try:
            return function(*args)
        finally:
            timings[stage] = timings.get(stage, 0.0) + perf_counter() - started

    def close(self) -> None:
        """Finish the work at hand, drop what is queued, end the thread."""
        self._executor.shutdown(wait=True, cancel_futures=True)
