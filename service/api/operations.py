"""What the service does, without HTTP: fields in, encoded answers out. The routes and the command line share it."""

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch

from service import __version__
from service.api import estimating, pictures, questions
from service.api.attention_request import AttentionForm, AttentionRequest
from service.api.descriptions import describe_model, describe_service
from service.api.encoding import (
    BYTES_PER_TOKEN,
    SECONDS_PER_BYTE,
    SECONDS_PER_CHARACTER,
    SECONDS_PER_QUANTIZED_BYTE,
    SECONDS_PER_TOKEN,
    Encoded,
)
from service.api.heatmap_request import HeatmapRequest
from service.api.limits import check_deadline, check_grid_size, check_response_size
from service.api.members import attention_pieces, encode_attention, encode_tokens
from service.api.requests import SentenceRequest, TokenizeRequest
from service.api.room import UNBOUNDED, Room, while_computing, while_tokenizing
from service.api.service_answers import Info, ModelList
from service.engine.engine import Engine
from service.engine.errors import RequestError
from service.engine.models import Model
from service.engine.pace import measure_pace
from service.engine.plan import Attention, Plan
from service.engine.tokens import Tokens
from service.engine.words import SECONDS_PER_WORD
from service.engine.worker import INLINE_SECONDS, Timings
from service.heatmap.render import MOST_LABELS, Form, Renderer, estimate_seconds

WARM_UP = "Attention!"
SECONDS_PER_LABEL = 5e-6
"""What naming a row and a column costs; measured."""


def seconds_to_encode(tokens: Tokens) -> float:
    """A rough cost of telling the tokens."""
    return len(tokens) * SECONDS_PER_TOKEN + tokens.characters * SECONDS_PER_CHARACTER


class AttentionTask(NamedTuple):
    """An answer of /attention of which all is decided, and nothing computed."""

    request: AttentionRequest
    form: AttentionForm
    model: Model
    plan: Plan
    size: int
    """The most bytes that it may have."""

    @property
    def seconds(self) -> float:
        """A rough cost of encoding it."""
        quantizing = 0.0 if self.request.quantize is None else self.plan.bytes * SECONDS_PER_QUANTIZED_BYTE
        return seconds_to_encode(self.plan.source) + self.size * SECONDS_PER_BYTE[self.form] + quantizing

    def encode(self, attention: Attention) -> Encoded:
        """The answer, once this is computed.

        Raises:
            NotOfferedError: a number is beyond the reach of float16, which was asked for.
        """
        return encode_attention(self.request, self.model, self.plan, attention, self.form)


