"""Where work runs: small work on the event loop, large work on the engine's own thread."""

import asyncio
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from threading import get_ident
from time import monotonic, perf_counter
from typing import Any, Generic, TypeVar, TypeVarTuple

import torch

from service.engine.crew import Crew
from service.engine.turns import Turns

Args = TypeVarTuple("Args")
T = TypeVar("T")

INLINE_SECONDS = 1e-3
"""Work estimated below this stays on the event loop: a hop to the thread and back costs about as much as small work."""
TURN_SECONDS = 2e-4
"""How long small work goes on before the event loop looks after others."""

SLICE_SECONDS = 2e-2
"""How long steps are taken where nobody else waits for the thread: so long it takes to stop at most."""

ALONE_SECONDS = 0.1
"""When nothing else was done for so long, long work may have all cores."""

Timings = dict[str, float]
"""Seconds spent by stage (`tokenize`, `queue`, `compute`, `encode`), filled in as a request proceeds."""


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """What steps came to."""

    result: T


class Worker:
    """One thread, so that large requests queue instead of fighting for the cores that torch uses already.

    Both get the same number of torch threads: the bits of a product depend on it.

    Small work waits for a new turn of the event loop where its stage is another than the last one's. So requests that
    came together take each stage one after the other, and all but the first find its code in the processor's caches
    (Larus & Parkes 2002, cohort scheduling): 16 clients are answered a quarter faster. One alone waits for some turns
    in which nobody else has anything to do, a few microseconds each.
    """

    def __init__(self, num_threads: int) -> None:
        """Let torch use `num_threads`. Start no thread yet; the first large work does."""
        self.num_threads = num_threads
        self._executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="engine")
        self._others_ran = 0.0
        """When anything but long work was last done."""
        self.crew = Crew(num_threads, lambda: perf_counter() - self._others_ran > ALONE_SECONDS)
        """Who computes blocks of long texts."""
        self._thread = 0
        """The identifier of the executor's, once it works."""
        self._unfinished: set[Future[Any]] = set()
        """Large work that was handed to the thread."""
        self._progressed = 0.0
        self._in_steps = asyncio.Lock()
        """One after the other: of many that go on side by side none ends before nearly all do."""
        self._turns = Turns()
        self._stage = ""
        """Of the last small work."""
        self._turn_began = 0.0

    async def run(
        self, stage: str, timings: Timings, seconds: float, function: Callable[[*Args], T], *args: *Args
    ) -> T:
        """Call `function` where its estimate of `seconds` belongs; add the time it took to `timings[stage]`."""
        self._others_ran = perf_counter()
        if seconds < INLINE_SECONDS:
            if stage != self._stage or perf_counter() - self._turn_began > TURN_SECONDS:
                await asyncio.sleep(0)
                self._stage, self._turn_began = stage, perf_counter()
            return self._timed(stage, timings, function, args)
        return await self._run_on_thread(stage, timings, function, *args)

    async def _run_on_thread(self, stage: str, timings: Timings, function: Callable[[*Args], T], *args: *Args) -> T:
        submitted = perf_counter()

        def dequeued() -> T:
            timings["queue"] = timings.get("queue", 0.0) + perf_counter() - submitted
            self._thread = get_ident()
            self.beat()
            try:
                return self._timed(stage, timings, function, args)
            finally:
                self.beat()

        if not self._unfinished:
            self._progressed = monotonic()
        future = self._executor.submit(dequeued)
        self._unfinished.add(future)
        future.add_done_callback(self._unfinished.discard)
        return await asyncio.wrap_future(future)

    def beat(self) -> None:
        """Say that large work goes on, once for each layer or head. What runs on the event loop says nothing."""
        if get_ident() == self._thread:
            self._progressed = monotonic()

    @property
    def computing_since(self) -> float | None:
        """When large work was last begun, went on or ended, by `time.monotonic`; None while there is none.

        A thread that is dead begins nothing: of one that is stuck it differs in nothing else.
        """
        return self._progressed if self._unfinished else None

    async def run_steps(self, stage: str, timings: Timings, seconds: float, steps: Iterator[T]) -> list[T]:
        """What `steps` yield: the first takes `seconds`, and those that follow are small, however many they are.

        This is for work that keeps the interpreter to itself. On the thread it would keep the event loop waiting again
        and again: each torch call there lets others have the interpreter, and waits until it gets it back.
        """
        async with self._in_steps:
            results = [await self.run(stage, timings, seconds, next, steps)]
            while (result := await self.run(stage, timings, 0, next, steps, None)) is not None:
                results.append(result)
        return results

    async def run_long(self, stage: str, timings: Timings, seconds: float, steps: Generator[None, None, T]) -> T:
        """What `steps`, which need so many `seconds` together, come to.

        The thread takes a few, does others' work, and goes on. Whoever stops waiting ends it at the next step.
        """
        ended: Ended[T] | None = None
        own: Timings = {stage: 0.0}
        began = perf_counter()
        try:
            while ended is None:
                async with self._turns.take(max(seconds - own[stage], 0.0)):
                    ended = await self._run_on_thread(stage, own, self._take, steps)
        finally:
            if ended is None:
                self._executor.submit(steps.close)  # which may wait for what is at work
        waited = perf_counter() - began - own[stage]
        for name, spent in (("queue", waited), (stage, own[stage])):
            timings[name] = timings.get(name, 0.0) + spent
        return ended.result

    def expecting(self, seconds: float) -> AbstractContextManager[object]:
        """While other work goes on for long work that needs so many `seconds` from now on."""
        return self._turns.expecting(seconds)

    def seconds_ahead(self, seconds: float) -> float:
        """How long the next long work, which needs so many `seconds`, waits for that which has less left."""
        return self._turns.ahead(seconds)

    def _take(self, steps: Generator[None, None, T]) -> "Ended[T] | None":
        """Take some steps, until others wait for the thread; their end, if they come to it."""
        until = perf_counter() + SLICE_SECONDS
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return Ended(end.value)
            self.beat()
            if len(self._unfinished) > 1 or perf_counter() > until:
                return None

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
        self.crew.close()
