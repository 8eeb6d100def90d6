"""Statistics, rollout, value-weighted attentions and words, against a few lines of numpy."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from service.engine.analyses import of_rows, roll_out, value_weighted
from service.engine.engine import Engine
from service.engine.plan import Question
from service.engine.shapes import STATISTICS
from service.engine.tokenizer import bert_base_uncased
from service.engine.tokens import Text
from service.engine.words import words_of
from tests.engine.test_pretrained import CAPTURED, SENTENCES, plan_for
from tests.models import ARCHITECTURES
from tests.strategies import SEEDS, TEXTS

LENGTHS = st.integers(1, 12)


def rows(seed: int, n: int, heads: int = 2) -> np.ndarray:
    """Attentions of `heads` heads, some of them exactly 0."""
    random = np.random.default_rng(seed)
    matrices = random.dirichlet(np.full(n, 0.2), (heads, n))
    matrices[matrices < 1e-3] = 0
    normalised: np.ndarray = matrices / matrices.sum(-1, keepdims=True)
    return normalised


def mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


def reference_statistics(a: np.ndarray, special: list[int]) -> dict[str, float]:
    n = len(a)
    return {
        "entropy": mean([-sum(p * np.log(p) for p in row if p > 0) for row in a]),
        "distance": mean([sum(a[i, j] * abs(i - j) for j in range(n)) for i in range(n)]),
        "self": mean([a[i, i] for i in range(n)]),
        "previous": mean([a[i, i - 1] for i in range(1, n)]),
        "next": mean([a[i, i + 1] for i in range(n - 1)]),
        "first": mean([a[i, 0] for i in range(n)]),
        "special": mean([sum(a[i, j] for j in range(n) if special[j]) for i in range(n)] if any(special) else []),
        "maximum": a.max(),
    }


@given(SEEDS, LENGTHS, st.data())
def test_statistics_are_those_of_a_few_lines_of_numpy(seed: int, n: int, data: st.DataObject) -> None:
    attentions = rows(seed % 2**32, n)
    special = data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n))
    ours = of_rows("statistics", torch.tensor(attentions), 0, special)
    for head, numbers in zip(attentions, ours, strict=True):
        expected = reference_statistics(head, special)
        np.testing.assert_allclose(numbers, [expected[name] for name in STATISTICS], atol=1e-9)


@given(SEEDS, LENGTHS, st.integers(1, 4))
def test_rollout_is_the_product_of_the_layers_mixed_with_the_identity(seed: int, n: int, layers: int) -> None:
    means = [rows(seed % 2**32 + layer, n).mean(0) for layer in range(layers)]
    product = np.eye(n)
    for attentions, ours in zip(means, roll_out([torch.tensor(matrix) for matrix in means]), strict=True):
        mixed = 0.5 * (attentions + np.eye(n))
        product = (mixed / mixed.sum(-1, keepdims=True)) @ product
        np.testing.assert_allclose(ours, product, atol=1e-9)
        np.testing.assert_allclose(ours.sum(-1), 1, atol=1e-9)


def test_rollout_of_attentions_that_do_not_sum_to_1_still_does() -> None:
    (rolled,) = roll_out([torch.full((3, 3), 0.1)])
    torch.testing.assert_close(rolled.sum(-1), torch.ones(3))


@given(SEEDS, LENGTHS)
def test_value_weighted_attentions_are_scaled_by_the_norms_of_projected_values(seed: int, n: int) -> None:
    random = np.random.default_rng(seed % 2**32)
    attentions, value, weights = rows(seed % 2**32, n), random.normal(size=(2, n, 3)), random.normal(size=(2, 3, 5))
    ours = value_weighted(torch.tensor(attentions), torch.tensor(value), torch.tensor(weights))
    for head in range(2):
        norms = [np.sqrt(sum((value[head, j] @ weights[head]) ** 2)) for j in range(n)]
        np.testing.assert_allclose(ours[head], attentions[head] * norms, atol=1e-9)


PROJECTIONS = {
    "bert": "encoder.layer.1.attention.output.dense.weight",
    "gpt2": "h.1.attn.c_proj.weight",
    "qwen3": "layers.1.self_attn.o_proj.weight",
    "bart": "encoder.layers.1.self_attn.out_proj.weight",
    "gptoss": "layers.1.self_attn.o_proj.weight",
}
"""What the models call W_O of layer 1. GPT-2 keeps it the other way round."""


@pytest.mark.parametrize("name", PROJECTIONS)
async def test_value_weighted_uses_the_models_own_projection(zoo: Engine, folders: dict[str, Path], name: str) -> None:
    include = ["attentions", "value", "value_weighted"]
    plan = await plan_for(zoo, name, SENTENCES[1], Question(layers=(1,), include=tuple(include)))
    tensors = (await zoo.attend(zoo.model(name), plan, {})).tensors
    weight = load_file(folders[name] / "model.safetensors")[PROJECTIONS[name]].numpy()
    by_head = (weight if name == "gpt2" else weight.T).reshape(4, -1, 32)
    norms = np.linalg.norm(tensors["value"][0] @ by_head, axis=-1)
    expected = tensors["attentions"][0] * norms[:, None, :]
    np.testing.assert_allclose(tensors["value_weighted"][0], expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", CAPTURED)
async def test_every_captured_architecture_has_an_output_projection(zoo: Engine, name: str) -> None:
    assert "value_weighted" in zoo.model(name).facts.tensors


@pytest.mark.parametrize("name", ["bert", "bloom", "synthetic"])
async def test_rollout_takes_all_heads_of_all_layers_below_whatever_is_asked_for(zoo: Engine, name: str) -> None:
    layers = list(range(next(iter(zoo.model(name).facts.stacks.values()))))
    every = await plan_for(zoo, name, SENTENCES[1], Question(layers=tuple(layers)))
    attentions = (await zoo.attend(zoo.model(name), every, {})).tensors["attentions"]
    expected = roll_out([torch.tensor(layer.mean(0)) for layer in attentions])[-1]
    one = await plan_for(zoo, name, SENTENCES[1], Question(layers=(-1,), heads=(0,), include=("rollout", "attentions")))
    answer = (await zoo.attend(zoo.model(name), one, {})).tensors
    np.testing.assert_allclose(answer["rollout"][0], expected, atol=1e-6)
    assert answer["attentions"].shape[:2] == (1, 1)


@settings(max_examples=60)
@given(TEXTS, TEXTS)
def test_each_token_is_part_of_one_word_which_is_the_text_at_its_place(first: str, second: str) -> None:
    tokens = bert_base_uncased()(Text(first, second, add_special_tokens=True))
    words = words_of(tokens)
    assert [index for word in words for index in word.token_indices] == list(range(len(tokens)))
    for word in words:
        sentence = tokens.sentences[tokens.sequence_ids[word.token_indices[0]] or 0]
        assert word.start is None or word.text == sentence[word.start : word.end]


@settings(max_examples=60)
@given(TEXTS)
def test_words_are_apart_by_whitespace_and_have_none_between_their_pieces(sentence: str) -> None:
    tokens = bert_base_uncased()(Text(sentence))
    words = words_of(tokens)
    for before, behind in pairwise(words):
        assert any(map(str.isspace, sentence[before.end : behind.start]))
    for word in words:
        places = [tokens.offsets[index] or (0, 0) for index in word.token_indices]
        for (_, end), (start, _) in pairwise(places):
            assert not any(map(str.isspace, sentence[end:start]))


@pytest.mark.parametrize("name", ARCHITECTURES)
async def test_every_tokenizers_words_are_those_between_spaces(zoo: Engine, name: str) -> None:
    """Whatever the tokenizer calls a word: Llama's says [0, 0, 0, 0] for "hi hi"."""
    sentence = "hi  hi transformers, naïve processing. "
    tokens = await zoo.tokenize(zoo.model(name), Text(sentence, add_special_tokens=True), {})
    texts = [word.text for word in words_of(tokens) if word.start is not None]
    assert texts == ["hi", "hi", "transformers,", "naïve", "processing."]


