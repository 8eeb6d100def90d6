"""What attentions tell: statistics of heads, attention rollout, attentions weighted by their values. Pure functions."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from service.engine.shapes import STATISTICS

ANALYSES = ("statistics", "rollout", "value_weighted")
"""The names that `include` takes besides the tensors'."""


def statistics(attentions: Float[Tensor, "h n n"], special: Sequence[int]) -> Float[Tensor, "h 8"]:
    """For each head the numbers that `STATISTICS` names; NaN for a mass without such tokens.

    Entropy is -Σ a·ln a of a row (0·ln 0 = 0), distance Σ a·|i - j|, both averaged over the queries. A mass is what a
    query gives to itself, to the token before or after it, to the first token, to the `special` ones (1 in the mask):
    averaged over the queries that have such a token.
    """
    n = attentions.shape[-1]
    positions = torch.arange(n, device=attentions.device, dtype=attentions.dtype)
    distance = (positions[:, None] - positions[None, :]).abs()
    is_special = torch.tensor(special, dtype=torch.bool, device=attentions.device)
    rows = {
        "entropy": -torch.special.xlogy(attentions, attentions).sum(-1),
        "distance": (attentions * distance).sum(-1),
        "self": attentions.diagonal(dim1=-2, dim2=-1),
        "previous": attentions.diagonal(-1, dim1=-2, dim2=-1),
        "next": attentions.diagonal(1, dim1=-2, dim2=-1),
        "first": attentions[..., 0],
        "special": attentions[..., is_special].sum(-1) if is_special.any() else attentions[..., :0, 0],
    }
    named = {name: values.mean(-1) for name, values in rows.items()}  # the mean of nothing is NaN
    named["maximum"] = attentions.amax((-2, -1))
    return torch.stack([named[name] for name in STATISTICS], dim=-1)


def roll_out(means: Sequence[Float[Tensor, "n n"]]) -> list[Float[Tensor, "n n"]]:
    """Attention rollout (Abnar & Zuidema 2020, section 3): for each layer l, R = Â_l…Â_0.

    Â = ½(A + I) with rows normalised again, where A is a layer's mean over all its heads; `means` holds those of the
    layers from 0 on.
    """
    rolled: list[Tensor] = []
    for mean in means:
        mixed = (mean + torch.eye(mean.shape[-1], device=mean.device, dtype=mean.dtype)) / 2
        mixed = mixed / mixed.sum(-1, keepdim=True)
        rolled.append(mixed @ rolled[-1] if rolled else mixed)
    return rolled


def value_weighted(
    attentions: Float[Tensor, "h n m"], value: Float[Tensor, "h m d_v"], output_weights: Float[Tensor, "h d_v d_model"]
) -> Float[Tensor, "h n m"]:
    """α_ij·‖v_j·W_O‖₂ of each head (Kobayashi et al. 2020, section 3): v with its bias, W_O without."""
    norms: Tensor = torch.linalg.vector_norm(value @ output_weights, dim=-1)
    return attentions * norms[:, None, :]
