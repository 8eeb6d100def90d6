"""Equal bins of a matrix whose rows come some at a time: the maximum or the mean of each."""

from collections.abc import Callable
from functools import partial
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from service.engine.heads import Masked
from service.engine.keeping import Merge, Rows
from service.engine.view import View

Fold = Literal["max", "mean"]
_FOLDS: dict[str, Callable[..., Tensor]] = {"max": torch.amax, "mean": torch.sum}
_SLOW = 16
"""torch reduces a last axis that is shorter number by number: slices of the columns are folded instead."""


class Bins:
    """The maximum or mean of each bin of a window, without masked cells; NaN, or for attentions 0, where all are."""

    def __init__(self, name: str, view: View, device: torch.device) -> None:
        """Pool a window of a tensor to bins."""
        self._name, self._view, self._device = name, view, device
        is_max = view.pooling == "max"
        lowest, dtype = (-torch.inf, torch.float32) if is_max else (0.0, torch.float64)
        self._folded = torch.full(view.shape, lowest, dtype=dtype, device=device)
        self._seen: Tensor | None = None
        """How many cells of each bin are not masked, as far as some of their row are."""
        self._whole_rows = [0] * view.shape[0]
        """How many other rows each row of bins has: most heads have no mask, and there is nothing to count."""

    def take(self, queries: slice, rows: Rows, masked: Masked | None) -> Merge | None:
        """Fold the columns of the rows of some `queries`; what is left to do is to fold the rows into their bins.

        That is done in the order of the queries: the bits of a sum depend on it.
        """
        view = self._view
        inside = rows[:, view.keys]
        if not inside.shape[1]:
            return None
        if masked is not None and view.pooling == "mean":
            inside = inside.nan_to_num(neginf=0.0)  # which is no part of a mean
        columns = fold_columns(inside, view.bin[1], view.pooling)
        if columns is inside:
            columns = columns.clone()  # the rows are overwritten
        seen = None if masked is None else self._seen_by(len(rows), inside.shape[1], masked)
        return partial(self._merge, queries.start - view.queries.start, columns, seen)

    def result(self) -> dict[str, Tensor]:
        """The bins, [bin of queries][bin of keys]."""
        view = self._view
        starts = torch.arange(0, view.num_keys, view.bin[1], device=self._device)
        sizes = (view.num_keys - starts).clamp_(max=view.bin[1])
        seen = torch.tensor(self._whole_rows, device=self._device)[:, None] * sizes
        if self._seen is not None:
            seen += self._seen
        found = self._folded if view.pooling == "max" else (self._folded / seen).float()
        filler = torch.nan if self._view.marks_masked or self._name == "scores" else 0.0
        return {self._name: found.masked_fill_(seen == 0, filler)}

    def _merge(self, first: int, columns: Float[Tensor, "r bins"], seen: Float[Tensor, "r bins"] | None) -> None:
        """Fold rows, of which the first is number `first` of the view."""
        if seen is not None and self._seen is None:
            self._seen = torch.zeros(self._view.shape, dtype=torch.int32, device=self._device)
        size = self._view.bin[0]
        for bin_ in range(first // size, (first + len(columns) - 1) // size + 1):
            part = slice(max(bin_ * size - first, 0), (bin_ + 1) * size - first)
            self._fold(bin_, columns[part])
            if seen is None or self._seen is None:
                self._whole_rows[bin_] += len(columns[part])
            else:
                self._seen[bin_, : columns.shape[1]] += seen[part].sum(0).int()

    def _fold(self, bin_: int, columns: Float[Tensor, "r bins"]) -> None:
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
        cells = torch.ones(rows, columns - whole * size, device=self._device)
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
