"""Batches: an answer does not depend on what it was computed with, and nobody suffers from a neighbour."""

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.batching import Batcher
from service.engine.engine import Engine
from service.engine.models import Batching
from service.engine.plan import Plan, Question
from service.engine.running import Job
from service.engine.sources import Source
from service.engine.worker import Worker
from tests.engine.test_pretrained import SENTENCES, plan_for

NAMES = ("bert", "modernbert", "gpt2", "mistral", "gptoss", "t5", "debertav2", "bloom")
MIXTURES = st.lists(st.one_of(st.sampled_from(SENTENCES), st.text("ab é", min_size=1).map("x".__add__)), max_size=7)
LAYERS = st.one_of(st.none(), st.lists(st.integers(0, 2), min_size=1, unique=True).map(tuple))
HEADS = st.one_of(st.none(), st.lists(st.integers(0, 3), min_size=1, unique=True).map(tuple))
QUESTIONS = st.tuples(LAYERS, HEADS).map(lambda chosen: Question(layers=chosen[0], heads=chosen[1]))


@pytest.fixture(scope="module")
def exact(folders: dict[str, Path]) -> Iterator[Engine]:
    """An engine whose answers are to be equal to the last bit."""
    engine = Engine("cpu")
    for name in NAMES:
        engine.add(Source(name, str(folders[name]), None), "float32", Batching("exact"))
    yield engine
    engine.close()


async def attentions(engine: Engine, name: str, sentence: str, question: Question) -> np.ndarray:
    plan = await plan_for(engine, name, sentence, question)
    answer: np.ndarray = (await engine.attend(engine.model(name), plan, {})).tensors["attentions"]
    return answer


async def alone_and_in_company(
    engine: Engine, name: str, question: Question, others: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    alone = await attentions(engine, name, SENTENCES[1], question)
    *_, company = await asyncio.gather(
        attentions(engine, name, "first of all, which runs alone", question),
        *(attentions(engine, name, other, Question()) for other in others),
        attentions(engine, name, SENTENCES[1], question),
    )
    return alone, company


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(QUESTIONS, MIXTURES)
async def test_any_company_changes_an_answer_by_a_millionth_at_most(
    zoo: Engine, name: str, question: Question, others: list[str]
) -> None:
    alone, company = await alone_and_in_company(zoo, name, question, others)
    np.testing.assert_allclose(company, alone, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=12)
@given(QUESTIONS, MIXTURES)
async def test_exact_answers_are_equal_in_every_bit_in_any_company(
    exact: Engine, name: str, question: Question, others: list[str]
) -> None:
    alone, company = await alone_and_in_company(exact, name, question, others)
    assert alone.tobytes() == company.tobytes()


class Counting:
    """A runner that notes its batches; a text with `bad` tokens fails with all that run with it."""

    def __init__(self, bad: int = -1) -> None:
        self.batches: list[list[int]] = []
        self._bad = bad

    def run(self, jobs: Sequence[Job]) -> None:
        lengths = [len(job.plan.source) for job in jobs]
        self.batches.append(lengths)
        if self._bad in lengths:
            raise RuntimeError("out of memory")


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(1)
    yield worker
    worker.close()


async def plans(engine: Engine, *lengths: int) -> list[Plan]:
    return [await plan_for(engine, "gpt2", "." * length, Question()) for length in lengths]


async def run_all(batcher: Batcher, plans: list[Plan]) -> list[Job | BaseException]:
    return await asyncio.gather(*(batcher.compute(plan, {}) for plan in plans), return_exceptions=True)


async def test_what_waits_while_a_batch_runs_goes_together_within_the_budget(zoo: Engine, worker: Worker) -> None:
    runner = Counting()
    await run_all(Batcher(worker, runner, max_tokens=20, max_bytes=10**9), await plans(zoo, 3, 9, 9, 9, 5, 2))
    assert runner.batches == [[3, 9], [9, 9], [5, 2]]


async def test_the_bytes_of_answers_bound_a_batch_too(zoo: Engine, worker: Worker) -> None:
    runner = Counting()
    await run_all(Batcher(worker, runner, max_tokens=10**6, max_bytes=4 * 4 * 100), await plans(zoo, 9, 5, 5, 5))
    assert runner.batches == [[9], [5, 5, 5]]


async def test_a_text_over_the_budget_runs_alone(zoo: Engine, worker: Worker) -> None:
    runner = Counting()
    await run_all(Batcher(worker, runner, max_tokens=4, max_bytes=10**9), await plans(zoo, 9, 2, 2))
    assert runner.batches == [[9], [2, 2]]


async def test_a_text_that_fails_takes_no_other_with_it(zoo: Engine, worker: Worker) -> None:
    batcher = Batcher(worker, Counting(bad=5), max_tokens=10**6, max_bytes=10**9)
    answers = await run_all(batcher, await plans(zoo, 3, 4, 5, 6))
    assert [type(answer).__name__ for answer in answers] == ["Job", "Job", "RuntimeError", "Job"]


async def test_after_a_failure_the_next_request_is_answered(zoo: Engine, worker: Worker) -> None:
    batcher = Batcher(worker, Counting(bad=5), max_tokens=10**6, max_bytes=10**9)
    await run_all(batcher, await plans(zoo, 5))
    (answer,) = await run_all(batcher, await plans(zoo, 4))
    assert isinstance(answer, Job)


async def test_a_request_that_was_given_up_is_not_computed(zoo: Engine, worker: Worker) -> None:
    runner = Counting()
    batcher = Batcher(worker, runner, max_tokens=10**6, max_bytes=10**9)
    given_up = asyncio.create_task(batcher.compute((await plans(zoo, 7))[0], {}))
    await asyncio.sleep(0)  # it waits now, and nothing runs yet
    given_up.cancel()
    await run_all(batcher, await plans(zoo, 4))
    assert runner.batches == [[4]]
