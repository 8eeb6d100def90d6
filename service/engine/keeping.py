"""What is kept of whole rows of a head's matrices, which come some queries at a time."""

from collections.abc import Callable, Collection, Mapping, Sequence
from threading import Lock
from typing import Literal, TypeVar

import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

from service.engine import analyses
from service.engine.heads import Masked
from service.engine.shapes import ROW_STATISTICS
from service.engine.view import View

T = TypeVar("T")
Fold = Literal["max", "mean"]
Rows = Float32[Tensor, "r reach"]

_FOLDS: dict[str, Callable[..., Tensor]] = {"max": torch.amax, "mean": torch.sum}
_SLOW = 16
"""torch reduces a last axis that is shorter number by number: slices of the columns are folded instead."""


class Window:
    """The cells of a window."""

    def __init__(self, name: str, view: View, device: torch.device, filler: float) -> None:
        """Keep a window of a tensor; keys beyond the reach of a query get `filler`."""
        self._name, self._view = name, view
        self._cells = torch.full((view.num_queries, view.num_keys), filler, device=device)

    def take(self, queries: slice, rows: Rows, _masked: Masked | None) -> None:
        """Keep what the rows of some `queries` have in the window."""
        inside = rows[:, self._view.keys]
        start = queries.start - self._view.queries.start
        self._cells[start : start + len(rows), : inside.shape[1]] = inside

    def result(self) -> dict[str, Tensor]:
        """The window, [query][key]."""
        return {self._name: self._cells}


class Output:
    """attentions·value."""

    def __init__(self, view: View, value: Float[Tensor, "m d_v"]) -> None:
        """Keep that of the queries in the view."""
        self._view, self._value = view, value.float()
        self._output = torch.empty(view.num_queries, value.shape[1], device=value.device)

    def take(self, queries: slice, rows: Rows, _masked: Masked | None) -> None:
        """Weigh the values by the rows of some `queries`."""
        start = queries.start - self._view.queries.start
        torch.mm(rows, self._value[: rows.shape[1]], out=self._output[start : start + len(rows)])

    def result(self) -> dict[str, Tensor]:
        """The output, [query][d_v]."""
        return {"output": self._output}


class SinkShare:
    """What each query gives to its head's sink."""

    def __init__(self, view: View, sink: Float[Tensor, ""]) -> None:
        """Keep that of the queries in the view."""
        self._view, self._sink = view, sink.float()
        self._share = torch.empty(view.num_queries, device=sink.device)

    def take(self, queries: slice, scores: Rows, _masked: Masked | None) -> None:
        """The sink's share of softmax over a row of scores and the sink."""
        start = queries.start - self._view.queries.start
        self._share[start : start + len(scores)] = torch.sigmoid(self._sink - torch.logsumexp(scores, dim=-1))

    def result(self) -> dict[str, Tensor]:
        """The shares, [query]."""
        return {"sink": self._share}


