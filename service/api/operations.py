"""What the service does, without HTTP: fields in, encoded answers out. The routes and the command line share it."""

import contextlib
from collections.abc import Mapping, Sequence
from functools import partial

import torch

from service import __version__
from service.api import pictures, questions
from service.api.answers import Info, ModelList
from service.api.descriptions import describe_model, describe_service
from service.api.encoding import SECONDS_PER_BYTE, SECONDS_PER_CHARACTER, SECONDS_PER_TOKEN, encode_json
from service.api.heatmap_request import HeatmapRequest
from service.api.limits import check_grid_size, check_response_size
from service.api.requests import AttentionRequest, SentenceRequest, TokenizeRequest
from service.engine.engine import Engine
from service.engine.errors import RequestError
from service.engine.models import Model
from service.engine.plan import Attention, Plan
from service.engine.tokenizer import OffsetUnit, Tokens, utf16_positions
from service.engine.words import Word
from service.engine.worker import Timings
from service.heatmap.render import Form, Renderer, estimate_seconds

WARM_UP = "Attention!"


class Operations:
    """Every operation of the service, on one engine."""

    def __init__(self, engine: Engine, renderer: Renderer, limits: Mapping[str, int]) -> None:
        """Answer with `engine`, draw with `renderer`, within `limits`, which are named as their settings."""
        self.engine = engine
        self.renderer = renderer
        self.limits = limits
        self.max_response_bytes = limits["MAX_RESPONSE_BYTES"]
        capability = torch.backends.cpu.get_cpu_capability()
        self.software = " ".join(
            (
                __version__,
                torch.__version__,
                renderer.software,
                capability,
                str(engine.device),
                f"{engine.worker.num_threads} threads",
            )
        )
        """What besides the request and the model decides an answer's bytes."""

    async def warm_up(self) -> None:
        """Do each thing once, as far as the limits allow: no client waits for what libraries do at their first use."""
        for model in self.engine.models:
            with contextlib.suppress(RequestError):
                await self.attention(AttentionRequest(sentence=WARM_UP, model=model), "json", {})
        with contextlib.suppress(RequestError):
            await self.heatmap(HeatmapRequest(sentence=WARM_UP), "png", {})

    async def tokenize(self, request: TokenizeRequest, _form: str, timings: Timings) -> bytes:
        """The tokens of a sentence. Each operation adds the seconds of its stages to `timings`."""
        model = self._model(request)
        tokens = await self.engine.tokenize(model, questions.text_of(request, model), timings)
        seconds = len(tokens) * SECONDS_PER_TOKEN + tokens.characters * SECONDS_PER_CHARACTER
        return await self.engine.worker.run("encode", timings, seconds, _encode_tokens, request, tokens)

    async def attention(self, request: AttentionRequest, _form: str, timings: Timings) -> bytes:
        """Every matrix on the way from tokens to weighted values."""
        model = self._model(request)
        source, target = await self._texts(request, model, timings)
        plan = await self.engine.plan(model, source, target, questions.question_of(request), timings)
        size = check_response_size(plan, request.decimals, self.max_response_bytes)
        attention = await self.engine.attend(model, plan, timings)
        seconds = size * SECONDS_PER_BYTE + source.characters * SECONDS_PER_CHARACTER
        return await self.engine.worker.run(
            "encode", timings, seconds, _encode_attention, request, model, plan, attention
        )

    async def heatmap(self, request: HeatmapRequest, form: Form, timings: Timings) -> bytes:
        """A picture of one head's matrix, of all heads reduced to one, or of many heads side by side."""
        model = self._model(request)
        source, target = await self._texts(request, model, timings)
        plan = await self.engine.plan(model, source, target, questions.picture_of(request, model), timings)
        if request.view == "grid":
            check_grid_size(plan, self.max_response_bytes)
        matrices = await self.engine.matrices(model, plan, timings)
        style = pictures.style(request)
        seconds = estimate_seconds(sum(matrix.size for matrix in matrices), style)
        metadata = pictures.metadata(request, model, plan)
        plot = pictures.plot(request, model, plan, matrices)
        render = partial(self.renderer.render, plot, style, form, metadata)
        return await self.engine.worker.run("encode", timings, seconds, render)

    def normalize(self, request: SentenceRequest) -> str:
        """What is the same for requests whose answers are."""
        model = self.engine.model(request.model)
        same = request.model_copy(update={"format": None, **questions.defaults_of(request, model)})
        facts = model.facts
        return f"{facts.revision} {facts.dtype} {facts.tolerance} {facts.max_tokens} {same.model_dump_json()}"

    def tolerance(self, request: SentenceRequest) -> float:
        """By how much two answers to one request may differ; tokens never do."""
        return 0.0 if isinstance(request, TokenizeRequest) else self.engine.model(request.model).facts.tolerance

    def models(self) -> ModelList:
        """The models there are."""
        return ModelList(
            models=[describe_model(name, model, self.engine) for name, model in self.engine.models.items()]
        )

    def info(self) -> Info:
        """What runs here."""
        return describe_service(self.engine, self.limits)

    def _model(self, request: SentenceRequest) -> Model:
        model = self.engine.model(request.model)
        questions.check_fields(request, model)
        return model

    async def _texts(
        self, request: AttentionRequest | HeatmapRequest, model: Model, timings: Timings
    ) -> tuple[Tokens, Tokens | None]:
        """What an encoder reads, and what a decoder reads where there are both."""
        source = await self.engine.tokenize(model, questions.text_of(request, model), timings)
        target = questions.target_of(request, model)
        if target is None:
            return source, None
        return source, await self.engine.tokenize_target(model, target, timings)


