"""The engine: models, a torch device and the worker thread behind one asynchronous face."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from service.engine.device import available_cores, resolve_device
from service.engine.errors import IndexOutOfRangeError, TooManyTokensError, UnknownModelError
from service.engine.synthetic import SHARED_TENSORS, Draws, SyntheticParameters, attend_heads, draw, estimate_seconds
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
        self.worker = Worker(num_threads or available_cores())
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

    async def attend_one(
        self,
        tokens: Tokens,
        parameters: SyntheticParameters,
        layer: int,
        head: int | HeadReduction,
        timings: Timings,
    ) -> Float32[np.ndarray, "n n"]:
        """One n×n matrix of attentions: that of `head`, or all heads reduced elementwise by mean or maximum.

        Raises:
            IndexOutOfRangeError: there is no such layer or head.
        """
        _index("layer", layer, 1)
        heads = [_index("head", head, parameters.num_heads)] if isinstance(head, int) else range(parameters.num_heads)
        seconds = estimate_seconds(len(tokens), parameters, len(heads))
        return await self.worker.run("compute", timings, seconds, self._reduce, tokens, parameters, heads, head)

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

    def _reduce(
        self, tokens: Tokens, parameters: SyntheticParameters, heads: Sequence[int], how: int | HeadReduction
    ) -> Float32[np.ndarray, "n n"]:
        attentions = (
            tensors["attentions"]
            for tensors in attend_heads(self._draw(tokens, parameters), parameters, heads, ["attentions"])
        )
        result = reduce(torch.maximum if how == "max" else torch.add, attentions)
        return (result / len(heads) if how == "mean" else result).cpu().numpy()


def _per_head(matrices: list[Tensor]) -> Float32[np.ndarray, "1 h n width"]:
    """The heads' matrices as one array [layer][head][query][·]; stacked on the device, so that they are copied once."""
    stacked = matrices[0] if len(matrices) == 1 else torch.stack(matrices)
    return stacked.cpu().numpy().reshape(1, len(matrices), *matrices[0].shape)


def _index(field: str, index: int, count: int) -> int:
    if not -count <= index < count:
        raise IndexOutOfRangeError(field, index, count)
    return index % count
