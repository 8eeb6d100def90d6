"""Pretrained models: what is captured is what the eager implementation computes, for every architecture."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModel, PreTrainedModel

from service.engine import pretrained
from service.engine.collecting import HEAD_TENSORS, Collector
from service.engine.eager import EagerRunner
from service.engine.engine import Engine
from service.engine.errors import IndexOutOfRangeError, NotOfferedError
from service.engine.loading import DType, load
from service.engine.models import Batching
from service.engine.plan import Attention, Plan, Question, Stack
from service.engine.pretrained import PretrainedModel
from service.engine.running import Captured, Job
from service.engine.sources import Source
from service.engine.tokens import Text
from tests.models import ARCHITECTURES, EAGER, WITH_DECODER

CAPTURED = [architecture for architecture in ARCHITECTURES if architecture not in EAGER]
SENTENCES = [
    "Hi!",
    "Transformers are powerful models for natural language processing.",
    "naïve café, привет мир, 東京 and 🙂 are words, too; numbers 0123456789",
    "attention " * 12,
]
TARGET = "the lazy dog"


async def plan_for(engine: Engine, name: str, sentence: str, question: Question, target: str | None = None) -> Plan:
    model = engine.model(name)
    source = await engine.tokenize(model, Text(sentence, add_special_tokens=True), {})
    read = None if target is None else await engine.tokenize_target(model, Text(target), {})
    return model.plan(source, read, question)


async def attend(
    engine: Engine, name: str, question: Question, sentence: str = SENTENCES[1], target: str | None = None
) -> Attention:
    plan = await plan_for(engine, name, sentence, question, target)
    return await engine.attend(engine.model(name), plan, {})


def every_layer(engine: Engine, name: str, stack: Stack | None = None) -> range:
    facts = engine.model(name).facts
    return range(facts.stacks[stack or facts.default_stack])


def stacks_of(name: str) -> Sequence[Stack]:
    return ("encoder", "decoder", "cross") if name in WITH_DECODER else (None,)  # type: ignore[return-value]  # None = its own


def run(model: PreTrainedModel, plan: Plan, **options: bool) -> dict[str, Sequence[torch.Tensor]]:
    """What transformers answers to the plan's tokens."""
    inputs = {"input_ids": torch.tensor([plan.source.input_ids])}
    if plan.source.encoding.type_ids and "type_vocab_size" in model.config.to_dict():
        inputs["token_type_ids"] = torch.tensor([plan.source.token_type_ids])
    if plan.target is not None:
        inputs["decoder_input_ids"] = torch.tensor([plan.target.input_ids])
    elif model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = torch.tensor([[0]])
    with torch.inference_mode():
        answer: dict[str, Sequence[torch.Tensor]] = model(**inputs, **options)
    return answer


def eager(folder: Path, plan: Plan) -> np.ndarray:
    """The attentions [layer][head][query][key] that transformers' eager implementation tells."""
    model: PreTrainedModel = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    names = {"encoder": "encoder_attentions", "decoder": "decoder_attentions", "cross": "cross_attentions"}
    layers = run(model, plan, output_attentions=True)
    return torch.cat(list(layers[names[plan.stack] if model.config.is_encoder_decoder else "attentions"])).numpy()


CASES = [(name, stack) for name in ARCHITECTURES for stack in stacks_of(name)]


@pytest.mark.parametrize(("name", "stack"), CASES)
async def test_alone_and_padded_every_layer_and_head_is_that_of_eager(
    zoo: Engine, folders: dict[str, Path], name: str, stack: Stack | None
) -> None:
    question = Question(layers=every_layer(zoo, name, stack), stack=stack)
    target = TARGET if stack in {"decoder", "cross"} else None
    alone = await attend(zoo, name, question, SENTENCES[1], target)
    together = await asyncio.gather(*(attend(zoo, name, question, sentence, target) for sentence in SENTENCES))
    for sentence, answer in [(SENTENCES[1], alone), *zip(SENTENCES, together, strict=True)]:
        expected = eager(folders[name], await plan_for(zoo, name, sentence, question, target))
        np.testing.assert_allclose(answer.tensors["attentions"], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("name", "stack"), [case for case in CASES if case[0] in CAPTURED])
