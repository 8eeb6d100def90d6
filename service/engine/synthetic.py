"""The exercise notebook's model: seeded random embeddings and projections, one layer, any number of heads."""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int32
from torch import Tensor

from service.engine.attention import (
    mask_later_keys,
    project,
    scaled_scores,
    sinusoidal_positions,
    softmax,
    take_head,
    weighted_values,
)
from service.engine.collecting import HEAD_TENSORS
from service.engine.errors import TooMuchWorkError
from service.engine.heads import CausalMask, Head

KEPT_NUMBERS = 16 * 1024
"""The most numbers that a sample may have to be kept for the next request that draws it."""

FLOAT32_BYTES = 4
MOST_BYTES = 512 * 2**20
"""The most that embedding and projections of a long text may take."""

Initialization = Literal["uniform", "normal"]

_FROM = {name: frozenset(HEAD_TENSORS[index:]) for index, name in enumerate(HEAD_TENSORS)}
"""A tensor and those that are computed after it."""


@dataclass(frozen=True, slots=True)
class SyntheticParameters:
    """What decides the model's numbers, beside the seed; the defaults are the notebook's."""

    d_model: int = 8
    d_k: int = 4
    d_v: int = 4
    num_heads: int = 1
    embedding_mode: Literal["per_position", "per_token"] = "per_position"
    initialization: Initialization = "uniform"
    positions: Literal["none", "sinusoidal"] = "none"
    mask: Literal["none", "causal"] = "none"
    scale: float | None = None


class Draws(NamedTuple):
    """The model's inputs and weights for one text of n tokens; the width of a weight is that of all heads together."""

    embedding: Float[Tensor, "n d_model"]
    query_weights: Float[Tensor, "d_model key_width"]
    key_weights: Float[Tensor, "d_model key_width"]
    value_weights: Float[Tensor, "d_model value_width"]


def draw(input_ids: Sequence[int] | Int32[np.ndarray, " n"], seed: int, parameters: SyntheticParameters) -> Draws:
    """Draw embedding and weights from one private generator on the CPU, in the notebook's order.

    The draws are those that follow `torch.manual_seed(seed)`: bit-identical on every machine, whatever the device.
    """
    n, d_model = len(input_ids), parameters.d_model
    key_width, value_width = parameters.num_heads * parameters.d_k, parameters.num_heads * parameters.d_v
    sample = _sample_again if (n + 2 * key_width + value_width) * d_model <= KEPT_NUMBERS else _sample
    embedding, *weights = sample(seed, parameters.initialization, n, d_model, key_width, value_width)
    if parameters.embedding_mode == "per_token":
        embedding = embedding[_first_occurrences(input_ids)]
    if parameters.positions == "sinusoidal":
        embedding = embedding + sinusoidal_positions(n, d_model)
    return Draws(embedding, *weights)


def _sample(
    seed: int, initialization: Initialization, n: int, d_model: int, key_width: int, value_width: int
) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(seed)
    shapes = ((n, d_model), (d_model, key_width), (d_model, key_width), (d_model, value_width))
    if initialization == "uniform":
        return tuple(torch.rand(*shape, generator=generator) for shape in shapes)
    embedding, *weights = (torch.randn(*shape, generator=generator) for shape in shapes)
    return embedding, *(weight / math.sqrt(d_model) for weight in weights)


_sample_again = lru_cache(maxsize=256)(_sample)
"""Small samples are kept, as one seed serves many sentences: 64 KiB each, 16 MiB in all. Nobody writes to them."""


def _first_occurrences(input_ids: Sequence[int] | Int32[np.ndarray, " n"]) -> list[int]:
    first: dict[int, int] = {}
    return [first.setdefault(token, position) for position, token in enumerate(input_ids)]


def attend_heads(
    draws: Draws,
    parameters: SyntheticParameters,
    heads: Sequence[int],
    needs: Collection[str],
    places: Tensor | None = None,
) -> Iterator[tuple[int, dict[str, Tensor]]]:
    """Each of `heads` in turn: its tensors (see `HEAD_TENSORS`), computed as far as `needs` goes.

    Where there are `places`, [head][query][key], scores and then attentions are computed there.
    """
    if _FROM["query"].isdisjoint(needs):
        return
    projections = _project(draws)
    widths = {"query": parameters.d_k, "key": parameters.d_k, "value": parameters.d_v}
    for index, head in enumerate(heads):
        tensors = {name: take_head(tensor, head, widths[name]) for name, tensor in projections.items()}
        _attend(tensors, parameters, needs, None if places is None else places[index])
        yield head, tensors


