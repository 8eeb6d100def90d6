"""The engine alone: shapes, one matrix picked or reduced out of many, refusals and the device."""

from collections.abc import Collection, Iterator, Sequence
from typing import Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from service.engine import engine as engine_module
from service.engine import synthetic_model
from service.engine.collecting import HEAD_TENSORS, SHARED_TENSORS, HeadReduction
from service.engine.engine import SYNTHETIC, Engine
from service.engine.errors import IndexOutOfRangeError, NoTokensError, TooManyTokensError, UnknownModelError
from service.engine.plan import Attention, Question
from service.engine.synthetic import Draws, SyntheticParameters
from service.engine.tokens import Text, Tokens
from service.engine.worker import Timings
from tests import notebook
from tests.strategies import TEXTS, WIDTHS

MAX_TOKENS = 200
THREE_HEADS = SyntheticParameters(num_heads=3)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = Engine("cpu", max_tokens=MAX_TOKENS)
    yield engine
    engine.close()


async def tokens_of(engine: Engine, sentence: str = notebook.SENTENCE) -> Tokens:
    return await engine.tokenize(engine.model(SYNTHETIC), Text(sentence), {})


async def attend(
    engine: Engine, tokens: Tokens, parameters: SyntheticParameters, include: Sequence[str], timings: Timings
) -> Attention:
    model = engine.model(SYNTHETIC)
    plan = model.plan(tokens, None, Question(parameters, include=tuple(include)))
    return await engine.attend(model, plan, timings)


async def matrices(
    engine: Engine, parameters: SyntheticParameters, tensor: str, layer: int, heads: int | HeadReduction | None
) -> list[np.ndarray]:
    """As a picture has them: of one head, of all reduced to one, or of each."""
    model = engine.model(SYNTHETIC)
    question = Question(
        parameters,
        layers=(layer,),
        heads=(heads,) if isinstance(heads, int) else None,
        include=(tensor,),
        picture=True,
        reduction=heads if isinstance(heads, str) else None,
    )
    return await engine.matrices(model, model.plan(await tokens_of(engine), None, question), {})


async def attentions(engine: Engine, parameters: SyntheticParameters) -> np.ndarray:
    """Of the notebook's sentence, [head][query][key]."""
    attention = await attend(engine, await tokens_of(engine), parameters, ["attentions"], {})
    heads: np.ndarray = attention.tensors["attentions"][0]
    return heads


async def one(engine: Engine, head: int | HeadReduction, layer: int = 0) -> np.ndarray:
    [matrix] = await matrices(engine, THREE_HEADS, "attentions", layer, head)
    return matrix


@settings(max_examples=40)
@given(text=TEXTS, heads=st.integers(1, 5), d_model=WIDTHS, d_k=WIDTHS, d_v=WIDTHS)
async def test_every_tensor_has_its_shape(
    engine: Engine, text: str, heads: int, d_model: int, d_k: int, d_v: int
) -> None:
    parameters = SyntheticParameters(d_model=d_model, d_k=d_k, d_v=d_v, num_heads=heads)
    tokens = await tokens_of(engine, text)
    attention = await attend(engine, tokens, parameters, [*SHARED_TENSORS, *HEAD_TENSORS], {})
    n = len(tokens)
    assert {name: tensor.shape for name, tensor in attention.tensors.items()} == {
        "embedding": (n, d_model),
        "query_weights": (d_model, heads * d_k),
        "key_weights": (d_model, heads * d_k),
        "value_weights": (d_model, heads * d_v),
        "query": (1, heads, n, d_k),
        "key": (1, heads, n, d_k),
        "value": (1, heads, n, d_v),
        "scores": (1, heads, n, n),
        "attentions": (1, heads, n, n),
        "output": (1, heads, n, d_v),
    }


@settings(max_examples=60)
@given(
    n=st.integers(1, MAX_TOKENS),
    heads=st.integers(2, 4),
    d_k=WIDTHS,
    d_v=WIDTHS,
    mask=st.sampled_from(["none", "causal"]),
)
async def test_heads_have_the_same_bits_whether_or_not_they_are_computed_where_they_are_answered(
    engine: Engine, n: int, heads: int, d_k: int, d_v: int, mask: Literal["none", "causal"]
) -> None:
    parameters = SyntheticParameters(d_k=d_k, d_v=d_v, num_heads=heads, mask=mask)
    tokens = await tokens_of(engine, "a " * n)
    there = await attend(engine, tokens, parameters, ["attentions", "output"], {})
    apart = await attend(engine, tokens, parameters, ["scores", "attentions", "output"], {})
    for name in ("attentions", "output"):
        np.testing.assert_array_equal(there.tensors[name], apart.tensors[name])


@pytest.mark.parametrize("names", [[], ["output"], ["embedding", "scores"]])
async def test_only_the_tensors_asked_for_are_answered(engine: Engine, names: list[str]) -> None:
    assert set((await attend(engine, await tokens_of(engine), THREE_HEADS, names, {})).tensors) == set(names)


async def test_the_axes_of_layers_and_heads_are_named(engine: Engine) -> None:
    attention = await attend(engine, await tokens_of(engine), THREE_HEADS, [], {})
    assert (list(attention.layers), list(attention.heads)) == ([0], [0, 1, 2])


