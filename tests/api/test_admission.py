"""How many requests work, wait and hold memory at the same time, and what becomes of the others."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from service.api.admission import Admission
from service.api.exchange import Exchange
from service.api.explorer import FOLDER
from service.api.problems import DeadlineError, ProblemError, SlowSenderError
from service.app import create_app
from service.settings import Settings
from tests.api.problems import expect
from tests.conftest import running


def make_admission(slots: int = 1, queue: int = 1, most_bytes: int = 100, timeout: float = 60) -> Admission:
    return Admission(slots, queue, most_bytes, timeout, most_body_bytes=80)


def exchange() -> Exchange:
    return Exchange("id", "POST", "/attention")


class Clock:
    """Stands still until it is put forward."""

    seconds = 1000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The admission's."""
    clock = Clock()
    monkeypatch.setattr("service.api.admission.perf_counter", lambda: clock.seconds)
    return clock


async def begun(admission: Admission) -> Exchange:
    """A request that works."""
    one = exchange()
    await admission.begin(one)
    return one


async def test_as_many_work_as_there_are_slots() -> None:
    admission = make_admission(slots=2)
    await begun(admission)
    await begun(admission)
    third = asyncio.create_task(begun(admission))
    await asyncio.sleep(0)
    assert (admission.at_work, admission.waiting, third.done()) == (2, 1, False)
    third.cancel()


async def test_who_waited_longest_works_next() -> None:
    admission = make_admission(queue=2)
    first = await begun(admission)
    order: list[int] = []

    async def note(number: int) -> None:
        one = await begun(admission)
        order.append(number)
        admission.end(one)

    waiting = [asyncio.create_task(note(number)) for number in (1, 2)]
    await asyncio.sleep(0)
    admission.end(first)
    await asyncio.gather(*waiting)
    assert (order, admission.at_work, admission.waiting) == ([1, 2], 0, 0)


async def test_beyond_the_queue_a_request_is_refused_before_its_body_is_read() -> None:
    admission = make_admission(queue=0)
    await begun(admission)
    with pytest.raises(ProblemError) as refused:
        admission.admit(exchange(), 0)
    assert (refused.value.code, refused.value.headers) == ("too-many-requests", {"Retry-After": "1"})


async def test_who_goes_while_it_waits_leaves_its_place() -> None:
    admission = make_admission()
    await begun(admission)
    waiting = asyncio.create_task(begun(admission))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert admission.waiting == 0


async def test_a_slot_given_to_who_goes_at_that_moment_is_passed_on() -> None:
    admission = make_admission(queue=2)
    first = await begun(admission)
    going, next_one = [asyncio.create_task(begun(admission)) for _ in range(2)]
    await asyncio.sleep(0)
    admission.end(first)
    going.cancel()
    await asyncio.wait([going, next_one])
    assert (going.cancelled(), next_one.cancelled(), admission.at_work) == (True, False, 1)


async def test_who_goes_at_the_moment_a_slot_is_passed_on_gets_none() -> None:
    admission = make_admission()
    first = await begun(admission)
    going = asyncio.create_task(begun(admission))
    await asyncio.sleep(0)
    going.cancel()
    admission.end(first)
    await asyncio.wait([going])
    assert (going.cancelled(), admission.at_work, admission.waiting) == (True, 0, 0)


@pytest.mark.parametrize(("seconds", "most"), [(0.001, 9), (0.009, 3), (10, 0)])
async def test_after_a_burst_as_many_wait_as_get_a_slot_soon(clock: Clock, seconds: float, most: int) -> None:
    admission = make_admission(queue=9)
    await work_for(admission, seconds, clock)
    async with queued(admission, 12):
        assert admission.waiting == 9
    async with queued(admission, 12):
        assert admission.waiting == most


async def test_another_burst_may_follow_a_calm(clock: Clock) -> None:
    admission = make_admission(queue=9)
    await work_for(admission, 10, clock)
    for _ in range(2):
        async with queued(admission, 12):
            assert admission.waiting == 9
        clock.seconds += 1.1