async def test_the_tensors_follow_from_each_other(zoo: Engine, name: str, stack: Stack | None) -> None:
    """softmax(scores) = attentions, attentions·value = output; masked scores are -inf where attentions are 0."""
    include = ["query", "key", "value", "scores", "attentions", "output"]
    question = Question(layers=every_layer(zoo, name, stack), stack=stack, include=tuple(include))
    target = TARGET if stack in {"decoder", "cross"} else None
    tensors = (await attend(zoo, name, question, target=target)).tensors
    scores, attentions = torch.tensor(tensors["scores"]), tensors["attentions"]
    if "sink" in tensors:
        np.testing.assert_allclose(attentions.sum(-1) + tensors["sink"], 1, atol=1e-5)
        assert (tensors["sink"] > 0.01).any()
    else:
        np.testing.assert_allclose(torch.softmax(scores, -1), attentions, atol=1e-6)
    assert ((attentions == 0) >= np.isneginf(tensors["scores"])).all()
    np.testing.assert_allclose(attentions @ tensors["value"], tensors["output"], atol=1e-5)


DECODERS = ["gpt2", "gptneox", "llama", "qwen3", "mistral", "gemma2", "gptoss", "bloom", "falcon"]


@pytest.mark.parametrize("name", DECODERS)
async def test_decoders_attend_to_no_later_token(zoo: Engine, name: str) -> None:
    attentions = (await attend(zoo, name, Question(layers=every_layer(zoo, name)))).tensors["attentions"]
    assert (np.triu(attentions, 1) == 0).all()
    assert (np.diagonal(attentions, axis1=-2, axis2=-1) > 0).all()


@pytest.mark.parametrize("name", ["mistral", "gemma2", "gptoss", "modernbert"])
async def test_sliding_windows_hide_distant_keys(zoo: Engine, name: str) -> None:
    attentions = (await attend(zoo, name, Question(layers=every_layer(zoo, name)), SENTENCES[3])).tensors["attentions"]
    distant = attentions[..., -1, :4]
    assert (distant == 0).all(axis=(-1, -2)).any()


async def test_chosen_layers_and_heads_come_in_the_order_asked_for(zoo: Engine) -> None:
    every = (await attend(zoo, "bert", Question(layers=(0, 1, 2)))).tensors["attentions"]
    some = await attend(zoo, "bert", Question(layers=(-1, 0), heads=(3, 1)))
    assert (list(some.layers), list(some.heads)) == ([2, 0], [3, 1])
    np.testing.assert_allclose(some.tensors["attentions"], every[[2, 0]][:, [3, 1]], atol=1e-6)


@pytest.mark.parametrize("name", CAPTURED)
async def test_layers_above_the_highest_one_wanted_are_not_run(zoo: Engine, name: str) -> None:
    model = zoo.model(name)
    inner = model._batcher._runner._model  # type: ignore[attr-defined]  # the transformer that must not run further
    calls: list[str] = []
    hooks = [
        module.register_forward_hook(lambda module, *_: calls.append(type(module).__name__))
        for module_name, module in inner.named_modules()
        if module_name.endswith((".1", ".2"))
    ]
    await attend(zoo, name, Question(layers=(0,), heads=(0,)))
    for hook in hooks:
        hook.remove()
    assert calls == []


@pytest.mark.parametrize(("name", "stack"), [case for case in CASES if case[0] in CAPTURED])
async def test_queries_and_keys_make_the_scores(zoo: Engine, name: str, stack: Stack | None) -> None:
    """Q·Kᵀ scaled and, in Gemma 2, capped; T5 does not scale and adds a bias that depends on the distance alone."""
    question = Question(layers=every_layer(zoo, name, stack), stack=stack, include=("query", "key", "scores"))
    tensors = (await attend(zoo, name, question, target=TARGET if stack in {"decoder", "cross"} else None)).tensors
    products = tensors["query"] @ tensors["key"].swapaxes(-1, -2)
    scaled = products if name == "t5" else products / np.sqrt(tensors["query"].shape[-1])
    expected = 2 * np.tanh(scaled / 2) if name == "gemma2" else scaled
    rest = np.where(np.isneginf(tensors["scores"]), np.nan, tensors["scores"] - expected)
    queries, keys = rest.shape[-2:]
    for distance in range(1 - queries, keys):
        bias = np.diagonal(rest, distance, axis1=-2, axis2=-1)
        bias = np.where(np.isnan(bias), 0, bias - bias[..., :1] if name == "t5" else bias)
        np.testing.assert_allclose(bias, 0, atol=2e-4)


@pytest.mark.parametrize(("name", "stack"), [case for case in CASES if case[0] in CAPTURED])
async def test_the_embedding_is_the_first_layers_input(
    zoo: Engine, folders: dict[str, Path], name: str, stack: Stack | None
) -> None:
    target = TARGET if stack in {"decoder", "cross"} else None
    plan = await plan_for(zoo, name, SENTENCES[1], Question(stack=stack, include=("embedding",)), target)
    embedding = (await zoo.attend(zoo.model(name), plan, {})).tensors["embedding"]
    model: PreTrainedModel = AutoModel.from_pretrained(folders[name], attn_implementation="eager").eval()
    states = "decoder_hidden_states" if target else "encoder_hidden_states" if stack else "hidden_states"
    expected = run(model, plan, output_hidden_states=True)[states][0][0]
    np.testing.assert_allclose(embedding, expected.numpy(), atol=1e-6)


