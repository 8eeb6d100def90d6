"""What a request keeps of the heads' tensors while a model computes them."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Float32, Int32
from torch import Tensor

from service.engine import analyses
from service.engine.attention import SMALL
from service.engine.cutting import STRONGEST, choose_strongest, cut, cut_shared
from service.engine.shapes import ROW_STATISTICS
from service.engine.view import View
from service.engine.words import Word, pool_queries, pool_words

SHARED_TENSORS = ("embedding", "query_weights", "key_weights", "value_weights")
"""Tensors that all heads share."""
HEAD_TENSORS = ("query", "key", "value", "scores", "attentions", "output")
"""Tensors that each head has its own of, in the order they are computed."""
SINK = "sink"
"""What a query gives to its head's attention sink: [head][query]. An answer has it where it has `attentions`."""
OUTPUT_WEIGHTS = "output_weights"
"""W_O by head: [head][d_v][d_model]."""
MASKED = "masked"
"""Which cells stand for keys that no query may attend to: [query][key]; absent where there are none."""

SOURCES = {
    "indices": {"attentions"},
    **{name: {"attentions"} for name in ROW_STATISTICS},
    "rollout": {"attentions"},
    "value_weighted": {"attentions", "value", OUTPUT_WEIGHTS},
}
"""What must be computed for an analysis."""

ALIGNMENT = 64
"""Of what torch allocates, in bytes."""

_KEPT_ELSEWHERE = frozenset({*SHARED_TENSORS, "rollout"})

HeadReduction = Literal["mean", "max"]
Array = Float32[np.ndarray, "..."] | Int32[np.ndarray, "..."]
Block = Mapping[str, Tensor]
"""Tensors of some heads of one layer, by name: [head][query][·]."""


class Words(NamedTuple):
    """The words of a text's queries and keys."""

    queries: Sequence[Word]
    keys: Sequence[Word]


class Wanted(NamedTuple):
    """What to keep, of which layers and heads."""

    include: Sequence[str]
    needs: AbstractSet[str]
    """The tensors that must be computed for it; see `needs_of`."""
    layers: Sequence[int]
    heads: Sequence[int]
    num_heads: int
    """How many there are, wanted or not."""
    words: Words | None = None
    """Pool `attentions` and what is derived of them to words."""
    special: Sequence[int] = ()
    """1 for each key that is a special token."""
    reduction: HeadReduction | None = None
    """Keep one matrix a layer, elementwise of all heads."""
    picture: bool = False
    """Keep the matrices of one tensor, NaN where a cell of `scores` or `attentions` is masked."""
    as_is: bool = False
    """Whether the tensors of the only head of the only layer are the answer: see `can_be_as_is`."""
    view: View | None = None
    """What of the matrices is kept; None = all."""
    streamed: bool = False
    """Whether rows are computed some at a time, and none of the matrices as a whole."""

    def heads_of(self, layer: int) -> Sequence[int]:
        """The heads of `layer` that must be computed: rollout needs those of all layers below, too."""
        if not self.needs:
            return ()
        if "rollout" in self.include and layer <= max(self.layers):
            return range(self.num_heads)
        return self.heads if layer in self.layers else ()


def needs_of(include: Collection[str], picture: bool) -> frozenset[str]:
    """The heads' tensors that must be computed for `include`."""
    needed: set[str] = set()
    for name in include:
        if name not in SHARED_TENSORS:
            needed |= SOURCES.get(name, {name})
    if picture and not needed.isdisjoint({"scores", "attentions"}):
        needed.add(MASKED)
    return frozenset(needed)


def can_be_as_is(include: Collection[str], num_heads: int, picture: bool, view: View | None) -> bool:
    """Whether the tensors of a model of one layer are the answer as they are: none to gather, derive, cut or mark."""
    if num_heads > 1 or picture or view is not None:
        return False
    return frozenset(include).isdisjoint({*SOURCES, *SHARED_TENSORS})


