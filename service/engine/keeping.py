"""What is kept of whole rows of a head's matrices, which come some queries at a time."""

from collections.abc import Callable, Collection, Sequence

import torch
from jaxtyping import Float, Float32, Float64, Int64
from torch import Tensor

from service.engine import analyses
from service.engine.heads import Masked
from service.engine.shapes import ROW_STATISTICS, STATISTICS
from service.engine.view import View

Rows = Float32[Tensor, "r reach"]
Merge = Callable[[], None]
"""What is left to do, in the order of the queries."""


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

    def __init__(self, names: Collection[str], view: View, special: Sequence[int], device: torch.device) -> None:
        """Keep those of `names` that are statistics; `special` tells which keys are special tokens."""
        self.names = frozenset(ROW_STATISTICS).intersection(names)
        self._view = view
        self._is_special = analyses.mask_of(special, device)
        has_rows, has_masses = not self.names <= {"mass_by_distance"}, "mass_by_distance" in self.names
        n, m = view.num_queries, len(special)
        self._rows = {
            name: torch.zeros(n, dtype=torch.float64, device=device) for name in (STATISTICS if has_rows else ())
        }
        distances = analyses.num_distances(m) if has_masses else 0
        self._masses = torch.zeros(n, distances, dtype=torch.float64, device=device)

    def take(self, queries: slice, attentions: Float64[Tensor, "r reach"]) -> None:
        """Keep what the rows of some `queries` tell."""
        first = queries.start
        start = first - self._view.queries.start
        place = slice(start, start + len(attentions))
        if self._rows:
            for name, values in analyses.row_statistics(attentions, first, self._is_special).items():
                self._rows[name][place] = values
        if self._masses.shape[1]:
            self._masses[place] = analyses.mass_by_distance(attentions, first, len(self._is_special))

    def result(self) -> dict[str, Tensor]:
        """What was kept, in float32."""
        found = {"mass_by_distance": self._masses}
        if self._rows:
            found |= {
                "statistics": analyses.summarize(self._rows),
                "row_entropy": self._rows["entropy"],
                "row_maximum": self._rows["maximum"],
            }
        return {name: tensor.float() for name, tensor in found.items() if name in self.names}
