"""What the service does, without HTTP: fields in, encoded answers out. The routes and the command line share it."""

import contextlib
from collections.abc import Mapping
from functools import partial

import torch

from service import __version__
from service.api import pictures, questions
from service.api.attention_request import AttentionForm, AttentionRequest
from service.api.descriptions import describe_model, describe_service
from service.api.encoding import SECONDS_PER_BYTE, SECONDS_PER_CHARACTER, SECONDS_PER_TOKEN, Encoded
from service.api.heatmap_request import HeatmapRequest
from service.api.limits import check_grid_size, check_response_size
from service.api.members import encode_attention, encode_tokens
from service.api.requests import SentenceRequest, TokenizeRequest
from service.api.service_answers import Info, ModelList
from service.engine.engine import Engine
from service.engine.errors import RequestError
from service.engine.models import Model
from service.engine.tokenizer import Tokens
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
        self.max_body_bytes = limits["MAX_BODY_BYTES"]
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

    async def tokenize(self, request: TokenizeRequest, _form: str, timings: Timings) -> Encoded:
        """The tokens of a sentence. Each operation adds the seconds of its stages to `timings`."""
        model = self._model(request)
        tokens = await self.engine.tokenize(model, questions.text_of(request, model), timings)
        seconds = len(tokens) * SECONDS_PER_TOKEN + tokens.characters * SECONDS_PER_CHARACTER
        return await self.engine.worker.run("encode", timings, seconds, encode_tokens, request, tokens)

    async def attention(self, request: AttentionRequest, form: AttentionForm, timings: Timings) -> Encoded:
        """Every matrix on the way from tokens to weighted values."""
        model = self._model(request)
        questions.check_form(request, form)
        source, target = await self._texts(request, model, timings)
        question = questions.question_of(request)
        if form == "npy":
            question = question._replace(include=("attentions",))
        plan = await self.engine.plan(model, source, target, question, timings)
        size = check_response_size(plan, form, request.decimals, self.max_response_bytes)
        attention = await self.engine.attend(model, plan, timings)
        seconds = size * SECONDS_PER_BYTE[form] + source.characters * SECONDS_PER_CHARACTER
        return await self.engine.worker.run(
            "encode", timings, seconds, encode_attention, request, model, plan, attention, form
        )

    async def heatmap(self, request: HeatmapRequest, form: Form, timings: Timings) -> Encoded:
        """A picture of one head's matrix, of all heads reduced to one, or of many heads side by side."""
        model = self._model(request)
        source, target = await self._texts(request, model, timings)
        plan = await self.engine.plan(model, source, target, questions.picture_of(request, model), timings)
        if request.view == "grid":
            check_grid_size(plan, self.max_response_bytes)
        matrices = await self.engine.matrices(model, plan, timings)
        style = pictures.style(request, model)
        metadata = pictures.metadata(request, model, plan)
        plot = pictures.plot(request, model, plan, matrices)
        render = partial(self.renderer.render, plot, style, form, metadata)
        return Encoded([await self.engine.worker.run("encode", timings, estimate_seconds(plot, style), render)])

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
