"""Many texts at once: each has the tokens and the numbers that it has alone, and one that fails harms no other."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.engine import SYNTHETIC, Engine
from service.engine.errors import NoTokensError, TooManyTokensError
from service.engine.plan import Attention, Question
from service.engine.running import Job
from service.engine.synthetic import SyntheticParameters
from service.engine.tokenizer import bert_base_uncased
from service.engine.tokens import Text, Tokens
from tests.strategies import SENTENCES

CASES = st.builds(Text, SENTENCES, st.one_of(st.none(), SENTENCES), st.booleans(), st.sampled_from([None, 3, 100]))
QUESTIONS = [
    Question(SyntheticParameters(num_heads=num_heads, embedding_mode=mode), seed, level=level, include=include)
    for num_heads in (1, 2)
    for mode in ("per_position", "per_token")
    for seed in (0, 1)
    for level in ("token", "word")
    for include in (None, ("attentions", "statistics"))
]


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine("cpu", max_tokens=200)
    yield engine
    engine.close()


@settings(max_examples=30)
@given(st.lists(CASES, max_size=20))
def test_texts_of_a_batch_have_the_tokens_that_they_have_alone(texts: list[Text]) -> None:
    tokenizer = bert_base_uncased()
    together = tokenizer.encode_all(texts)
    for text, encoding in zip(texts, together, strict=True):
        alone = tokenizer.encode(text)
        assert (encoding.ids, encoding.offsets, encoding.word_ids, encoding.type_ids, encoding.sequence_ids) == (
            alone.ids,
            alone.offsets,
            alone.word_ids,
            alone.type_ids,
            alone.sequence_ids,
        )


async def test_a_text_without_tokens_or_with_too_many_is_an_error_in_its_place(engine: Engine) -> None:
    model = engine.model(SYNTHETIC)
    asked = [(model, Text(sentence)) for sentence in ("a", " ", "b " * 201, "c")]
    first, empty, long, last = await engine.tokenize_all(asked, {})
    assert isinstance(empty, NoTokensError)
    assert isinstance(long, TooManyTokensError)
    assert isinstance(first, Tokens)
    assert isinstance(last, Tokens)
    assert first.tokens + last.tokens == ["a", "c"]


async def test_plans_computed_together_have_the_numbers_that_they_have_alone(engine: Engine) -> None:
    model = engine.model(SYNTHETIC)
    tokens = [model.tokenizer(Text(text)) for text in ("a b", "a a", "b a parser")]
    plans = [model.plan(source, None, question) for question in QUESTIONS for source in tokens]
    together = await engine.attend_all([(model, plan) for plan in plans], {})
    for plan, attention in zip(plans, together, strict=True):
        alone = await engine.attend(model, plan, {})
        assert isinstance(attention, Attention)
        assert attention.words == alone.words
        assert attention.tensors.keys() == alone.tensors.keys()
        for name, tensor in alone.tensors.items():
            np.testing.assert_array_equal(attention.tensors[name], tensor)


async def test_plans_of_a_pretrained_model_share_a_run(zoo: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    model = zoo.model("bert")
    runner = model._batcher._runner  # type: ignore[attr-defined]  # a pretrained model's
    batches: list[int] = []
    run = runner.run

    def counted(jobs: list[Job]) -> None:
        batches.append(len(jobs))
        run(jobs)

    monkeypatch.setattr(runner, "run", counted)
    plans = [model.plan(model.tokenizer(Text(text, add_special_tokens=True)), None, Question()) for text in "abc"]
    await asyncio.wait_for(zoo.attend_all([(model, plan) for plan in plans], {}), 60)
    assert batches == [3]
