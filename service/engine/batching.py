"""Dynamic batching: what queued up while the last batch ran goes together, as far as a budget of tokens allows."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import NamedTuple

from service.engine.collecting import Collector
from service.engine.plan import Plan
from service.engine.running import Captured, Job, Runner
from service.engine.worker import Timings, Worker


class _Waiting(NamedTuple):
    plan: Plan
    timings: Timings
    since: float
    done: asyncio.Future[Job]


class Batcher:
    """Runs requests on the engine's thread, those that wait at the same time together. There is no waiting window."""

    def __init__(
        self,
        worker: Worker,
        runner: Runner,
        max_tokens: int,
        max_bytes: int,
        ran: Callable[[int, int], None] = lambda _texts, _tokens: None,
    ) -> None:
        """Batches have at most `max_tokens`, padding included, and answers of `max_bytes`; one text always goes.

        How many texts and tokens each had is told to `ran`.
        """
        self._worker = worker
        self._runner = runner
        self._max_tokens = max_tokens
        self._max_bytes = max_bytes
        self._ran = ran
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def compute(self, plan: Plan, timings: Timings) -> Job:
        """Compute what `plan` wants as soon as the thread is free."""
        done: asyncio.Future[Job] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(plan, timings, perf_counter(), done))
        if self._task is None:
            self._task = asyncio.create_task(self._work_off())
        return await done

    async def _work_off(self) -> None:
        try:
            while self._waiting:
                await self._run(self._next_batch())
        finally:
            self._task = None

    async def _run(self, batch: list[_Waiting]) -> None:
        if not batch:
            return
        jobs = [Job(waiting.plan, Collector(waiting.plan.wanted), Captured(waiting.done.done)) for waiting in batch]
        started = perf_counter()
        for waiting in batch:
            waiting.timings["queue"] = waiting.timings.get("queue", 0.0) + started - waiting.since
        seconds = sum(waiting.plan.seconds for waiting in batch)
        shared: Timings = {}
        try:
            await self._worker.run("compute", shared, seconds, partial(self._runner.run, jobs))
        except Exception as error:
            if len(batch) > 1:  # one of them may be to blame: the others must not suffer
                for waiting in batch:
                    await self._run([waiting])
            elif not batch[0].done.done():
                batch[0].done.set_exception(error)
            return
        self._ran(len(batch), len(batch) * max(waiting.plan.tokens for waiting in batch))
        for waiting, job in zip(batch, jobs, strict=True):
            waiting.timings.update(compute=shared["compute"])
            if not waiting.done.done():
                waiting.done.set_result(job)

    def _next_batch(self) -> list[_Waiting]:
        """The requests to run next, in the order they came; those of clients that went away are dropped."""
        batch: list[_Waiting] = []
        left: deque[_Waiting] = deque()
        longest = bytes_ = 0
        while self._waiting:
            waiting = self._waiting.popleft()
            if waiting.done.done():
                continue
            plan = waiting.plan
            if batch:
                tokens = max(longest, plan.tokens) * (len(batch) + 1)
                too_large = tokens > self._max_tokens or bytes_ + plan.bytes > self._max_bytes
                if too_large or _cannot_share(plan, batch[0].plan):
                    left.append(waiting)
                    continue
            batch.append(waiting)
            longest = max(longest, plan.tokens)
            bytes_ += plan.bytes
        self._waiting = left
        return batch


def _cannot_share(one: Plan, other: Plan) -> bool:
    """Whether two plans must not share a run: what is streamed runs alone."""
    return one.wanted.streamed or other.wanted.streamed or one.has_decoder != other.has_decoder
