"""What attentions tell: statistics of heads, attention rollout, attentions weighted by their values. Pure functions."""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from service.engine.shapes import STATISTICS

ANALYSES = ("statistics", "rollout", "value_weighted")
"""The names that `include` takes besides the tensors'."""


def mask_of(special: Sequence[int], device: torch.device) -> Bool[Tensor, " m"]:
    """Which keys are special tokens: those that have a 1."""
    return torch.tensor(special, dtype=torch.bool, device=device)


def row_statistics(
    attentions: Float[Tensor, "*h r reach"], first: int, is_special: Bool[Tensor, " m"]
) -> dict[str, Float[Tensor, "*h r"]]:
    """For each of r queries, of which the first is number `first`, what `STATISTICS` names.

    Entropy is -Σ a·ln a of a row (0·ln 0 = 0), distance Σ a·|i - j|. A mass is what a query gives to itself, to the
    token before or after it, to the first token, to the special ones: NaN where there is no such token. There are m
    keys; those beyond the reach of the queries get nothing.
    """
    r, reach = attentions.shape[-2:]
    m = len(is_special)
    queries = torch.arange(first, first + r, device=attentions.device)
    keys = torch.arange(reach, dtype=attentions.dtype, device=attentions.device)
    distances = (queries.to(keys.dtype)[:, None] - keys).abs_()
    to_special = attentions[..., is_special[:reach]].sum(-1)
    return {
        "entropy": -torch.special.xlogy(attentions, attentions).sum(-1),
        "distance": (attentions * distances).sum(-1),
        "self": _mass_at(attentions, queries, m),
        "previous": _mass_at(attentions, queries - 1, m),
        "next": _mass_at(attentions, queries + 1, m),
        "first": attentions[..., 0],
        "special": to_special if is_special.any() else torch.full_like(to_special, torch.nan),
        "maximum": attentions.amax(-1),
    }


def of_rows(
    name: str, attentions: Float[Tensor, "*h r reach"], first: int, special: Sequence[int]
) -> Float[Tensor, "..."]:
    """The tensor of this name that is told of whole rows, of which the first is that of query number `first`."""
    if name == "mass_by_distance":
        return mass_by_distance(attentions, first, len(special))
    rows = row_statistics(attentions, first, mask_of(special, attentions.device))
    return summarize(rows) if name == "statistics" else rows[name.removeprefix("row_")]


def summarize(rows: Mapping[str, Float[Tensor, "*h r"]]) -> Float[Tensor, "*h 8"]:
    """The mean over the queries that have such a number; of `maximum` the greatest."""
    named = {name: values.nanmean(-1) for name, values in rows.items()}  # the mean of nothing is NaN
    named["maximum"] = rows["maximum"].amax(-1)
    return torch.stack([named[name] for name in STATISTICS], dim=-1)


def _mass_at(attentions: Float[Tensor, "*h r reach"], keys: Int64[Tensor, " r"], m: int) -> Float[Tensor, "*h r"]:
    """What each query gives to a key of its own: 0 beyond its reach, NaN where there are only `m`."""
    reach = attentions.shape[-1]
    places = keys.clamp(0, reach - 1).expand(attentions.shape[:-1])[..., None]
    found = attentions.gather(-1, places)[..., 0]
    return found.where(keys < reach, 0.0).where((keys >= 0) & (keys < m), torch.nan)


def mass_by_distance(attentions: Float[Tensor, "*h r reach"], first: int, m: int) -> Float[Tensor, "*h r distances"]:
    """What each of r queries gives to keys at distance |i - j| of 0, 1, 2 to 3, 4 to 7, and so on.

    The first query is number `first`, and there are m keys.
    """
    r, reach = attentions.shape[-2:]
    queries = torch.arange(first, first + r, device=attentions.device)
    keys = torch.arange(reach, device=attentions.device)
    powers = 2 ** torch.arange(num_distances(m) - 1, device=attentions.device)
    places = torch.bucketize((queries[:, None] - keys).abs(), powers, right=True)
    masses = attentions.new_zeros(*attentions.shape[:-1], num_distances(m))
    return masses.scatter_add_(-1, places.expand(attentions.shape), attentions)


def num_distances(m: int) -> int:
    """How many ranges of distances there are among m tokens: each but the first two is twice as long as the last."""
    return 1 + (m - 1).bit_length()


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
