"""The engine: models, a torch device and the worker thread behind one asynchronous face."""

import logging
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from service.engine.device import default_num_threads, resolve_device
from service.engine.errors import (
    EngineError,
    ModelLoadError,
    NoTokensError,
    TooManyTokensError,
    UnknownModelError,
)
from service.engine.models import Batching, Model
from service.engine.plan import Attention, Plan, Question
from service.engine.synthetic_model import SyntheticModel
from service.engine.tokenizer import Text, Tokens
from service.engine.words import SECONDS_PER_WORD
from service.engine.worker import Timings, Worker

if TYPE_CHECKING:
    from service.engine.loading import DType
    from service.engine.sources import Source

SYNTHETIC = "synthetic"

logger = logging.getLogger(__name__)


class Engine:
    """Tokenizes texts and computes their attention.

    An answer depends on its request alone, never on what else is at work.
    """

    def __init__(self, device: str = "auto", num_threads: int | None = None, max_tokens: int = 2048) -> None:
        """Load the models onto `device`; torch gets `num_threads`, or as many as there are cores to use.

        Raises:
            DeviceUnavailableError: `device` is not on this machine.
        """
        self.device = resolve_device(device)
        self.max_tokens = max_tokens
        self.worker = Worker(num_threads or default_num_threads())
        self.models: dict[str, Model] = {SYNTHETIC: SyntheticModel(self.worker, self.device, max_tokens)}

    def add(self, source: "Source", dtype: "DType", batching: Batching) -> None:
        """Load a pretrained model and prove its attention; takes seconds to minutes.

        Raises:
            ModelLoadError: it cannot be loaded, or its attention not be trusted.
        """
        from service.engine.loading import load
        from service.engine.pretrained import PretrainedModel
        from service.engine.sources import first_line

        started = perf_counter()
        loaded = load(source, self.device, dtype)
        try:
            model = PretrainedModel(source.id, loaded, self.worker, self.max_tokens, batching)
        except EngineError:
            raise
        except Exception as error:  # a model that fails the probe's texts would fail its clients'
            raise ModelLoadError(source.id, f"cannot be run: {type(error).__name__} {first_line(error)}") from error
        self.models[source.id] = model
        logger.info(
            "model %s: %s, %s layers, %s heads each, %s, loaded and probed in %.1f s",
            source.id,
            model.facts.architecture,
            " + ".join(f"{layers} {stack}" for stack, layers in model.facts.stacks.items()),
            model.facts.heads,
            model.facts.dtype,
            perf_counter() - started,
        )

    def close(self) -> None:
        """End the worker thread."""
        self.worker.close()

    def model(self, name: str) -> Model:
        """The model called `name`.

        Raises:
            UnknownModelError: there is none.
        """
        model = self.models.get(name)
        if model is None:
            raise UnknownModelError(name, list(self.models))
        return model

    async def tokenize(self, model: Model, text: Text, timings: Timings) -> Tokens:
        """Tokenize `text` as `model` does.

        Raises:
            NoTokensError, TooManyTokensError: see there.
        """
        return await self._tokenize("sentence", model, text, timings)

    async def tokenize_target(self, model: Model, text: Text, timings: Timings) -> Tokens:
        """What a decoder reads: its start token, then the tokens of `text`.

        Raises:
            NotOfferedError, NoTokensError, TooManyTokensError: see there.
        """
        try:
            return model.target(await self._tokenize("target", model, text, timings))
        except NoTokensError:
            raise NoTokensError("target") from None

    async def _tokenize(self, field: str, model: Model, text: Text, timings: Timings) -> Tokens:
        return await self.worker.run("tokenize", timings, text.seconds, tokenize_within, field, model, text)

    async def plan(
        self, model: Model, source: Tokens, target: Tokens | None, question: Question, timings: Timings
    ) -> Plan:
        """Decide what to compute; looking for a long text's words is large work itself.

        Raises:
            IndexOutOfRangeError, NotOfferedError: the model has no such layer, head, stack or tensor.
        """
        if question.level == "token":
            return model.plan(source, target, question)
        seconds = (len(source) + len(target or ())) * SECONDS_PER_WORD
        return await self.worker.run("compute", timings, seconds, model.plan, source, target, question)

    async def attend(self, model: Model, plan: Plan, timings: Timings) -> Attention:
        """Compute the tensors that `plan` wants."""
        collector = await model.compute(plan, timings)
        words = plan.wanted.words
        return Attention(
            plan.wanted.layers,
            plan.wanted.heads,
            collector.tensors,
            None if words is None else words.keys,
            None if words is None else words.queries,
        )

    async def matrices(self, model: Model, plan: Plan, timings: Timings) -> list[Float32[np.ndarray, "n m"]]:
        """The matrices of a picture, NaN where they are masked: layer by layer, head by head.

        A tensor that all heads share is one matrix.
        """
        return (await model.compute(plan, timings)).matrices


def tokenize_within(field: str, model: Model, text: Text) -> Tokens:
    """The tokens of `text`, which stands in `field`, if the model takes so many.

    That is known of an encoding before any list is made of it: those of a million tokens take more than a second.

    Raises:
        NoTokensError, TooManyTokensError: there are none, or more.
    """
    encoding = model.tokenizer.encode(text)
    count = len(encoding) + (field == "target")  # a decoder reads its start token first
    if count <= model.facts.max_tokens:
        return model.tokenizer.read(text, encoding)
    first, second = map(encoding.sequence_ids.count, (0, 1))
    raise TooManyTokensError(
        "sentence_pair" if second > first else field,
        count,
        model.facts.max_tokens,
        is_pair=second > 0,
        can_truncate=model.facts.kind == "pretrained",
    )