@pytest.mark.parametrize("tensor", HEAD_TENSORS)
async def test_every_tensor_has_its_shape(zoo: Engine, tensor: str) -> None:
    plan = await plan_for(zoo, "llama", SENTENCES[1], Question(layers=(0, 2), heads=(1, 3, 0), include=(tensor,)))
    assert (await zoo.attend(zoo.model("llama"), plan, {})).tensors[tensor].shape == plan.size.shape(tensor)


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (Question(layers=(3,)), IndexOutOfRangeError),
        (Question(heads=(-5,)), IndexOutOfRangeError),
        (Question(layers=(2, -1)), NotOfferedError),
        (Question(stack="cross"), NotOfferedError),
        (Question(include=("query_weights",)), NotOfferedError),
    ],
)
async def test_what_a_model_does_not_have_is_refused(zoo: Engine, question: Question, error: type[Exception]) -> None:
    with pytest.raises(error):
        await plan_for(zoo, "bert", "hi", question)


@pytest.mark.parametrize("name", EAGER)
async def test_outside_the_interface_only_attentions_and_what_follows_of_them_are_offered(
    zoo: Engine, name: str
) -> None:
    with pytest.raises(
        NotOfferedError,
        match="Choose from: attentions, statistics, row_entropy, row_maximum, mass_by_distance, rollout",
    ):
        await plan_for(zoo, name, "hi", Question(include=("scores",)))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", ARCHITECTURES)
async def test_shorter_types_of_numbers_are_captured_within_their_rounding(
    folders: dict[str, Path], name: str, dtype: DType
) -> None:
    engine = Engine("cpu")
    engine.add(Source(name, str(folders[name]), None), dtype, Batching())
    facts = engine.model(name).facts
    question = Question(layers=every_layer(engine, name))
    alone = await attend(engine, name, question)
    others = [attend(engine, name, question, sentence) for sentence in SENTENCES]
    *_, company = await asyncio.gather(*others, attend(engine, name, question))
    engine.close()
    assert facts.dtype == dtype
    assert alone.tensors["attentions"].dtype == np.float32
    sums = alone.tensors["attentions"].sum(-1) + alone.tensors.get("sink", np.float32(0))
    np.testing.assert_allclose(sums, 1, atol=0.02)
    difference = np.abs(alone.tensors["attentions"] - company.tensors["attentions"]).max()
    assert difference <= facts.tolerance == 20 * torch.finfo(getattr(torch, dtype)).eps


async def test_without_a_start_token_a_decoder_is_not_offered(folders: dict[str, Path], zoo: Engine) -> None:
    loaded = load(Source("bart", str(folders["bart"]), None), zoo.device, "float32")
    loaded.model.config.decoder_start_token_id = None
    model = PretrainedModel("bart", loaded, zoo.worker, 64, Batching())
    assert dict(model.facts.stacks) == {"encoder": 3}


async def test_a_text_too_long_for_all_attentions_of_an_eager_model_is_refused(
    folders: dict[str, Path], zoo: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pretrained, "MAX_EAGER_BYTES", 3 * 4 * 50**2 * 4)
    loaded = load(Source("bloom", str(folders["bloom"]), None), zoo.device, "float32")
    model = PretrainedModel("bloom", loaded, zoo.worker, 2048, Batching())
    assert model.facts.max_tokens == 50


async def test_eager_models_run_no_more_texts_at_once_than_their_attentions_have_room(zoo: Engine) -> None:
    runner = zoo.model("mpnet")._batcher._runner  # type: ignore[attr-defined]  # whose runs are counted
    inner, runs = runner._model, []
    hook = inner.register_forward_pre_hook(lambda *_: runs.append(1))
    plans = [await plan_for(zoo, "mpnet", "a b c d e f g h i j k l m n", Question()) for _ in range(5)]
    small = EagerRunner(inner, runner._inputs, 2 * 3 * 4 * len(plans[0].source) ** 2 * 4, is_causal=False)
    small.run([Job(plan, Collector(plan.wanted), Captured()) for plan in plans])
    hook.remove()
    assert len(runs) == 3


async def test_outside_the_interface_widths_are_those_of_the_configuration(zoo: Engine) -> None:
    assert zoo.model("bloom").facts.widths == {"d_model": 32, "d_k": 8, "d_v": 8}