def attend_one_head(draws: Draws, parameters: SyntheticParameters, needs: Collection[str]) -> dict[str, Tensor]:
    """What `attend_heads` makes of the only head."""
    if _FROM["query"].isdisjoint(needs):
        return {}
    tensors = _project(draws)
    _attend(tensors, parameters, needs)
    return tensors


def _project(draws: Draws) -> dict[str, Tensor]:
    return {
        "query": project(draws.embedding, draws.query_weights),
        "key": project(draws.embedding, draws.key_weights),
        "value": project(draws.embedding, draws.value_weights),
    }


def _attend(
    tensors: dict[str, Tensor], parameters: SyntheticParameters, needs: Collection[str], place: Tensor | None = None
) -> None:
    """Add what one head makes of its queries, keys and values."""
    if _FROM["scores"].isdisjoint(needs):
        return
    scores = scaled_scores(tensors["query"], tensors["key"], parameters.scale, place)
    if parameters.mask == "causal":
        mask_later_keys(scores)
    if "scores" in needs:
        tensors["scores"] = scores
    if _FROM["attentions"].isdisjoint(needs):
        return
    tensors["attentions"] = attentions = softmax(scores, overwrite="scores" not in needs)
    if "output" in needs:
        tensors["output"] = weighted_values(attentions, tensors["value"])


def estimate_seconds(n: int, parameters: SyntheticParameters, num_heads: int) -> float:
    """A rough cost of one request on one CPU core: draws, projections, then n² work for each of `num_heads`."""
    squared = num_heads * n * n * (parameters.d_k + parameters.d_v)
    softmaxed = num_heads * n * n
    return estimate_linear_seconds(n, parameters) + 6e-5 * num_heads + 3e-11 * squared + 3e-9 * softmaxed


def estimate_linear_seconds(n: int, parameters: SyntheticParameters) -> float:
    """A rough cost of draws and projections on one CPU core."""
    widths = _widths(parameters)
    drawn = parameters.d_model * (n + widths)
    projected = n * parameters.d_model * widths
    encoded = n * parameters.d_model if parameters.positions == "sinusoidal" else 0
    return 1e-5 + 6e-9 * drawn + 3e-11 * projected + 5e-8 * encoded


def check_memory(n: int, parameters: SyntheticParameters, heads_at_once: int) -> int:
    """How many bytes the embedding and the projections of a long text take, with `heads_at_once` of them in float64.

    Raises:
        TooMuchWorkError: they take more than there is room for.
    """
    projected = FLOAT32_BYTES * _widths(parameters) + heads_at_once * 2 * FLOAT32_BYTES * parameters.d_k
    size = n * (FLOAT32_BYTES * parameters.d_model + projected)
    if size > MOST_BYTES:
        most = n * MOST_BYTES // size
        raise TooMuchWorkError(
            "d_model",
            f"The embedding and the projections of {n:,} tokens take {size:,} bytes, the limit is {MOST_BYTES:,}. Use "
            f"a smaller d_model, d_k or d_v, fewer heads, or at most {most:,} tokens.",
        )
    return size


def _widths(parameters: SyntheticParameters) -> int:
    return parameters.num_heads * (2 * parameters.d_k + parameters.d_v)


def make_head(draws: Draws, parameters: SyntheticParameters, head: int) -> Head:
    """One head of a long text, whose scores are computed some queries at a time; nothing is projected for others."""
    query, key, value = (
        project(draws.embedding, weights[:, head * width : (head + 1) * width])
        for weights, width in (
            (draws.query_weights, parameters.d_k),
            (draws.key_weights, parameters.d_k),
            (draws.value_weights, parameters.d_v),
        )
    )
    scaling = 1 / math.sqrt(parameters.d_k) if parameters.scale is None else parameters.scale
    return Head(query, key, value, scaling, CausalMask(query.device) if parameters.mask == "causal" else None)
