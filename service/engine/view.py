"""Which part of a model's matrices is answered, and how finely."""

from math import ceil
from typing import Literal, NamedTuple

from service.engine.errors import NotOfferedError

Window = tuple[int, int]
"""[start, end) along an axis."""
Bins = tuple[int, int]
Pooling = Literal["max", "mean"]


class Sight(NamedTuple):
    """What of the matrices is asked for; None = all of it, cell by cell."""

    queries: Window | None = None
    keys: Window | None = None
    most_bins: Bins | None = None
    """Pool the cells into at most so many rows and columns of bins."""
    pooling: Pooling = "max"
    top_k: int | None = None
    """Of each query tell so many keys, those with the greatest attentions, and no others."""

    @property
    def fields(self) -> dict[str, object]:
        """What is asked for, by the names of a request's fields."""
        return {
            "query_window": self.queries,
            "key_window": self.keys,
            "bins": self.most_bins,
            "top_k": self.top_k,
        }

    @property
    def is_whole(self) -> bool:
        """Whether all is asked for, cell by cell."""
        return all(value is None for value in self.fields.values())


WHOLE = Sight()


class View(NamedTuple):
    """The same of a text of so many queries and keys."""

    queries: slice
    keys: slice
    bin: Bins = (1, 1)
    """How many queries and keys share a bin; the last bins may have fewer."""
    pooling: Pooling = "max"
    top_k: int | None = None
    marks_masked: bool = False
    """Whether masked cells are NaN, as in pictures; bins that are masked as a whole are in any case."""

    @property
    def is_pooled(self) -> bool:
        """Whether bins hold more than a cell."""
        return self.bin != (1, 1)

    @property
    def window(self) -> tuple[slice, slice]:
        """Where it is in a whole matrix."""
        return self.queries, self.keys

    @property
    def num_queries(self) -> int:
        """How many queries it has."""
        return length(self.queries)

    @property
    def num_keys(self) -> int:
        """How many keys."""
        return length(self.keys)

    @property
    def shape(self) -> tuple[int, int]:
        """That of its matrices: bins, or of each query its keys."""
        columns = ceil(self.num_keys / self.bin[1]) if self.top_k is None else self.top_k
        return ceil(self.num_queries / self.bin[0]), columns


def length(part: slice) -> int:
    """How many there are in [start, stop)."""
    return int(part.stop) - int(part.start)


def lengths(view: View | None, n: int, m: int) -> tuple[int, int, int, int]:
    """Of what is seen of n queries and m keys: how many queries, keys, rows of matrices, and columns."""
    return (n, m, n, m) if view is None else (view.num_queries, view.num_keys, *view.shape)


def resolve(sight: Sight, n: int, m: int) -> View:
    """What `sight` means for n queries and m keys.

    Raises:
        NotOfferedError: there are not so many.
    """
    queries, keys = _within("query_window", sight.queries, n), _within("key_window", sight.keys, m)
    rows, columns = length(queries), length(keys)
    most = sight.most_bins or (rows, columns)
    top_k = None if sight.top_k is None else min(sight.top_k, columns)
    return View(queries, keys, (ceil(rows / most[0]), ceil(columns / most[1])), sight.pooling, top_k)


def _within(field: str, window: Window | None, count: int) -> slice:
    start, end = window or (0, count)
    if not 0 <= start < end <= count:
        tokens = "queries" if field == "query_window" else "keys"
        raise NotOfferedError(
            field,
            f"{field} is [{start}, {end}), and there are {count:,} {tokens}: choose 0 ≤ start < end ≤ {count}.",
        )
    return slice(start, end)
