"""Requests as the engine understands them, and the values that stand for null."""

from collections.abc import Sequence
from dataclasses import fields
from functools import lru_cache
from operator import attrgetter
from typing import TypeVar

import orjson

from service.api.attention_request import AttentionForm, AttentionParameters, AttentionRequest
from service.api.heatmap_request import HeatmapRequest
from service.api.requests import PRETRAINED_ONLY, SYNTHETIC_ONLY, ModelParameters, SentenceRequest
from service.engine.collecting import SINK, HeadReduction
from service.engine.cutting import INDICES, OVER_KEYS
from service.engine.errors import NotOfferedError
from service.engine.models import Kind, Model
from service.engine.plan import NOTEBOOK, Plan, Question
from service.engine.synthetic import SyntheticParameters
from service.engine.tokens import Text
from service.engine.view import WHOLE, Sight

T = TypeVar("T")

NOT_TAKEN: dict[Kind, frozenset[str]] = {"synthetic": PRETRAINED_ONLY, "pretrained": SYNTHETIC_ONLY}
"""The fields that a kind of model does not take."""
SIGHT = frozenset({"query_window", "key_window", "bins", "pooling", "top_k"})
"""Which part of the matrices is answered, and how."""
PAIRS = ("query_window", "key_window", "bins")
CHOSEN = ("layers", "heads", "stack")
LEFT_OPEN = ("add_special_tokens", "include")
"""Fields of which a model chooses the values that are told, too."""
PARAMETERS: dict[Kind, list[str]] = {
    kind: [name for name in AttentionParameters.model_fields if name not in {*refused, *CHOSEN, *LEFT_OPEN, *PAIRS}]
    for kind, refused in NOT_TAKEN.items()
}
"""What else than these decides an answer is told as the request has it."""
SYNTHETIC_FIELDS = [field.name for field in fields(SyntheticParameters)]

_synthetic_values = attrgetter(*SYNTHETIC_FIELDS)
_parameter_values = {kind: attrgetter(*names) for kind, names in PARAMETERS.items()}


def check_fields(request: SentenceRequest, model: Model) -> None:
    """Let pass what sends only fields that `model` takes.

    Raises:
        NotOfferedError: it sends others, and not as null or false.
    """
    if request.model_fields_set.isdisjoint(NOT_TAKEN[model.facts.kind]):
        return
    values = {name: getattr(request, name) for name in request.model_fields_set & NOT_TAKEN[model.facts.kind]}
    refused = sorted(name for name, value in values.items() if value is not None and value is not False)
    if refused:
        other = "pretrained" if model.facts.kind == "synthetic" else "synthetic"
        verb, them = ("is", refused[0]) if len(refused) == 1 else ("are", "them")
        raise NotOfferedError(
            refused[0],
            f"{', '.join(refused)} {verb} for {other} models, and {request.model} is none: leave {them} out, or name "
            "another model.",
            refused[1:],
        )


def check_form(request: AttentionRequest, form: AttentionForm) -> None:
    """Let pass what sends only fields that an answer in `form` takes.

    Raises:
        NotOfferedError: it sends another.
    """
    if form != "json" and request.decimals is not None:
        raise NotOfferedError("decimals", f"decimals is for JSON, and the answer is {form}. Leave it out.")
    if form == "json" and request.quantize is not None:
        raise NotOfferedError("quantize", "quantize is for safetensors and npy, and the answer is JSON. Set format.")


def text_of(request: SentenceRequest, model: Model) -> Text:
    """What is tokenized."""
    limit = limit_of(request, model)
    return Text(
        request.sentence,
        request.sentence_pair,
        adds_special_tokens(request, model),
        limit if request.truncate else None,
        limit,
        _would_do_in_part(request),
    )


def limit_of(request: SentenceRequest, model: Model) -> int:
    """The most tokens that a text may have: fewer where matrices of it are wanted as a whole."""
    return model.facts.max_tokens if _wants_whole_matrices(request, model) else model.facts.max_stream_tokens


def _wants_whole_matrices(request: SentenceRequest, model: Model) -> bool:
    if not isinstance(request, ModelParameters):
        return False
    if request.level == "word":
        return True
    if not isinstance(request, AttentionRequest):
        return False
    include = set(model.facts.default_include if request.include is None else request.include)
    if request.format == "npy":
        include = {"attentions"}
    is_part = not _sight(request).is_whole
    return not include.isdisjoint(OVER_KEYS - {"scores", "attentions"} if is_part else OVER_KEYS)


def _would_do_in_part(request: SentenceRequest) -> bool:
    """Whether windows, bins or `top_k`, of which there are none, would let it have a longer text."""
    if not isinstance(request, AttentionRequest) or request.level == "word" or not _sight(request).is_whole:
        return False
    return not {"rollout", "value_weighted"}.intersection(request.include or ())


