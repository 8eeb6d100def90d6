"""What takes long makes way: short requests do not wait for its place, and it is told at once if it is too late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.api.admission import Admission
from service.api.limits import check_turn
from service.api.problems import ProblemError
from service.app import create_app
from service.settings import Settings
from tests.api.problems import expect
from tests.api.test_admission import begun, make_admission
from tests.conftest import START_SECONDS, running

LONG = {"sentence": "word " * 60_000, "top_k": 1, "include": ["attentions"]}
"""Takes seconds."""


async def test_the_slot_of_what_takes_long_is_given_to_who_waits() -> None:
    admission = make_admission(slots=1)
    long = await begun(admission)
    waiting = asyncio.create_task(begun(admission))
    await asyncio.sleep(0)
    async with admission.aside(long):
        short = await waiting
        assert (admission.without_slot, admission.at_work, admission.waiting) == (1, 1, 0)
        admission.end(short)
    assert (admission.without_slot, admission.at_work) == (0, 1)
    admission.end(long)
    assert admission.at_work == 0


async def test_what_took_long_goes_on_before_those_that_wait() -> None:
    admission = make_admission(slots=1, queue=2)
    order = list[str]()

    async def take_long(release: asyncio.Event) -> None:
        long = await begun(admission)
        async with admission.aside(long):
            await release.wait()
        order.append("long")
        admission.end(long)

    async def be_short() -> None:
        short = await begun(admission)
        order.append("short")
        admission.end(short)

    long = asyncio.create_task(take_long(release := asyncio.Event()))
    await asyncio.sleep(0)
    at_work = await begun(admission)
    short = asyncio.create_task(be_short())
    await asyncio.sleep(0)
    release.set()
    await asyncio.sleep(0)
    admission.end(at_work)
    await asyncio.gather(long, short)
    assert order == ["long", "short"]


async def test_who_goes_while_it_is_aside_or_comes_back_leaves_nothing_behind() -> None:
    admission = make_admission(slots=1, queue=2)

    async def take_long(release: asyncio.Event) -> None:
        long = await begun(admission)
        try:
            async with admission.aside(long):
                await release.wait()
        finally:
            admission.end(long)

    never, now = asyncio.Event(), asyncio.Event()
    gone = [asyncio.create_task(take_long(each)) for each in (never, now)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    at_work = await begun(admission)
    now.set()
    await asyncio.sleep(0)
    assert (admission.without_slot, admission.at_work, admission.waiting) == (1, 1, 1)
    for each in gone:
        each.cancel()
    await asyncio.wait(gone)
    assert (admission.without_slot, admission.at_work, admission.waiting) == (0, 1, 0)
    admission.end(at_work)
    assert admission.at_work == 0


async def test_as_many_step_aside_as_may_work_and_wait() -> None:
    admission = make_admission(slots=3, queue=0)
    async with AsyncExitStack() as stack:
        for _ in range(3):
            await stack.enter_async_context(admission.aside(await begun(admission)))
        fourth = await begun(admission)
        with pytest.raises(ProblemError) as refused:
            await stack.enter_async_context(admission.aside(fourth))
        assert (refused.value.code, refused.value.headers) == ("too-many-requests", {"Retry-After": "1"})
        assert admission.at_work == 1
        admission.end(fourth)


@pytest.fixture
def narrow() -> FastAPI:
    """A service where one request works at a time, and none waits for it."""
    return create_app(Settings(max_tokens=16, max_concurrent_requests=1, max_queued_requests=0))


@pytest.fixture
async def client(narrow: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with running(narrow) as client:
        yield client


async def test_short_requests_are_answered_while_a_long_one_is_computed(
    client: httpx.AsyncClient, narrow: FastAPI
) -> None:
    admission: Admission = narrow.state.admission
    async with asyncio.timeout(START_SECONDS), asyncio.TaskGroup() as tasks:
        long = tasks.create_task(client.post("/attention", json=LONG))
        while not admission.without_slot:  # noqa: ASYNC110  # it tells no event
            await asyncio.sleep(0)
        for path in ("/tokenize", "/attention", "/heatmap"):
            assert (await client.post(path, json={"sentence": "hi"})).status_code == 200
        assert not long.done()
        long.cancel()
    assert (admission.without_slot, admission.at_work) == (0, 0)


async def test_a_long_request_whose_turn_would_come_too_late_is_told_at_once(
    client: httpx.AsyncClient, narrow: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrow.state.operations().engine.worker, "seconds_ahead", lambda _seconds: 1000.0)
    for path in ("/attention", "/heatmap"):
        response = await client.post(path, json={"sentence": LONG["sentence"]} | (LONG if path == "/attention" else {}))
        problem = expect(response, 429, "too-many-requests")
        assert "Other long requests need about 1000.0 seconds before this one has its turn" in problem["detail"]
        assert int(response.headers["retry-after"]) > 900
    dry = await client.post("/attention", json=LONG | {"dry_run": True})
    assert dry.status_code == 200
    assert (await client.post("/attention", json={"sentence": "hi"})).status_code == 200


@pytest.mark.parametrize("path", ["/attention", "/heatmap"])
async def test_a_text_of_many_characters_that_is_short_work_is_computed_in_a_slot(
    client: httpx.AsyncClient, narrow: FastAPI, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    admission: Admission = narrow.state.admission
    worker = narrow.state.operations().engine.worker
    slots = list[tuple[str, int, int]]()
    run, run_long = worker.run, worker.run_long

    def note(way: Any) -> Any:
        def noted(stage: str, *args: Any) -> Any:
            slots.append((stage, admission.at_work, admission.without_slot))
            return way(stage, *args)

        return noted

    monkeypatch.setattr(worker, "run", note(run))
    monkeypatch.setattr(worker, "run_long", note(run_long))
    response = await client.post(path, json={"sentence": "be" + " " * 200_000})
    assert response.status_code == 200
    assert slots[0] == ("tokenize", 0, 1)
    assert {each[1:] for each in slots[1:]} == {(1, 0)}


def test_what_ends_in_time_after_those_ahead_of_it_is_let_pass() -> None:
    check_turn(10, ahead=20, left=30)


def test_who_comes_back_as_late_as_told_is_let_pass() -> None:
    with pytest.raises(ProblemError) as refused:
        check_turn(9.5, ahead=25, left=20)
    assert refused.value.headers is not None
    later = int(refused.value.headers["Retry-After"])
    check_turn(9.5, ahead=25 - later, left=20)


def test_what_nobody_is_ahead_of_is_let_pass() -> None:
    check_turn(10, ahead=0, left=5)