@pytest.mark.parametrize("head", [0, 1, 2, -1, -2, -3])
async def test_one_head_is_that_of_all_heads_and_negatives_count_from_the_end(engine: Engine, head: int) -> None:
    np.testing.assert_array_equal(await one(engine, head), (await attentions(engine, THREE_HEADS))[head])


async def test_without_a_head_each_head_has_its_matrix(engine: Engine) -> None:
    every = await matrices(engine, THREE_HEADS, "attentions", 0, None)
    np.testing.assert_array_equal(every, await attentions(engine, THREE_HEADS))


@pytest.mark.parametrize("tensor", ["query", "key", "value", "scores", "output"])
async def test_other_tensors_are_those_that_attend_answers(engine: Engine, tensor: str) -> None:
    tokens = await tokens_of(engine)
    attention = await attend(engine, tokens, THREE_HEADS, [tensor], {})
    [matrix] = await matrices(engine, THREE_HEADS, tensor, 0, 1)
    np.testing.assert_array_equal(matrix, attention.tensors[tensor][0, 1])


async def test_the_embedding_is_one_matrix_for_all_heads(engine: Engine) -> None:
    tokens = await tokens_of(engine)
    [matrix] = await matrices(engine, THREE_HEADS, "embedding", 0, 0)
    np.testing.assert_array_equal(
        matrix, (await attend(engine, tokens, THREE_HEADS, ["embedding"], {})).tensors["embedding"]
    )


@pytest.mark.parametrize("tensor", ["scores", "attentions"])
@pytest.mark.parametrize("heads", [0, "mean", "max"])
async def test_masked_cells_of_a_matrix_are_nan(engine: Engine, tensor: str, heads: int | HeadReduction) -> None:
    causal = SyntheticParameters(num_heads=2, mask="causal")
    [matrix] = await matrices(engine, causal, tensor, 0, heads)
    np.testing.assert_array_equal(np.isnan(matrix), np.triu(np.ones_like(matrix), 1) == 1)


async def test_large_attention_is_computed_on_the_engines_thread(engine: Engine) -> None:
    timings: Timings = {}
    await attend(engine, await tokens_of(engine, "a " * MAX_TOKENS), SyntheticParameters(num_heads=64), [], timings)
    assert "queue" in timings


async def test_the_last_layer_is_the_only_one(engine: Engine) -> None:
    np.testing.assert_array_equal(await one(engine, 0, layer=-1), await one(engine, 0, layer=0))


async def test_the_maximum_is_that_of_all_heads(engine: Engine) -> None:
    np.testing.assert_array_equal(await one(engine, "max"), (await attentions(engine, THREE_HEADS)).max(axis=0))


async def test_the_mean_is_that_of_all_heads(engine: Engine) -> None:
    mean = (await attentions(engine, THREE_HEADS)).mean(axis=0, dtype=np.float64)
    np.testing.assert_allclose(await one(engine, "mean"), mean, rtol=1e-6)


@pytest.mark.parametrize("head", [3, -4, 10**30])
async def test_a_head_that_does_not_exist_is_refused_naming_the_count(engine: Engine, head: int) -> None:
    with pytest.raises(IndexOutOfRangeError, match=f"head is {head}, but the number of heads is 3: choose -3 to 2"):
        await one(engine, head)


@pytest.mark.parametrize("layer", [1, -2])
async def test_a_layer_that_does_not_exist_is_refused_naming_the_count(engine: Engine, layer: int) -> None:
    with pytest.raises(IndexOutOfRangeError, match=f"layer is {layer}, but the number of layers is 1: choose -1 to 0"):
        await one(engine, 0, layer)


async def test_as_many_tokens_as_allowed_are_taken(engine: Engine) -> None:
    assert len(await tokens_of(engine, "a " * MAX_TOKENS)) == MAX_TOKENS


async def test_too_many_tokens_are_refused_naming_both_numbers(engine: Engine) -> None:
    with pytest.raises(TooManyTokensError, match="has 201 tokens, the limit is 200"):
        await tokens_of(engine, "a " * (MAX_TOKENS + 1))


async def test_no_tokens_are_refused_naming_the_culprit(engine: Engine) -> None:
    with pytest.raises(NoTokensError, match="sentence_pair has no tokens"):
        await engine.tokenize(engine.model(SYNTHETIC), Text("a", " "), {})


def test_an_unknown_model_is_refused_naming_the_known_ones(engine: Engine) -> None:
    with pytest.raises(UnknownModelError, match=r"no model 'bert' here\. Choose one of: synthetic"):
        engine.model("bert")


async def test_the_draws_are_moved_to_the_configured_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Torch's `meta` device stands for a GPU: it is no CPU, and it is on every machine."""
    computed_on: list[str] = []

    def note_devices(
        draws: Draws,
        _parameters: SyntheticParameters,
        _heads: Sequence[int],
        _needs: Collection[str],
        _places: torch.Tensor | None,
    ) -> list[tuple[int, dict[str, Tensor]]]:
        computed_on.extend(getattr(draws, name).device.type for name in SHARED_TENSORS)
        return []

    monkeypatch.setattr(engine_module, "resolve_device", torch.device)
    monkeypatch.setattr(synthetic_model, "attend_heads", note_devices)
    engine = Engine("meta")
    await attend(engine, await tokens_of(engine), THREE_HEADS, [], {})
    engine.close()
    assert computed_on == ["meta"] * 4
