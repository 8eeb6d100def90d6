"""What takes long makes way: short requests do not wait for its place, and it is told at once if it is too late."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from service.api.admission import Admission
from service.api.limits import check_turn
from service.api.problems import ProblemError
from service.app import create_app
from service.engine.engine import SYNTHETIC, Engine
from service.engine.plan import Plan, Question
from service.engine.synthetic import SyntheticParameters
from service.engine.tokens import Text
from service.engine.view import Sight
from service.settings import Settings
from tests.api.problems import expect
from tests.api.test_admission import begun, exchange, make_admission
from tests.conftest import START_SECONDS, running

LONG = {"sentence": "word " * 60_000, "top_k": 1, "include": ["attentions"]}
"""Takes seconds."""


async def test_the_slot_of_what_takes_long_is_given_to_who_waits() -> None:
    admission = make_admission(slots=1)
    long = await begun(admission)
    waiting = asyncio.create_task(begun(admission))
    await asyncio.sleep(0)
    admission.step_aside(long)
    await waiting
    assert (admission.aside, admission.at_work, admission.waiting) == (1, 1, 0)


async def test_what_takes_long_in_several_ways_counts_once_and_until_it_ends() -> None:
    admission = make_admission()
    long = await begun(admission)
    admission.step_aside(long)
    admission.step_aside(long)
    assert (admission.aside, admission.at_work) == (1, 0)
    admission.admit(other := exchange(), 0)
    admission.end(other)
    admission.end(long)
    assert (admission.aside, admission.at_work) == (0, 0)


async def test_as_many_step_aside_as_may_work_and_wait() -> None:
    admission = make_admission(slots=1, queue=1)
    for _ in range(2):
        admission.step_aside(await begun(admission))
    third = await begun(admission)
    with pytest.raises(ProblemError) as refused:
        admission.step_aside(third)
    assert (refused.value.code, refused.value.headers) == ("too-many-requests", {"Retry-After": "1"})
    assert admission.at_work == 1


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
        while not admission.aside:  # noqa: ASYNC110  # it tells no event
            await asyncio.sleep(0)
        for path in ("/tokenize", "/attention", "/heatmap"):
            assert (await client.post(path, json={"sentence": "hi"})).status_code == 200
        assert not long.done()
        long.cancel()
    assert admission.aside == 0


async def test_a_long_request_whose_turn_would_come_too_late_is_told_at_once(
    client: httpx.AsyncClient, narrow: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(narrow.state.operations().engine.worker, "seconds_ahead", lambda _seconds: 1000.0)
    for path in ("/attention", "/heatmap"):
        response = await client.post(path, json={"sentence": LONG["sentence"]} | (LONG if path == "/attention" else {}))
        problem = expect(response, 429, "too-many-requests")
        assert "Long requests need about 1000 seconds before this one has its turn" in problem["detail"]
        assert int(response.headers["retry-after"]) > 900
    dry = await client.post("/attention", json=LONG | {"dry_run": True})
    assert dry.status_code == 200
    assert (await client.post("/attention", json={"sentence": "hi"})).status_code == 200


@pytest.fixture(scope="module")
async def plan() -> Plan:
    """What takes some milliseconds."""
    engine = Engine("cpu", max_tokens=16)
    model = engine.model(SYNTHETIC)
    tokens = await engine.tokenize(model, Text("word " * 3000, limit=3000), {})
    question = Question(SyntheticParameters(), include=("attentions",), sight=Sight(top_k=1))
    return await engine.plan(model, tokens, None, question, {})


def test_what_ends_in_time_after_those_ahead_of_it_is_let_pass(plan: Plan) -> None:
    check_turn(plan, ahead=20, limit=20 + plan.seconds)


def test_who_comes_back_as_late_as_told_is_let_pass(plan: Plan) -> None:
    with pytest.raises(ProblemError) as refused:
        check_turn(plan, ahead=25, limit=20)
    assert refused.value.headers is not None
    later = int(refused.value.headers["Retry-After"])
    check_turn(plan, ahead=25 - later, limit=20)


def test_what_nobody_is_ahead_of_is_let_pass(plan: Plan) -> None:
    check_turn(plan, ahead=0, limit=plan.seconds / 2)
