"""Small work stays on the event loop, large work goes to the engine's thread."""

import asyncio
import threading
from collections.abc import Generator, Iterator
from time import monotonic

import pytest
import torch

from service.engine.worker import INLINE_SECONDS, TURN_SECONDS, Timings, Worker


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


async def test_requests_that_come_together_take_each_stage_together(worker: Worker) -> None:
    done: list[str] = []

    async def request(name: str) -> None:
        for stage in ("tokenize", "compute"):
            await worker.run(stage, {}, 0, done.append, f"{stage} {name}")

    await asyncio.gather(request("a"), request("b"), request("c"))
    assert done == ["tokenize a", "tokenize b", "tokenize c", "compute a", "compute b", "compute c"]


async def test_small_work_of_one_stage_shares_a_turn_of_the_event_loop_until_it_is_long(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, turns = 0.0, 0
    seen: list[int] = []
    monkeypatch.setattr("service.engine.worker.perf_counter", lambda: now)

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count_turns())
    for now in (0.0, TURN_SECONDS / 2, TURN_SECONDS, TURN_SECONDS * 2.25, TURN_SECONDS * 2.75):  # noqa: B007  # the clock
        await worker.run("compute", {}, 0, int)
        seen.append(turns)
    counting.cancel()
    assert seen == [1, 1, 1, 2, 2]


async def test_steps_are_taken_in_order_on_the_event_loop_after_a_large_first_one(worker: Worker) -> None:
    timings: Timings = {}
    threads = (threading.current_thread().name.split("_")[0] for _ in range(3))
    here = threading.current_thread().name
    assert await worker.run_steps("encode", timings, INLINE_SECONDS * 2, threads) == ["engine", here, here]
    assert timings.keys() == {"queue", "encode"}


async def test_an_error_in_a_step_reaches_the_caller(worker: Worker) -> None:
    with pytest.raises(ZeroDivisionError):
        await worker.run_steps("encode", {}, 0, (1 // number for number in (1, 0)))


async def test_an_idle_thread_is_not_computing(worker: Worker) -> None:
    await worker.run("compute", {}, 1, sum, [1, 2])
    assert worker.computing_since is None


async def test_large_work_is_computing_since_its_last_beat(worker: Worker) -> None:
    steps: list[float] = []
    waits, goes_on = threading.Event(), threading.Event()

    def compute() -> None:
        steps.append(monotonic())
        worker.beat()
        steps.append(monotonic())
        waits.set()
        goes_on.wait()

    computing = asyncio.create_task(worker.run("compute", {}, 1, compute))
    await asyncio.to_thread(waits.wait)
    assert steps[0] <= (worker.computing_since or 0) <= steps[1]
    goes_on.set()
    await computing


async def test_work_that_waits_for_the_thread_counts_as_computing(worker: Worker) -> None:
    goes_on = threading.Event()
    first, second = (asyncio.create_task(worker.run("compute", {}, 1, goes_on.wait)) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.wait([second])
    assert worker.computing_since is not None
    goes_on.set()
    await first
    assert worker.computing_since is None


async def test_what_the_event_loop_computes_hides_no_standing_thread(worker: Worker) -> None:
    begun, goes_on = threading.Event(), threading.Event()

    def stand() -> None:
        begun.set()
        goes_on.wait()

    standing = asyncio.create_task(worker.run("compute", {}, 1, stand))
    await asyncio.to_thread(begun.wait)
    since = worker.computing_since
    await worker.run("compute", {}, 0, worker.beat)
    assert worker.computing_since == since
    goes_on.set()
    await standing


def steps(count: int, log: list[str], name: str) -> Generator[None, None, str]:
    """Steps of two milliseconds each."""
    for _ in range(count):
        until = monotonic() + 2e-3
        while monotonic() < until:
            pass
        log.append(name)
        yield
    return name


async def test_long_work_comes_to_what_its_steps_return_and_is_timed(worker: Worker) -> None:
    timings: Timings = {}
    assert await worker.run_long("compute", timings, 1, steps(5, [], "all")) == "all"
    assert timings.keys() == {"queue", "compute"}
    assert timings["compute"] > 0.009


async def test_other_large_work_does_not_wait_for_long_work(worker: Worker) -> None:
    log: list[str] = []
    long = asyncio.create_task(worker.run_long("compute", {}, 1, steps(500, log, "step")))
    await asyncio.sleep(0.01)
    await worker.run("compute", {}, 1, log.append, "other")
    assert not long.done()
    await long
    assert log.index("other") < 100


async def test_short_long_work_overtakes_what_is_longer(worker: Worker) -> None:
    log: list[str] = []
    works = {"long": (300, 0.6), "short": (20, 0.04)}
    await asyncio.gather(
        *(worker.run_long("compute", {}, seconds, steps(count, log, name)) for name, (count, seconds) in works.items())
    )
    assert log[-1] == "long"
    assert log.index("short") < 50


async def test_long_work_that_nobody_waits_for_ends_at_its_next_steps(worker: Worker) -> None:
    log: list[str] = []
    long = asyncio.create_task(worker.run_long("compute", {}, 60, steps(10_000, log, "step")))
    await asyncio.sleep(0.01)
    long.cancel()
    with pytest.raises(asyncio.CancelledError):
        await long
    await worker.run("compute", {}, 1, log.append, "other")
    taken = len(log)
    await worker.run("compute", {}, 1, log.append, "another")
    assert len(log) == taken + 1
    assert taken < 100


async def test_an_error_in_long_work_reaches_the_caller(worker: Worker) -> None:
    def fail() -> Generator[None, None, None]:
        yield
        raise ValueError("a step failed")

    with pytest.raises(ValueError, match="a step failed"):
        await worker.run_long("compute", {}, 1, fail())