async def work_for(admission: Admission, seconds: float, clock: Clock) -> None:
    """Let many requests be at work so long."""
    for _ in range(1000):
        one = await begun(admission)
        clock.seconds += seconds
        admission.end(one)


@asynccontextmanager
async def queued(admission: Admission, number: int) -> AsyncIterator[None]:
    """A request at work, so many that come at once after it, and what becomes of them."""
    tasks = [asyncio.create_task(begun(admission)) for _ in range(1 + number)]
    await asyncio.sleep(0)
    yield
    for task in reversed(tasks):
        task.cancel()
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, Exchange):
            admission.end(ended)


async def test_bytes_in_flight_have_a_bound() -> None:
    admission = make_admission(slots=9)
    admission.admit(exchange(), 60)
    with pytest.raises(ProblemError) as refused:
        admission.admit(exchange(), 41)
    assert refused.value.code == "too-many-bytes"
    admission.admit(exchange(), 40)


async def test_a_body_of_unknown_length_counts_as_the_largest() -> None:
    admission = make_admission()
    admission.admit(exchange(), None)
    assert admission.reserved_bytes == 80


async def test_one_request_alone_may_have_any_size() -> None:
    admission = make_admission()
    one = exchange()
    admission.admit(one, 10)
    admission.reserve(one, 1000)
    admission.end(one)
    assert admission.reserved_bytes == 0


async def test_what_is_not_answered_in_time_is_abandoned() -> None:
    assert isinstance(await late(is_read=True), DeadlineError)


async def test_what_has_not_all_come_in_time_is_its_senders_fault() -> None:
    assert isinstance(await late(is_read=False), SlowSenderError)


async def late(*, is_read: bool) -> ProblemError | None:
    """What is answered to a request whose time is over."""
    admission = make_admission(timeout=0)
    work = asyncio.create_task(_wait_for_ever(admission, is_read))
    await asyncio.sleep(0)
    admission.expire()
    return await work


async def _wait_for_ever(admission: Admission, is_read: bool) -> ProblemError | None:
    one = exchange()
    admission.admit(one, 0)
    try:
        if is_read:
            await admission.begin(one)
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        return one.abandoned_for
    return None


@pytest.fixture(scope="module")
async def app() -> FastAPI:
    return create_app(Settings(device="cpu", max_concurrent_requests=1, max_queued_requests=0, request_timeout=1))


@pytest.fixture(scope="module")
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(app) as client:
        yield client


@pytest.fixture
async def busy(app: FastAPI) -> AsyncIterator[None]:
    """While the only slot is taken."""
    admission: Admission = app.state.admission
    one = await begun(admission)
    yield
    admission.end(one)


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("path", ["/tokenize?sentence=hi", "/models", "/nowhere"])
async def test_a_full_house_answers_429_with_retry_after(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    expect(response, 429, "too-many-requests")
    assert response.headers["retry-after"] == "1"


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health", "/", f"{FOLDER}/app.js"])
async def test_probes_and_the_page_are_answered_in_a_full_house(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


async def test_a_request_beyond_its_deadline_is_a_504_and_leaves_nothing_behind(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        never = asyncio.Event()
        patch.setattr(app.state.operations().engine, "tokenize", lambda *_: never.wait())
        expect(await client.post("/tokenize", json={"sentence": "hi"}), 504, "deadline-exceeded")
    assert (app.state.admission.at_work, app.state.admission.reserved_bytes) == (0, 0)
    assert (await client.post("/tokenize", json={"sentence": "hi"})).is_success


async def test_the_answers_bytes_count_while_it_is_made(client: httpx.AsyncClient, app: FastAPI) -> None:
    admission: Admission = app.state.admission
    other = exchange()
    admission.admit(other, 0)
    admission.reserve(other, 128 * 1024**2 - 1000)
    try:
        refused = await client.get("/attention", params={"sentence": "a " * 100})
    finally:
        admission.end(other)
    expect(refused, 429, "too-many-bytes")
    assert admission.reserved_bytes == 0