def target_of(request: AttentionRequest | HeatmapRequest, model: Model) -> Text | None:
    """What the decoder reads after its start token, which brings no special tokens of the tokenizer's with it."""
    if request.target is None:
        return None
    limit = limit_of(request, model)
    return Text(request.target, most_tokens=limit - 1 if request.truncate else None, limit=limit)


def question_of(request: AttentionRequest) -> Question:
    """What is asked about the text."""
    return Question(
        synthetic=_synthetic(request),
        seed=request.seed,
        layers=_tuple(request.layers),
        heads=_tuple(request.heads),
        stack=request.stack,
        level=request.level,
        include=_tuple(request.include),
        sight=_sight(request),
    )


def picture_of(request: HeatmapRequest, model: Model) -> Question:
    """What is drawn: one head, all reduced to one, or each, cell by cell."""
    is_grid = request.view == "grid"
    reduction = None if is_grid else head_reduction(request, model)
    layers = None if request.layer is None else (request.layer,)
    return Question(
        synthetic=_synthetic(request),
        seed=request.seed,
        layers=every_layer(request, model) if is_grid and layers is None else layers,
        heads=None if is_grid or reduction else (request.head or 0,),
        stack=request.stack,
        level=request.level,
        include=(request.tensor,),
        picture=True,
        reduction=reduction,
        sight=_sight(request),
    )


def every_layer(request: HeatmapRequest, model: Model) -> range:
    """The layers of the stack that is asked for."""
    stacks = model.facts.stacks
    return range(stacks.get(request.stack or model.facts.default_stack, 1))  # a stack that it has not is refused later


def head_reduction(request: HeatmapRequest, model: Model) -> HeadReduction | None:
    """How the heads become one matrix; None = one head is drawn."""
    if request.head_reduction is None:
        is_mean = model.facts.kind == "pretrained" and request.head is None and request.tensor != "embedding"
        return "mean" if is_mean else None
    return None if request.head_reduction == "none" else request.head_reduction


def encode_parameters(request: AttentionRequest, model: Model, plan: Plan) -> bytes:
    """Every effective value, so that they can be posted back, as JSON."""
    wanted, kind = plan.wanted, model.facts.kind
    encode = _encode_parameters if request.target is None else _encode_parameters.__wrapped__  # a target may be long
    return encode(
        kind,
        _parameter_values[kind](request),
        adds_special_tokens(request, model),
        tuple(wanted.include),
        (_tuple(request.query_window), _tuple(request.key_window), _tuple(request.bins)),
        *((tuple(wanted.layers), tuple(wanted.heads), plan.stack) if kind == "pretrained" else ()),
    )


@lru_cache(maxsize=1024)
def _encode_parameters(
    kind: Kind,
    values: tuple[object, ...],
    add_special_tokens: bool,
    include: tuple[str, ...],
    pairs: tuple[tuple[int, ...] | None, ...],
    *chosen: object,
) -> bytes:
    effective = dict(zip(PARAMETERS[kind], values, strict=True)) | dict(zip(CHOSEN, chosen, strict=False))
    effective |= dict(zip(PAIRS, pairs, strict=True))
    included = [name for name in include if name not in {SINK, INDICES}]
    effective |= {"add_special_tokens": add_special_tokens, "include": included}
    return orjson.dumps(effective)


def defaults_of(request: SentenceRequest, model: Model) -> dict[str, object]:
    """The values that the model has for some fields that are null."""
    defaults: dict[str, object] = {"add_special_tokens": adds_special_tokens(request, model)}
    if isinstance(request, AttentionRequest) and request.include is None and request.level == "token":
        defaults["include"] = list(model.facts.default_include)
    return defaults


def adds_special_tokens(request: SentenceRequest, model: Model) -> bool:
    """Whether special tokens are added, by the request or by the model's own default."""
    return model.facts.adds_special_tokens if request.add_special_tokens is None else request.add_special_tokens


def _tuple(items: Sequence[T] | None) -> tuple[T, ...] | None:
    return None if items is None else tuple(items)


def _sight(request: AttentionRequest | HeatmapRequest) -> Sight:
    if request.model_fields_set.isdisjoint(SIGHT):
        return WHOLE
    queries, keys = _pair(request.query_window), _pair(request.key_window)
    if isinstance(request, HeatmapRequest):
        return Sight(queries, keys)
    return Sight(queries, keys, _pair(request.bins), request.pooling, request.top_k)


def _pair(numbers: Sequence[int] | None) -> tuple[int, int] | None:
    return None if numbers is None else (numbers[0], numbers[1])


def _synthetic(request: ModelParameters) -> SyntheticParameters:
    if request.model_fields_set.isdisjoint(SYNTHETIC_FIELDS):
        return NOTEBOOK
    return SyntheticParameters(*_synthetic_values(request))