class Collector:
    """Takes blocks as they are computed, in ascending order of layers, and keeps what is wanted."""

    def __init__(self, wanted: Wanted) -> None:
        """Hold nothing yet."""
        self.wanted = wanted
        self._names = [name for name in wanted.include if name not in _KEPT_ELSEWHERE]
        self._kept: dict[str, Tensor] = {}
        """[layer][head]…, each made once as large as it will be: the answer is the only copy of a large tensor."""
        self._reduced: dict[int, Tensor] = {}
        """By layer, where the heads become one matrix."""
        self._means: list[Tensor] = []
        self.tensors: dict[str, Array] = {}
        """Once finished: what was kept, [layer][head]…, on the CPU; `rollout` is [layer][query][key]."""
        self.matrices: list[Float32[np.ndarray, "n m"]] = []
        """Once finished, of a picture: what was kept of its tensor, layer by layer, of each head or of all reduced."""

    def record(self, layer: int, heads: Sequence[int], block: Block) -> None:
        """Keep what is wanted of `heads`, whose tensors `block` holds."""
        if "rollout" in self.wanted.include:
            self._add_to_mean(layer, block["attentions"])
        if layer not in self.wanted.layers:
            return
        view = self.wanted.view
        if view is not None and view.top_k is not None:
            block = {**block, **choose_strongest(block["attentions"], view)}
        for name in self._names:
            tensors = cut(name, self._derive(name, block), view)
            if self.wanted.reduction is None:
                self._keep(name, layer, heads, tensors)
            else:
                self._reduce(layer, tensors, self.wanted.reduction)

    def places(self, n: int, device: torch.device) -> Tensor | None:
        """Where a model of one layer may compute the heads' attentions, [head][query][key], so that none is copied.

        None where they are small, are not the answer as they are, or the scores are wanted beside them, or where not
        each head would begin at an address such as torch gives to a matrix of its own: the bits of products depend on
        it.
        """
        wanted = self.wanted
        if n * n <= SMALL or n * n * torch.float32.itemsize % ALIGNMENT:
            return None
        if "attentions" not in self._names or "scores" in wanted.needs or len(wanted.heads) == 1:
            return None
        if wanted.view or wanted.words or wanted.reduction or wanted.picture or wanted.heads != wanted.heads_of(0):
            return None
        self._kept["attentions"] = torch.empty(1, len(wanted.heads), n, n, device=device)
        return self._kept["attentions"][0]

    def take(self, tensors: Mapping[str, Tensor]) -> None:
        """Keep the only head's tensors, [query][·], as they are, and finish."""
        self.tensors = {name: _to_numpy(tensors[name])[None, None] for name in self._names}

    def _keep(self, name: str, layer: int, heads: Sequence[int], tensors: Tensor) -> None:
        layers, wanted = self.wanted.layers, self.wanted.heads
        if len(layers) == 1 and list(heads) == list(wanted):
            self._kept[name] = tensors[None]
            return
        if name not in self._kept:
            self._kept[name] = tensors.new_empty(len(layers), len(wanted), *tensors.shape[1:])
        of_layer = self._kept[name][layers.index(layer)]
        for head, tensor in zip(heads, tensors, strict=True):
            place = of_layer[wanted.index(head)] if head in wanted else tensor
            if place.data_ptr() != tensor.data_ptr():  # it was not computed there
                place.copy_(tensor)

    def _reduce(self, layer: int, tensors: Tensor, reduction: HeadReduction) -> None:
        fold = torch.maximum if reduction == "max" else torch.add
        for tensor in tensors:
            self._reduced[layer] = fold(self._reduced[layer], tensor) if layer in self._reduced else tensor

    def finish(self, shared: Mapping[str, Tensor]) -> None:
        """Take the tensors that all heads share, and bring everything to the CPU."""
        wanted = self.wanted
        if wanted.picture:
            shared_ones = (cut_shared(name, tensor, wanted.view) for name, tensor in shared.items())
            self.matrices = [_to_numpy(matrix) for matrix in [*shared_ones, *self._drawn()]]
            return
        self.tensors.update((name, _to_numpy(tensor)) for name, tensor in self._kept.items())
        if "rollout" in wanted.include:
            rolled = analyses.roll_out(self._means)
            rolled_out = self._pool(torch.stack([rolled[layer] for layer in wanted.layers]))
            self.tensors["rollout"] = _to_numpy(cut("rollout", rolled_out, wanted.view))
        self.tensors.update((name, _to_numpy(cut_shared(name, tensor, wanted.view))) for name, tensor in shared.items())

    def fill(self, kept: Sequence[Sequence[Mapping[str, Tensor]]], shared: Mapping[str, Tensor]) -> None:
        """Take what is the answer already, layer by layer, of each head or of all reduced to one; and finish."""
        wanted = self.wanted
        if wanted.picture:
            drawn = [cut_shared(name, tensor, wanted.view) for name, tensor in shared.items()]
            drawn += [tensor for layer in kept for head in layer for tensor in head.values()]
            self.matrices = [_to_numpy(tensor) for tensor in drawn]
            return
        for name in self._names:
            heads = [torch.stack([head[name] for head in layer]) for layer in kept]
            self.tensors[name] = _to_numpy(torch.stack(heads))
        self.tensors.update((name, _to_numpy(cut_shared(name, tensor, wanted.view))) for name, tensor in shared.items())

    def _drawn(self) -> Iterator[Tensor]:
        reduction, heads = self.wanted.reduction, self.wanted.heads
        for kept in self._kept.values():
            yield from kept.flatten(0, 1)
        for layer in self.wanted.layers if reduction else ():
            yield self._reduced[layer] / (len(heads) if reduction == "mean" else 1)

    def _derive(self, name: str, block: Block) -> Tensor:
        match name:
            case "statistics" | "row_entropy" | "row_maximum" | "mass_by_distance":
                special = [int(all(self.wanted.special[i] for i in word)) for word in self._key_words()]
                return analyses.of_rows(name, *self._rows(self._pool(block["attentions"])), special)
            case "value_weighted":
                return self._pool(analyses.value_weighted(block["attentions"], block["value"], block[OUTPUT_WEIGHTS]))
            case "attentions" if STRONGEST in block:
                return block[STRONGEST]
            case "scores" | "attentions":
                return self._mark(self._pool(block[name]), block.get(MASKED))
            case "sink" if self.wanted.words is not None:
                return pool_queries(block[SINK], self.wanted.words.queries)
        return block[name]

    def _rows(self, attentions: Tensor) -> tuple[Tensor, int]:
        """Those of the queries that are answered, and the number of the first."""
        view = self.wanted.view
        return (attentions, 0) if view is None else (attentions[:, view.queries], view.queries.start)

    def _key_words(self) -> Sequence[Sequence[int]]:
        """The keys' token indices, word by word."""
        if self.wanted.words is None:
            return [[index] for index in range(len(self.wanted.special))]
        return [word.token_indices for word in self.wanted.words.keys]

    def _pool(self, matrices: Tensor) -> Tensor:
        words = self.wanted.words
        return matrices if words is None else pool_words(matrices, words.queries, words.keys)

    def _mark(self, matrices: Tensor, masked: Tensor | None) -> Tensor:
        if masked is None or not self.wanted.picture:
            return matrices
        seen = self._pool((~masked).to(matrices.dtype)[None])
        return matrices.masked_fill(seen == 0, torch.nan)

    def _add_to_mean(self, layer: int, attentions: Tensor) -> None:
        share = attentions.sum(0) / self.wanted.num_heads
        if layer < len(self._means):
            self._means[layer] += share
        else:
            self._means.append(share)


def _to_numpy(tensor: Tensor) -> Array:
    if tensor.dtype is torch.int64:
        tensor = tensor.int()
    elif tensor.dtype is not torch.float32:
        tensor = tensor.float()
    return np.ascontiguousarray(tensor.numpy(force=True))
