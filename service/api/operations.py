"""What the service does, without HTTP: fields in, encoded answers out. The routes and the command line share it."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from functools import partial

import torch

from service import __version__
from service.api import pictures, requests
from service.api.answers import Info, ModelList
from service.api.descriptions import DEFAULT_INCLUDE, describe_service, describe_synthetic
from service.api.encoding import SECONDS_PER_NUMBER, count_numbers, encode_json
from service.api.heatmap_request import HeatmapRequest
from service.api.limits import check_grid_size, check_response_size
from service.api.requests import (
    AttentionParameters,
    AttentionRequest,
    SentenceRequest,
    TokenizeRequest,
)
from service.engine.engine import Engine, HeadReduction
from service.engine.synthetic import SyntheticParameters
from service.engine.tokenizer import Text, Tokens
from service.engine.worker import Timings
from service.heatmap.render import Form, Renderer, estimate_seconds

WARM_UP = "Attention!"
SYNTHETIC_FIELDS = [parameter.name for parameter in fields(SyntheticParameters)]


class Operations:
    """Every operation of the service, on one engine."""

    def __init__(self, engine: Engine, renderer: Renderer, limits: Mapping[str, int]) -> None:
        """Answer with `engine`, draw with `renderer`, within `limits`, which are named as their settings."""
        self.engine = engine
        self.renderer = renderer
        self.limits = limits
        self.max_response_bytes = limits["MAX_RESPONSE_BYTES"]
        capability = torch.backends.cpu.get_cpu_capability()
        self.software = f"{__version__} {torch.__version__} {renderer.software} {capability} {engine.device} float32"
        """What besides the request decides an answer's bytes."""

    async def warm_up(self) -> None:
        """Do each thing once, so that no client waits for what libraries do at their first use."""
        await self.attention(AttentionRequest(sentence=WARM_UP), "json", {})
        await self.heatmap(HeatmapRequest(sentence=WARM_UP), "png", {})

    async def tokenize(self, request: TokenizeRequest, _form: str, timings: Timings) -> bytes:
        """The tokens of a sentence. Each operation adds the seconds of its stages to `timings`."""
        tokens = await self._tokenize(request, timings)
        answer = {
            "model": request.model,
            **_token_members(tokens),
            "word_ids": tokens.word_ids,
            "token_type_ids": tokens.token_type_ids,
            "special_tokens_mask": tokens.special_tokens_mask,
        }
        seconds = len(tokens) * len(answer) * SECONDS_PER_NUMBER
        return await self.engine.worker.run("encode", timings, seconds, encode_json, answer)

    async def attention(self, request: AttentionRequest, _form: str, timings: Timings) -> bytes:
        """Every matrix on the way from tokens to weighted values."""
        tokens = await self._tokenize(request, timings)
        parameters = _synthetic_parameters(request)
        include = _include(request)
        check_response_size(len(tokens), parameters, include, request.decimals, self.max_response_bytes)
        attention = await self.engine.attend(tokens, parameters, include, timings)
        effective = {name: getattr(request, name) for name in AttentionParameters.model_fields} | _effective(request)
        answer = {
            "model": request.model,
            "parameters": effective,
            **_token_members(tokens),
            "layers": attention.layers,
            "heads": attention.heads,
            **attention.tensors,
        }
        numbers = count_numbers(len(tokens), parameters)
        seconds = sum(numbers[name] for name in include) * SECONDS_PER_NUMBER
        return await self.engine.worker.run("encode", timings, seconds, encode_json, answer, request.decimals)

    async def heatmap(self, request: HeatmapRequest, form: Form, timings: Timings) -> bytes:
        """A picture of one head's matrix, of all heads reduced to one, or of all heads side by side."""
        tokens = await self._tokenize(request, timings)
        parameters = _synthetic_parameters(request)
        heads = _heads(request)
        if heads is None:
            check_grid_size(len(tokens), parameters, request.tensor, self.max_response_bytes)
        matrices = await self.engine.matrices(tokens, parameters, request.tensor, request.layer or 0, heads, timings)
        style = pictures.style(request)
        seconds = estimate_seconds(sum(matrix.size for matrix in matrices), style)
        plot = pictures.plot(request, tokens, matrices)
        render = partial(self.renderer.render, plot, style, form, pictures.metadata(request))
        return await self.engine.worker.run("encode", timings, seconds, render)

    def normalize(self, request: SentenceRequest) -> str:
        """What is the same for requests whose answers are."""
        return request.model_copy(update={"format": None, **_effective(request)}).model_dump_json()

    async def _tokenize(self, request: SentenceRequest, timings: Timings) -> Tokens:
        text = Text(request.sentence, request.sentence_pair, bool(request.add_special_tokens))
        return await self.engine.tokenize(request.model, text, request.offset_unit, timings)

    def models(self) -> ModelList:
        """The models there are."""
        return ModelList(models=[describe_synthetic(self.engine)])

    def info(self) -> Info:
        """What runs here."""
        return describe_service(self.engine, self.limits)


def _effective(request: SentenceRequest) -> dict[str, object]:
    """The values that stand for null in a JSON answer; a picture's metadata keeps what was sent."""
    match request:
        case AttentionRequest():
            return {"add_special_tokens": bool(request.add_special_tokens), "include": _include(request)}
        case TokenizeRequest():
            return {"add_special_tokens": bool(request.add_special_tokens)}
    return {}


def _include(request: AttentionRequest) -> Sequence[str]:
    return DEFAULT_INCLUDE if request.include is None else request.include


def _heads(request: HeatmapRequest) -> int | HeadReduction | None:
    """Which heads are drawn; None = each."""
    if request.view == "grid":
        return None
    if request.head_reduction is None or request.head_reduction == "none":
        return request.head or 0
    return request.head_reduction


def _synthetic_parameters(request: requests.SyntheticParameters) -> SyntheticParameters:
    return SyntheticParameters(**{name: getattr(request, name) for name in SYNTHETIC_FIELDS})


def _token_members(tokens: Tokens) -> dict[str, object]:
    return {
        "tokens": tokens.tokens,
        "input_ids": tokens.input_ids,
        "offsets": tokens.offsets,
        "sequence_ids": tokens.sequence_ids,
    }
