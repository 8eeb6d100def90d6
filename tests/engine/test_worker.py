"""Small work stays on the event loop, large work goes to the engine's thread."""

import threading
from collections.abc import Iterator

import pytest
import torch

from service.engine.worker import INLINE_SECONDS, Timings, Worker


@pytest.fixture
def worker() -> Iterator[Worker]:
    before = torch.get_num_threads()
    worker = Worker(num_threads=3)
    yield worker
    worker.close()
    torch.set_num_threads(before)


async def test_small_work_stays_on_the_event_loops_thread(worker: Worker) -> None:
    assert await worker.run("compute", {}, INLINE_SECONDS / 2, threading.get_ident) == threading.get_ident()


async def test_large_work_runs_on_the_engines_thread(worker: Worker) -> None:
    thread = await worker.run("compute", {}, INLINE_SECONDS * 2, threading.current_thread)
    assert thread.name.startswith("engine")


@pytest.mark.parametrize("seconds", [0, 1])
async def test_torch_has_the_same_threads_for_small_and_large_work(worker: Worker, seconds: float) -> None:
    assert await worker.run("compute", {}, seconds, torch.get_num_threads) == 3


async def test_small_work_is_timed_under_its_stage_and_never_queues(worker: Worker) -> None:
    timings: Timings = {}
    await worker.run("encode", timings, 0, sum, [1, 2])
    assert timings.keys() == {"encode"}


async def test_large_work_reports_how_long_it_queued(worker: Worker) -> None:
    timings: Timings = {}
    await worker.run("compute", timings, 1, sum, [1, 2])
    assert timings.keys() == {"queue", "compute"}


@pytest.mark.parametrize("seconds", [0, 1])
async def test_an_error_reaches_the_caller(worker: Worker, seconds: float) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        await worker.run("compute", {}, seconds, int, "x")