class Bins:
    """The maximum or mean of each bin of a window, without masked cells; NaN, or for attentions 0, where all are."""

    def __init__(self, name: str, view: View, device: torch.device) -> None:
        """Pool a window of a tensor to bins."""
        self._name, self._view = name, view
        is_max = view.pooling == "max"
        lowest, dtype = (-torch.inf, torch.float32) if is_max else (0.0, torch.float64)
        self._folded = torch.full(view.shape, lowest, dtype=dtype, device=device)
        self._seen = torch.zeros(view.shape, dtype=torch.float64, device=device)
        """How many cells of each bin are not masked, as far as some of their row are."""
        self._merging = Lock()
        """Several blocks may have rows of one bin."""
        self._whole_rows = [0] * view.shape[0]
        """How many other rows each row of bins has: most heads have no mask, and there is nothing to count."""

    def take(self, queries: slice, rows: Rows, masked: Masked | None) -> None:
        """Fold the rows of some `queries` into their bins."""
        view = self._view
        inside = rows[:, view.keys]
        if not inside.shape[1]:
            return
        if masked is not None and view.pooling == "mean":
            inside = inside.nan_to_num(neginf=0.0)  # which is no part of a mean
        columns = fold_columns(inside, view.bin[1], view.pooling)
        seen = None if masked is None else self._seen_by(len(rows), inside.shape[1], masked)
        size, first = view.bin[0], queries.start - view.queries.start
        with self._merging:
            for bin_ in range(first // size, (first + len(rows) - 1) // size + 1):
                part = slice(max(bin_ * size - first, 0), (bin_ + 1) * size - first)
                self._fold(bin_, columns[part])
                if seen is None:
                    self._whole_rows[bin_] += len(columns[part])
                else:
                    self._seen[bin_, : columns.shape[1]] += seen[part].sum(0)

    def result(self) -> dict[str, Tensor]:
        """The bins, [bin of queries][bin of keys]."""
        view, device = self._view, self._seen.device
        starts = torch.arange(0, view.num_keys, view.bin[1], device=device)
        sizes = (view.num_keys - starts).clamp_(max=view.bin[1])
        seen = self._seen + torch.tensor(self._whole_rows, device=device)[:, None] * sizes
        found = self._folded if view.pooling == "max" else self._folded / seen
        filler = torch.nan if self._view.marks_masked or self._name == "scores" else 0.0
        return {self._name: found.masked_fill(seen == 0, filler).float()}

    def _fold(self, bin_: int, columns: Tensor) -> None:
        place = self._folded[bin_, : columns.shape[1]]
        if self._view.pooling == "max":
            torch.maximum(place, columns.amax(0), out=place)
        else:
            place += columns.sum(0, dtype=torch.float64)

    def _seen_by(self, rows: int, columns: int, masked: Masked) -> Float[Tensor, "r bins"]:
        """How many cells of each bin are not masked: all in front of the first bin that may have masked ones."""
        size, start = self._view.bin[1], self._view.keys.start
        before = min(max(masked.first - start, 0), columns)
        whole = before // size
        cells = torch.ones(rows, columns - whole * size, device=self._seen.device)
        inside = slice(max(start - masked.first, 0), max(start + columns - masked.first, 0))
        cells[:, before - whole * size :] = ~masked.cells[:, inside]
        return torch.nn.functional.pad(fold_columns(cells, size, "mean"), (whole, 0), value=size)


def fold_columns(rows: Float[Tensor, "r columns"], size: int, fold: Fold) -> Float[Tensor, "r bins"]:
    """The maximum, or for `mean` the sum, of every `size` columns; the last bin may have fewer."""
    if size == 1 or not rows.shape[1]:
        return rows
    whole = rows.shape[1] // size * size
    folded = [_fold_whole(rows[:, :whole], size, fold)] if whole else []
    if whole < rows.shape[1]:
        folded.append(_FOLDS[fold](rows[:, whole:], dim=-1, keepdim=True))
    return folded[0] if len(folded) == 1 else torch.cat(folded, dim=-1)


def _fold_whole(rows: Float[Tensor, "r columns"], size: int, fold: Fold) -> Float[Tensor, "r bins"]:
    if size >= _SLOW:
        return _FOLDS[fold](rows.view(len(rows), -1, size), dim=-1)
    combine = torch.maximum if fold == "max" else torch.add
    folded = rows[:, ::size].clone()
    for offset in range(1, size):
        combine(folded, rows[:, offset::size], out=folded)
    return folded


class Strongest:
    """The keys with the greatest attentions of each query."""

    def __init__(self, view: View, device: torch.device) -> None:
        """Keep `top_k` of each query in the view, of the keys in it."""
        self._view, self._k = view, view.shape[1]
        self._indices = torch.zeros(view.shape, dtype=torch.int64, device=device)
        self._attentions = torch.zeros(view.shape, device=device)

    def take(self, queries: slice, rows: Rows, _masked: Masked | None) -> None:
        """Keep the strongest of some `queries`; keys beyond their reach have 0."""
        inside = rows[:, self._view.keys]
        beyond = self._k - inside.shape[1]
        if beyond > 0:
            inside = torch.nn.functional.pad(inside, (0, beyond))
        start = queries.start - self._view.queries.start
        place = slice(start, start + len(rows))
        indices = strongest(inside, self._k)
        self._indices[place] = indices + self._view.keys.start
        self._attentions[place] = inside.gather(1, indices)

    def result(self) -> dict[str, Tensor]:
        """The keys and their attentions, [query][rank]."""
        return {"attentions": self._attentions, "indices": self._indices}


def strongest(attentions: Float32[Tensor, "*r m"], k: int) -> Int64[Tensor, "*r k"]:
    """Which k keys of each query have the greatest attentions, ties to the lower index.

    What is compared is a number's bits, which stand in the order of numbers from 0 on, and below them the index: so no
    two are equal.
    """
    m = attentions.shape[-1]
    ranks = attentions.contiguous().view(torch.int32).to(torch.int64)
    ranks <<= 32
    ranks |= torch.arange(m - 1, -1, -1, device=ranks.device)
    best = torch.topk(ranks, k).values
    return (m - 1) - (best & 0xFFFFFFFF)


class Statistics:
    """What is told of whole rows: of each, or summarized."""

    def __init__(self, names: Collection[str], special: Sequence[int], device: torch.device) -> None:
        """Keep those of `names` that are statistics; `special` tells which keys are special tokens."""
        self.names = frozenset(ROW_STATISTICS).intersection(names)
        self._is_special = analyses.mask_of(special, device)
        self._rows: dict[int, dict[str, Tensor]] = {}
        self._masses: dict[int, Tensor] = {}
        """By the first query of a block."""

    def take(self, queries: slice, attentions: Float64[Tensor, "r reach"], _masked: Masked | None = None) -> None:
        """Keep what the rows of some `queries` tell."""
        first = queries.start
        if not self.names <= {"mass_by_distance"}:
            self._rows[first] = analyses.row_statistics(attentions, first, self._is_special)
        if "mass_by_distance" in self.names:
            self._masses[first] = analyses.mass_by_distance(attentions, first, len(self._is_special))

    def result(self) -> dict[str, Tensor]:
        """What was kept, in float32."""
        found = {"mass_by_distance": torch.cat(_in_order(self._masses))} if self._masses else {}
        if self._rows:
            blocks = _in_order(self._rows)
            rows = {name: torch.cat([block[name] for block in blocks]) for name in blocks[0]}
            found |= {
                "statistics": analyses.summarize(rows),
                "row_entropy": rows["entropy"],
                "row_maximum": rows["maximum"],
            }
        return {name: tensor.float() for name, tensor in found.items() if name in self.names}


def _in_order(found: Mapping[int, T]) -> list[T]:
    return [found[first] for first in sorted(found)]