def _encode_tokens(request: TokenizeRequest, tokens: Tokens) -> bytes:
    return encode_json(
        {
            "model": request.model,
            **_token_members(tokens, request.offset_unit),
            "word_ids": tokens.word_ids,
            "token_type_ids": tokens.token_type_ids,
            "special_tokens_mask": tokens.special_tokens_mask,
        }
    )


def _encode_attention(request: AttentionRequest, model: Model, plan: Plan, attention: Attention) -> bytes:
    answer = {
        "model": request.model,
        "parameters": questions.parameters_of(request, model, plan),
        **_token_members(plan.source, request.offset_unit),
        **_other_members(plan, attention, request.offset_unit),
        "layers": list(attention.layers),
        "heads": list(attention.heads),
        **attention.tensors,
    }
    return encode_json(answer, request.decimals)


def _token_members(tokens: Tokens, unit: OffsetUnit) -> dict[str, object]:
    return {
        "tokens": tokens.tokens,
        "input_ids": tokens.input_ids,
        "offsets": tokens.offsets_in(unit),
        "sequence_ids": tokens.sequence_ids,
    }


def _other_members(plan: Plan, attention: Attention, unit: OffsetUnit) -> dict[str, object]:
    """What only some answers have: the tokens of a decoder, words."""
    members: dict[str, object] = {}
    if plan.target is not None and plan.stack != "encoder":
        members |= {"query_tokens": plan.queries.tokens, "key_tokens": plan.keys.tokens}
    if attention.words is not None:
        members["words"] = _words(attention.words, plan.keys, unit)
        if attention.query_words is not attention.words:
            members["query_words"] = _words(attention.query_words or (), plan.queries, unit)
    return members


def _words(words: Sequence[Word], tokens: Tokens, unit: OffsetUnit) -> list[dict[str, object]]:
    if unit == "codepoint":
        return [word._asdict() for word in words]
    units = [utf16_positions(sentence) for sentence in tokens.sentences]
    described = []
    for word in words:
        positions = units[tokens.sequence_ids[word.token_indices[0]] or 0]
        places = {
            name: None if place is None else positions[place]
            for name, place in (("start", word.start), ("end", word.end))
        }
        described.append(word._asdict() | places)
    return described