@pytest.mark.parametrize("name", ["bert", "gpt2", "t5"])
async def test_rows_of_words_are_sums_over_keys_and_means_over_queries(zoo: Engine, name: str) -> None:
    plan = await plan_for(zoo, name, SENTENCES[1], Question(level="word", include=("attentions", "rollout")))
    answer = await zoo.attend(zoo.model(name), plan, {})
    pieces = await plan_for(zoo, name, SENTENCES[1], Question(include=("attentions",)))
    of_tokens = (await zoo.attend(zoo.model(name), pieces, {})).tensors["attentions"][0, 0]
    words = answer.words or ()
    expected = [[of_tokens[q.token_indices][:, k.token_indices].sum(1).mean() for k in words] for q in words]
    np.testing.assert_allclose(answer.tensors["attentions"][0, 0], expected, atol=1e-6)
    np.testing.assert_allclose(answer.tensors["attentions"].sum(-1), 1, atol=1e-5)
    np.testing.assert_allclose(answer.tensors["rollout"].sum(-1), 1, atol=1e-5)


async def test_words_of_a_model_with_sinks_have_their_share_too(zoo: Engine) -> None:
    plan = await plan_for(zoo, "gptoss", SENTENCES[1], Question(level="word"))
    tensors = (await zoo.attend(zoo.model("gptoss"), plan, {})).tensors
    np.testing.assert_allclose(tensors["attentions"].sum(-1) + tensors["sink"], 1, atol=1e-5)