class Operations:
    """Every operation of the service, on one engine."""

    def __init__(self, engine: Engine, renderer: Renderer, limits: Mapping[str, int]) -> None:
        """Answer with `engine`, draw with `renderer`, within `limits`, which are named as their settings."""
        self.engine = engine
        self.renderer = renderer
        self.limits = limits
        self.max_body_bytes = limits["MAX_BODY_BYTES"]
        self.max_response_bytes = limits["MAX_RESPONSE_BYTES"]
        self.request_seconds = limits["REQUEST_TIMEOUT"]
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
        measure_pace(self.engine.device, self.engine.worker.num_threads)
        for model in self.engine.models:
            with contextlib.suppress(RequestError):
                await self.attention(AttentionRequest(sentence=WARM_UP, model=model), "json", {})
        with contextlib.suppress(RequestError):
            await self.heatmap(HeatmapRequest(sentence=WARM_UP), "png", {})

    async def tokenize(self, request: TokenizeRequest, _form: str, timings: Timings, room: Room = UNBOUNDED) -> Encoded:
        """The tokens of a sentence.

        Each operation adds the seconds of its stages to `timings`, and before it computes asks `room` for the bytes
        that it may need.
        """
        model = self.model_of(request)
        tokens = await self._tokenize(request, model, timings, room)
        room.reserve(len(tokens) * BYTES_PER_TOKEN)
        return await self.engine.worker.run(
            "encode", timings, seconds_to_encode(tokens), encode_tokens, request, tokens
        )

    async def attention(
        self, request: AttentionRequest, form: AttentionForm, timings: Timings, room: Room = UNBOUNDED
    ) -> Encoded:
        """Every matrix on the way from tokens to weighted values."""
        model = self.model_of(request)
        questions.check_form(request, form)
        if form == "npy" and request.format is None:  # which decides what is included, and so how long a text may be
            request = request.model_copy(update={"format": form})
        source = await self._tokenize(request, model, timings, room)
        task = await self.prepare(request, form, model, source, timings)
        if request.dry_run:
            return estimating.of_attention(request, form, task.plan, task.size, task.seconds)
        room.reserve(task.size + task.plan.working_bytes)
        async with while_computing(room, self.engine, task.plan):
            attention = await self.engine.attend(model, task.plan, timings)
        return await self.encode_attention(task, attention, timings)

    async def prepare(
        self, request: AttentionRequest, form: AttentionForm, model: Model, source: Tokens, timings: Timings
    ) -> AttentionTask:
        """Decide what to compute about the tokens of `request`, and let pass what makes an answer of a fair size.

        Raises:
            RequestError: the model cannot answer that, or the answer would be too large.
        """
        target = await self._target(request, model, timings)
        question = questions.question_of(request)
        if form == "npy":
            question = question._replace(include=("attentions",))
        plan = await self.engine.plan(model, source, target, question, timings)
        check_deadline(plan, self.request_seconds)
        size = check_response_size(plan, form, request.decimals, self.max_response_bytes)
        return AttentionTask(request, form, model, plan, size)

    async def encode_attention(self, task: AttentionTask, attention: Attention, timings: Timings) -> Encoded:
        """The answer of /attention, once all is computed; long JSON is written step by step.

        Raises:
            NotOfferedError: a number is beyond the reach of float16, which was asked for.
        """
        worker = self.engine.worker
        if task.form != "json" or task.seconds < INLINE_SECONDS:
            return await worker.run("encode", timings, task.seconds, task.encode, attention)
        pieces = attention_pieces(task.request, task.model, task.plan, attention)
        return Encoded(await worker.run_steps("encode", timings, seconds_to_encode(task.plan.source), pieces))

    async def heatmap(self, request: HeatmapRequest, form: Form, timings: Timings, room: Room = UNBOUNDED) -> Encoded:
        """A picture of one head's matrix, of all heads reduced to one, or of many heads side by side."""
        model = self.model_of(request)
        source = await self._tokenize(request, model, timings, room)
        target = await self._target(request, model, timings)
        question = questions.picture_of(request, model)
        cells = await self.engine.plan(model, source, target, question, timings)
        style = pictures.style(request, model)
        naming = min(cells.tokens, MOST_LABELS) * SECONDS_PER_LABEL
        if not model.tokenizer.is_wordpiece:
            naming += 2 * cells.tokens * SECONDS_PER_WORD
        plot = pictures.plot(request, model, cells)
        laying_out: Timings = {}
        layout = await self.engine.worker.run("encode", laying_out, naming, self.renderer.lay_out, plot, style)
        plan = cells
        if layout.bins != (1, 1) and cells.wanted.view is not None and request.tensor in pictures.OVER_KEYS:
            sight = question.sight._replace(most_bins=layout.most_bins, pooling=request.pooling)
            plan = await self.engine.plan(model, source, target, question._replace(sight=sight), timings)
        check_deadline(plan, self.request_seconds)
        if request.view == "grid":
            check_grid_size(plan, self.max_response_bytes)
        if request.dry_run:
            return estimating.of_picture(request, form, model, plan, plot)
        room.reserve(plan.bytes + plan.working_bytes)
        async with while_computing(room, self.engine, plan):
            plot = replace(plot, matrices=await self.engine.matrices(model, plan, timings))
        timings["encode"] = laying_out["encode"]
        metadata = pictures.metadata(request, model, plan)
        render = partial(self.renderer.render, plot, style, form, metadata, layout)
        return Encoded([await self.engine.worker.run("encode", timings, estimate_seconds(plot, style, form), render)])

    def normalize(self, request: SentenceRequest) -> str:
        """What is the same for requests whose answers are."""
        model = self.engine.model(request.model)
        same = request.model_copy(update={"format": None, **questions.defaults_of(request, model)})
        facts = model.facts
        decides = (facts.revision, facts.dtype, facts.tolerance, facts.max_tokens, facts.max_stream_tokens)
        return f"{' '.join(map(str, decides))} {same.model_dump_json()}"

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

    def model_of(self, request: SentenceRequest) -> Model:
        """The model that `request` names.

        Raises:
            RequestError: there is none of that name, or it does not take all the fields that are sent.
        """
        model = self.engine.model(request.model)
        questions.check_fields(request, model)
        return model

    async def _tokenize(self, request: SentenceRequest, model: Model, timings: Timings, room: Room) -> Tokens:
        """What the sentence has."""
        text = questions.text_of(request, model)
        async with while_tokenizing(room, self.engine, model, text):
            tokens = await self.engine.tokenize(model, text, timings)
            room.reserve(len(tokens) * BYTES_PER_TOKEN)  # they may wait for a slot
        return tokens

    async def _target(
        self, request: AttentionRequest | HeatmapRequest, model: Model, timings: Timings
    ) -> Tokens | None:
        """What a decoder reads, where there is one beside the encoder."""
        target = questions.target_of(request, model)
        return None if target is None else await self.engine.tokenize_target(model, target, timings)
