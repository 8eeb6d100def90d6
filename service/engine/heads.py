"""One head of one layer, whose scores are computed for some queries at a time."""

import threading
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Float32
from torch import Tensor

from service.engine.attention import later_keys
from service.engine.view import length

FEW = 8
"""Products, whose sum is off by so many roundings at most."""


class Masked(NamedTuple):
    """Which keys some queries may not attend to: none before `first`, and those that `cells` says of the others."""

    first: int
    cells: Bool[Tensor, "r others"]


@runtime_checkable
class Mask(Protocol):
    """Which keys each query may attend to."""

    def reach(self, queries: slice) -> int:
        """How many keys there are up to the last that any of the queries may attend to."""

    def of(self, queries: slice) -> Masked | None:
        """What is masked of the keys within reach; None = nothing."""


@dataclass(frozen=True, slots=True)
class CausalMask:
    """No query attends to a key that comes after it."""

    device: torch.device

    def reach(self, queries: slice) -> int:
        """Those up to the last query itself."""
        return int(queries.stop)

    def of(self, queries: slice) -> Masked:
        """The triangle at the end."""
        return Masked(queries.start, later_keys(length(queries), self.device))


class Scratch(threading.local):
    """Memory of each thread, used again and again: to get new pages takes longer than to compute what is there."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._flat: dict[tuple[str, torch.dtype], Tensor] = {}

    def take(
        self, name: str, rows: int, columns: int, dtype: torch.dtype, device: torch.device
    ) -> Float[Tensor, "rows columns"]:
        """Room for a matrix, which overwrites the last of this name."""
        flat = self._flat.get((name, dtype))
        if flat is None or flat.numel() < rows * columns:
            flat = self._flat[name, dtype] = torch.empty(rows * columns, dtype=dtype, device=device)
        return flat[: rows * columns].view(rows, columns)


@dataclass(slots=True)
class Head:
    """What the scores of n queries and m keys are made of: softcap(Q·Kᵀ·scaling) + bias, -inf where masked."""

    query: Float[Tensor, "n d_k"]
    key: Float[Tensor, "m d_k"]
    value: Float[Tensor, "m d_v"]
    scaling: float
    mask: Mask | None = None
    softcap: float | None = None
    bias: Float[Tensor, "n m"] | None = None
    sink: Float[Tensor, ""] | None = None
    """A score that takes its share of every row, but has no key (GPT-OSS)."""
    _factors: Tensor | None = field(default=None, init=False, repr=False)

    @property
    def factors(self) -> Float[Tensor, "d_k m"]:
        """The keys, transposed, of the type that products are made in.

        They are made when they are first needed, maybe by two threads, which is no harm.
        """
        if self._factors is None:
            self._factors = (self.key.double() if self._may_cancel_out() else self.key).T
        return self._factors

    def _may_cancel_out(self) -> bool:
        """Whether sums of products in float32 would be off by more than softmax is.

        They are not where a few numbers of one sign are added, as in the notebook's model. A model of less precision
        computes so itself, and mps has no float64.
        """
        if self.key.dtype is not torch.float32 or self.key.device.type == "mps":
            return False
        return self.key.shape[1] > FEW or bool(self.query.min() < 0) or bool(self.key.min() < 0)

    @property
    def n(self) -> int:
        """How many queries there are."""
        return self.query.shape[0]

    @property
    def m(self) -> int:
        """How many keys."""
        return self.key.shape[0]

    def reach(self, queries: slice) -> int:
        """How many keys there are up to the last that any of the queries may attend to."""
        return self.m if self.mask is None else self.mask.reach(queries)

    def masked(self, queries: slice) -> Masked | None:
        """What is masked of the keys within reach; None = nothing."""
        return None if self.mask is None else self.mask.of(queries)

    def scores(self, queries: slice, masked: Masked | None, scratch: Scratch) -> Float32[Tensor, "r reach"]:
        """Softmax's argument for some queries and the keys within their reach."""
        factors = self.factors
        query = self.query[queries].to(factors.dtype)
        rows, columns = length(queries), self.reach(queries)
        products = scratch.take("products", rows, columns, query.dtype, query.device)
        products.addmm_(query, factors[:, :columns], beta=0, alpha=self.scaling)
        if self.softcap is not None:
            products.div_(self.softcap).tanh_().mul_(self.softcap)
        if self.bias is not None:
            products += self.bias[queries, :columns]
        scores = products
        if products.dtype is not torch.float32:
            scores = scratch.take("scores", rows, columns, torch.float32, query.device).copy_(products)
        if masked is not None:
            scores[:, masked.first :].masked_fill_(masked.cells, -torch.inf)
        return scores

    def attentions(self, scores: Float[Tensor, "r reach"], masked: Masked | None) -> Float[Tensor, "r reach"]:
        """Softmax over the keys, in place of the scores; 0 throughout for a query that may attend to nothing."""
        if self.sink is not None:
            sink = self.sink.to(scores.dtype).expand(len(scores), 1)
            return scores.copy_(torch.softmax(torch.cat([scores, sink], dim=-1), dim=-1)[:, :-1])
        torch.softmax(scores, dim=-1, out=scores)
        return scores if masked is None else scores.nan_to_num_(nan=0.0)
