"""What of whole tensors is in view."""

from torch import Tensor

from service.engine.keeping import strongest
from service.engine.shapes import ROW_STATISTICS
from service.engine.view import View

OVER_KEYS = frozenset({"scores", "attentions", "value_weighted", "rollout"})
"""Matrices whose rows are queries and whose columns are keys."""
INDICES = "indices"
"""Which keys are the strongest of a query: [layer][head][query][k]. An answer has it where it has but those."""


STRONGEST = "strongest"
"""The attentions of those keys."""


def cut(name: str, tensors: Tensor, view: View | None) -> Tensor:
    """What is in view of a tensor of some heads, [head][query or key][·], or of `rollout`, [layer][query][key]."""
    if view is None or name in ROW_STATISTICS:  # which are told of the queries in view already
        return tensors
    if view.top_k is not None and name in {"attentions", INDICES}:  # and so are these
        return tensors
    if name in {"key", "value"}:
        return tensors[:, view.keys]
    tensors = tensors[:, view.queries]
    return tensors[:, :, view.keys] if name in OVER_KEYS else tensors


def choose_strongest(attentions: Tensor, view: View) -> dict[str, Tensor]:
    """The keys in view with the greatest of some heads' attentions, [head][query][k]: which, and these attentions."""
    seen = attentions[:, view.queries, view.keys]
    indices = strongest(seen, view.shape[1])
    return {INDICES: indices + view.keys.start, STRONGEST: seen.gather(-1, indices)}


def cut_shared(name: str, tensor: Tensor, view: View | None) -> Tensor:
    """What is in view of a tensor that all heads share: the embedding is that of the queries."""
    return tensor[view.queries] if view is not None and name == "embedding" else tensor
