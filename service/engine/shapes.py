"""How large each tensor of an answer is, known before any work."""

from operator import attrgetter
from typing import NamedTuple

Shape = tuple[int, ...]

STATISTICS = ("entropy", "distance", "self", "previous", "next", "first", "special", "maximum")
"""What `statistics` holds for each head."""

ROW_STATISTICS = ("statistics", "row_entropy", "row_maximum", "mass_by_distance")
"""Tensors that are told of whole rows of attentions."""


class Dimensions(NamedTuple):
    """Lengths of the axes of an answer's tensors: of what is answered, not of all that there is."""

    layers: int
    heads: int
    queries: int
    keys: int
    rows: int
    """Of matrices over keys: as many as queries, or bins of them."""
    columns: int
    """As many as keys, or bins of them, or the strongest of each query."""
    d_model: int
    d_k: int
    d_v: int
    key_width: int = 0
    """d_k of all heads side by side, as the weights have it."""
    value_width: int = 0
    statistics: int = len(STATISTICS)
    distances: int = 0
    """Ranges of distances."""

    def shape(self, tensor: str) -> Shape:
        """The shape of a tensor."""
        lengths: Shape = _LENGTHS[tensor](self)
        return lengths


_OF_HEADS = ("layers", "heads", "queries")
_MATRICES = ("layers", "heads", "rows", "columns")
AXES = {
    "embedding": ("queries", "d_model"),
    "query_weights": ("d_model", "key_width"),
    "key_weights": ("d_model", "key_width"),
    "value_weights": ("d_model", "value_width"),
    "query": (*_OF_HEADS, "d_k"),
    "key": ("layers", "heads", "keys", "d_k"),
    "value": ("layers", "heads", "keys", "d_v"),
    "scores": _MATRICES,
    "attentions": _MATRICES,
    "output": (*_OF_HEADS, "d_v"),
    "sink": _OF_HEADS,
    "statistics": ("layers", "heads", "statistics"),
    "row_entropy": _OF_HEADS,
    "row_maximum": _OF_HEADS,
    "mass_by_distance": (*_OF_HEADS, "distances"),
    "rollout": ("layers", "rows", "columns"),
    "value_weighted": _MATRICES,
    "indices": _MATRICES,
}
"""The axes of each tensor, as `Dimensions` names them."""

_LENGTHS = {tensor: attrgetter(*axes) for tensor, axes in AXES.items()}
