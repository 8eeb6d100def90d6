"""The engine: models, a torch device and the worker thread behind one asynchronous face."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from service.engine.attention import mask_later_keys
from service.engine.device import default_num_threads, resolve_device
from service.engine.errors import IndexOutOfRangeError, TooManyTokensError, UnknownModelError
from service.engine.synthetic import (
    SHARED_TENSORS,
    Draws,
    SyntheticParameters,
    attend_heads,
    draw,
    estimate_seconds,
    is_masked,
)
from service.engine.tokenizer import SECONDS_PER_CHARACTER, OffsetUnit, Text, Tokenizer, Tokens
from service.engine.worker import Timings, Worker

SYNTHETIC = "synthetic"
HeadReduction = Literal["mean", "max"]


@dataclass(frozen=True, slots=True)
class Attention:
    """What `Engine.attend` computed: tensors by name, float32, on the CPU.

    Per-head tensors are [layer][head][query][·]; `embedding` and the weights are matrices.
    """

    layers: list[int]
    heads: list[int]
    tensors: dict[str, Float32[np.ndarray, "..."]]


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
        self._tokenizers = {SYNTHETIC: Tokenizer()}

    @property
    def models(self) -> list[str]:
        """The ids of the models."""
        return list(self._tokenizers)

    def close(self) -> None:
        """End the worker thread."""
        self.worker.close()

    async def tokenize(self, model: str, text: Text, offset_unit: OffsetUnit, timings: Timings) -> Tokens:
        """Tokenize `text` as `model` does.

        Raises:
            UnknownModelError, NoTokensError, TooManyTokensError: see there.
        """
        tokenizer = self._tokenizers.get(model)
        if tokenizer is None:
            raise UnknownModelError(model, self.models)
        seconds = text.characters * SECONDS_PER_CHARACTER
        tokens = await self.worker.run("tokenize", timings, seconds, tokenizer, text, offset_unit)
        if len(tokens) > self.max_tokens:
            raise TooManyTokensError(len(tokens), self.max_tokens)
        return tokens

    async def attend(
        self, tokens: Tokens, parameters: SyntheticParameters, include: Collection[str], timings: Timings
    ) -> Attention:
        """Compute the tensors that `include` names, for all heads."""
        heads = list(range(parameters.num_heads))
        seconds = estimate_seconds(len(tokens), parameters, parameters.num_heads)
        tensors = await self.worker.run("compute", timings, seconds, self._attend, tokens, parameters, include, heads)
        return Attention(layers=[0], heads=heads, tensors=tensors)

    async def matrices(
        self,
        tokens: Tokens,
        parameters: SyntheticParameters,
        tensor: str,
        layer: int,
        heads: int | HeadReduction | None,
        timings: Timings,
    ) -> list[Float32[np.ndarray, "n m"]]:
        """The matrix of `tensor` of one head, of all heads reduced elementwise to one, or (None) of each head.

        NaN where it is masked. A tensor that all heads share is one matrix.

        Raises:
            IndexOutOfRangeError: there is no such layer or head.
        """
        index("layer", layer, 1)
        every = range(parameters.num_heads)
        chosen = [index("head", heads, parameters.num_heads)] if isinstance(heads, int) else every
        seconds = estimate_seconds(len(tokens), parameters, len(chosen))
        compute = partial(self._matrices, tokens, parameters, tensor, chosen, heads if isinstance(heads, str) else None)
        return await self.worker.run("compute", timings, seconds, compute)

    def _draw(self, tokens: Tokens, parameters: SyntheticParameters) -> Draws:
        draws = draw(tokens.input_ids, parameters)
        if self.device.type == "cpu":
            return draws
        return Draws(*(getattr(draws, name).to(self.device) for name in SHARED_TENSORS))

    def _attend(
        self, tokens: Tokens, parameters: SyntheticParameters, include: Collection[str], heads: Sequence[int]
    ) -> dict[str, Float32[np.ndarray, "..."]]:
        draws = self._draw(tokens, parameters)
        wanted = [name for name in include if name not in SHARED_TENSORS]
        by_head = [{name: head[name] for name in wanted} for head in attend_heads(draws, parameters, heads, wanted)]
        shared = {name: getattr(draws, name).cpu().numpy() for name in include if name in SHARED_TENSORS}
        return shared | {name: _per_head([head[name] for head in by_head]) for name in wanted}

    def _matrices(
        self,
        tokens: Tokens,
        parameters: SyntheticParameters,
        tensor: str,
        heads: Sequence[int],
        reduction: HeadReduction | None,
    ) -> list[Float32[np.ndarray, "n m"]]:
        draws = self._draw(tokens, parameters)
        if tensor in SHARED_TENSORS:
            return [getattr(draws, tensor).cpu().numpy()]
        matrices = (
            mask_later_keys(tensors[tensor], torch.nan) if is_masked(tensor, parameters) else tensors[tensor]
            for tensors in attend_heads(draws, parameters, heads, [tensor])
        )
        if reduction is None:
            return [matrix.cpu().numpy() for matrix in matrices]
        reduced = reduce(torch.maximum if reduction == "max" else torch.add, matrices)
        return [(reduced / len(heads) if reduction == "mean" else reduced).cpu().numpy()]


def _per_head(matrices: list[Tensor]) -> Float32[np.ndarray, "1 h n width"]:
    """The heads' matrices as one array [layer][head][query][·]; stacked on the device, so that they are copied once."""
    stacked = matrices[0] if len(matrices) == 1 else torch.stack(matrices)
    return stacked.cpu().numpy().reshape(1, len(matrices), *matrices[0].shape)


def index(field: str, number: int, count: int) -> int:
    """`number` counted from 0, where negatives count from the end.

    Raises:
        IndexOutOfRangeError: there are only `count`.
    """
    if not -count <= number < count:
        raise IndexOutOfRangeError(field, number, count)
    return number % count
