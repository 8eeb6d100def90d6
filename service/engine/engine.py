"""The engine: models, a torch device and the worker thread behind one asynchronous face."""

import logging
from collections.abc import Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float32

from service.engine.collecting import Collector
from service.engine.device import default_num_threads, resolve_device
from service.engine.errors import (
    EngineError,
    ModelLoadError,
    NoTokensError,
    UnknownModelError,
)
from service.engine.last_read import LastRead
from service.engine.models import Batching, Model
from service.engine.outcomes import places_by
from service.engine.plan import Attention, Plan, Question
from service.engine.synthetic_model import SyntheticModel
from service.engine.tokenizing import check_count, tokenize_each, tokenize_in_pieces, tokenize_within
from service.engine.tokens import Text, Tokens
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

    def __init__(
        self,
        device: str = "auto",
        num_threads: int | None = None,
        max_tokens: int = 2048,
        max_stream_tokens: int = 131_072,
    ) -> None:
        """Load the models onto `device`; torch gets `num_threads`, or as many as there are cores to use.

        Raises:
            DeviceUnavailableError: `device` is not on this machine.
        """
        self.device = resolve_device(device)
        self.max_tokens = max_tokens
        self.max_stream_tokens = max_stream_tokens
        self._last_read = LastRead()
        self.worker = Worker(num_threads or default_num_threads())
        self.models: dict[str, Model] = {
            SYNTHETIC: SyntheticModel(self.worker, self.device, max_tokens, max_stream_tokens)
        }

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
            model = PretrainedModel(source.id, loaded, self.worker, self.max_tokens, batching, self.max_stream_tokens)
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

    def has_read(self, model: Model, text: Text) -> bool:
        """Whether the tokens of `text` are still known."""
        is_kept = model.tokenizer.is_read_in_pieces(text)
        return is_kept and self._last_read.get(model.tokenizer, text.sentence) is not None

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
            read = await self._tokenize("target", model, text, timings)
        except NoTokensError:
            raise NoTokensError("target") from None
        return model.target(read)

    async def _tokenize(self, field: str, model: Model, text: Text, timings: Timings) -> Tokens:
        if not model.tokenizer.is_read_in_pieces(text):
            return await self.worker.run("tokenize", timings, text.seconds, tokenize_within, field, model, text)
        tokens = self._last_read.get(model.tokenizer, text.sentence)
        if tokens is not None:
            check_count(field, model, text, len(tokens))
            return tokens
        steps = tokenize_in_pieces(field, model, text)
        tokens = await self.worker.run_long("tokenize", timings, text.seconds, steps)
        self._last_read.keep(model.tokenizer, tokens)
        return tokens

    async def tokenize_all(self, asked: Sequence[tuple[Model, Text]], timings: Timings) -> list[Tokens | Exception]:
        """Tokenize many sentences at once, each as `tokenize` does; where that would raise, there is the error."""
        seconds = sum(text.seconds for _, text in asked)
        return await self.worker.run("tokenize", timings, seconds, tokenize_each, asked)

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
        return _attention(plan, await model.compute(plan, timings))

    async def attend_all(self, asked: Sequence[tuple[Model, Plan]], timings: Timings) -> list[Attention | Exception]:
        """Compute many plans at once, each as `attend` does; where that would raise, there is the error."""
        found: dict[int, Attention | Exception] = {}
        for model, places in places_by(model for model, _ in asked).items():
            plans = [asked[place][1] for place in places]
            for place, plan, kept in zip(places, plans, await model.compute_all(plans, timings), strict=True):
                found[place] = kept if isinstance(kept, Exception) else _attention(plan, kept)
        return [found[place] for place in range(len(asked))]

    async def matrices(self, model: Model, plan: Plan, timings: Timings) -> list[Float32[np.ndarray, "n m"]]:
        """The matrices of a picture, NaN where they are masked: layer by layer, head by head.

        A tensor that all heads share is one matrix.
        """
        return (await model.compute(plan, timings)).matrices


def _attention(plan: Plan, collector: Collector) -> Attention:
    words = plan.wanted.words
    return Attention(
        plan.wanted.layers,
        plan.wanted.heads,
        collector.tensors,
        None if words is None else words.keys,
        None if words is None else words.queries,
    )
