"""Scaled dot-product attention (Vaswani et al. 2017, section 3.2.1), step by step: functions on torch tensors.

Shapes: n queries, m keys, d_model, d_k and d_v as in the paper. Every product is 2-D and written as the exercise
notebook writes it: a batched or fused form would round differently, and the answers are the notebook's to the last bit.
"""

import math
from functools import cache

import torch
from jaxtyping import Bool, Float
from torch import Tensor

POSITIONS_AT_ONCE = 4096
"""In float64."""
SMALL = 64 * 64
"""So many numbers hardly take memory."""


def project(embedding: Float[Tensor, "n d_model"], weights: Float[Tensor, "d_model width"]) -> Float[Tensor, "n width"]:
    """X·W: the queries, keys or values of all heads side by side."""
    return embedding @ weights


def take_head(projected: Float[Tensor, "n width"], head: int, width: int) -> Float[Tensor, "n d_head"]:
    """Columns [head·width, (head+1)·width) of a projection, contiguous: strided products may round differently."""
    return projected[:, head * width : (head + 1) * width].contiguous()


def scaled_scores(
    query: Float[Tensor, "n d_k"],
    key: Float[Tensor, "m d_k"],
    scale: float | None = None,
    out: Float[Tensor, "n m"] | None = None,
) -> Float[Tensor, "n m"]:
    """Q·Kᵀ/√d_k, or Q·Kᵀ·scale where a scale is given; written to `out` where there is one."""
    products = query @ key.T if out is None else torch.mm(query, key.T, out=out)
    return products.div_(_root(query.size(-1))) if scale is None else products.mul_(scale)


@cache
def _root(d_k: int) -> Float[Tensor, ""]:
    """√d_k as a tensor: making one of a Python number costs more than dividing a small matrix by it."""
    return torch.tensor(math.sqrt(d_k))


def mask_later_keys(scores: Float[Tensor, "n n"]) -> Float[Tensor, "n n"]:
    """The causal mask: scores of keys that come after their query become -inf, in place."""
    return scores.masked_fill_(later_keys(len(scores), scores.device), -torch.inf)


def later_keys(n: int, device: torch.device) -> Bool[Tensor, "n n"]:
    """Whether a key comes after its query: [query][key]."""
    return torch.ones(n, n, dtype=torch.bool, device=device).triu(diagonal=1)


def softmax(scores: Float[Tensor, "n m"], *, overwrite: bool = False) -> Float[Tensor, "n m"]:
    """The attentions: softmax over the keys of each query; exactly 0 where the score is -inf.

    To `overwrite` large scores saves the memory of another matrix; small ones are left as they are.
    """
    return torch.softmax(scores, dim=-1, out=scores if overwrite and scores.numel() > SMALL else None)


def weighted_values(attentions: Float[Tensor, "n m"], value: Float[Tensor, "m d_v"]) -> Float[Tensor, "n d_v"]:
    """A·V: each query's mixture of the values."""
    return attentions @ value


def sinusoidal_positions(n: int, d_model: int) -> Float[Tensor, "n d_model"]:
    """Vaswani et al.'s encoding (section 3.5), computed in float64 and rounded once.

    Column 2i is sin(p / 10000^(2i/d_model)), column 2i+1 the cosine of the same angle; an odd d_model ends on a sine.
    """
    frequencies = 10000.0 ** (torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    encoding = torch.empty(n, d_model)
    for start in range(0, n, POSITIONS_AT_ONCE):
        rows = encoding[start : start + POSITIONS_AT_ONCE]
        angles = torch.arange(start, start + len(rows), dtype=torch.float64).unsqueeze(1) / frequencies
        rows[:, 0::2] = angles.sin()
        rows[:, 1::2] = angles.cos()[:, : d_model // 2]
    return encoding
