"""What the service does, without HTTP: fields in, encoded answers out. The routes and the command line share it."""

import platform
from dataclasses import dataclass, field, fields

import matplotlib
import numpy as np
import tokenizers
import torch
import transformers

from service import __version__
from service.api import requests
from service.api.answers import Info, ModelDescription, ModelList
from service.api.encoding import SECONDS_PER_NUMBER, count_numbers, encode_json
from service.api.limits import check_response_size
from service.api.requests import (
    AttentionParameters,
    AttentionRequest,
    HeatmapRequest,
    SentenceRequest,
    TokenizeRequest,
)
from service.engine.engine import SYNTHETIC, Engine
from service.engine.synthetic import HEAD_TENSORS, SHARED_TENSORS, SyntheticParameters
from service.engine.tokenizer import Text, Tokens
from service.engine.worker import Timings
from service.heatmap.render import Style, estimate_render_seconds, render_png

WARM_UP = "Attention!"
DEFAULT_INCLUDE = ["attentions", "output"]
SYNTHETIC_FIELDS = [parameter.name for parameter in fields(SyntheticParameters)]


@dataclass(frozen=True, slots=True)
class Encoded:
    """An answer's bytes, and the seconds that its stages took."""

    body: bytes
    timings: Timings = field(default_factory=dict)


class Operations:
    """Every operation of the service, on one engine."""

    def __init__(self, engine: Engine, max_response_bytes: int) -> None:
        """Answer with `engine`, at most `max_response_bytes` each."""
        self.engine = engine
        self.max_response_bytes = max_response_bytes
        capability = torch.backends.cpu.get_cpu_capability()
        self.software = (
            f"{__version__} {torch.__version__} {matplotlib.__version__} {capability} {engine.device} float32"
        )
        """What besides the request decides an answer's bytes."""

    async def warm_up(self) -> None:
        """Do each thing once, so that no client waits for what torch and matplotlib do at their first use."""
        await self.attention(AttentionRequest(sentence=WARM_UP))
        await self.heatmap(HeatmapRequest(sentence=WARM_UP))

    async def tokenize(self, request: TokenizeRequest) -> Encoded:
        """The tokens of a sentence."""
        timings: Timings = {}
        tokens = await self._tokenize(request, timings)
        answer = {
            "model": request.model,
            **_token_members(tokens),
            "word_ids": tokens.word_ids,
            "token_type_ids": tokens.token_type_ids,
            "special_tokens_mask": tokens.special_tokens_mask,
        }
        seconds = len(tokens) * len(answer) * SECONDS_PER_NUMBER
        return Encoded(await self.engine.worker.run("encode", timings, seconds, encode_json, answer), timings)

    async def attention(self, request: AttentionRequest) -> Encoded:
        """Every matrix on the way from tokens to weighted values."""
        timings: Timings = {}
        tokens = await self._tokenize(request, timings)
        parameters = _synthetic_parameters(request)
        include = DEFAULT_INCLUDE if request.include is None else request.include
        check_response_size(len(tokens), parameters, include, request.decimals, self.max_response_bytes)
        attention = await self.engine.attend(tokens, parameters, include, timings)
        effective = {
            **{name: getattr(request, name) for name in AttentionParameters.model_fields},
            "add_special_tokens": bool(request.add_special_tokens),
            "include": include,
        }
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
        body = await self.engine.worker.run("encode", timings, seconds, encode_json, answer, request.decimals)
        return Encoded(body, timings)

    async def heatmap(self, request: HeatmapRequest) -> Encoded:
        """A picture of one head's attentions, or of all heads reduced to one."""
        timings: Timings = {}
        tokens = await self._tokenize(request, timings)
        reduction = request.head_reduction
        head = reduction if reduction in {"mean", "max"} else request.head or 0
        matrix = await self.engine.attend_one(tokens, _synthetic_parameters(request), request.layer or 0, head, timings)
        style = Style(
            title="Attention Scores Heatmap" if request.title is None else request.title,
            colormap=request.colormap,
            labels=request.labels,
            colorbar=request.colorbar,
            width=request.width,
            height=request.height,
        )
        seconds = estimate_render_seconds(len(tokens))
        body = await self.engine.worker.run("encode", timings, seconds, render_png, matrix, tokens.tokens, style)
        return Encoded(body, timings)

    async def _tokenize(self, request: SentenceRequest, timings: Timings) -> Tokens:
        text = Text(request.sentence, request.sentence_pair, bool(request.add_special_tokens))
        return await self.engine.tokenize(request.model, text, request.offset_unit, timings)

    def models(self) -> ModelList:
        """The models there are."""
        return ModelList(models=[self._synthetic()])

    def _synthetic(self) -> ModelDescription:
        defaults = {name: field.default for name, field in AttentionParameters.model_fields.items()}
        return ModelDescription(
            id=SYNTHETIC,
            kind="synthetic",
            layers=1,
            heads=None,
            max_tokens=self.engine.max_tokens,
            tensors=[*SHARED_TENSORS, *HEAD_TENSORS],
            fields=list(AttentionRequest.model_fields),
            defaults={**defaults, "add_special_tokens": False, "include": DEFAULT_INCLUDE},
            dtype="float32",
            device=str(self.engine.device),
            tolerance=0.0,
            tokenizer="bert-base-uncased",
            license="Apache-2.0",
        )

    def info(self) -> Info:
        """What runs here."""
        return Info(
            name="attention-service",
            version=__version__,
            versions={
                "python": platform.python_version(),
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "tokenizers": tokenizers.__version__,
                "numpy": np.__version__,
                "matplotlib": matplotlib.__version__,
            },
            device=str(self.engine.device),
            cpu_capability=torch.backends.cpu.get_cpu_capability(),
            num_threads=self.engine.worker.num_threads,
            limits={"MAX_TOKENS": self.engine.max_tokens, "MAX_RESPONSE_BYTES": self.max_response_bytes},
        )


def _synthetic_parameters(request: requests.SyntheticParameters) -> SyntheticParameters:
    return SyntheticParameters(**{name: getattr(request, name) for name in SYNTHETIC_FIELDS})


def _token_members(tokens: Tokens) -> dict[str, object]:
    return {
        "tokens": tokens.tokens,
        "input_ids": tokens.input_ids,
        "offsets": tokens.offsets,
        "sequence_ids": tokens.sequence_ids,
    }
