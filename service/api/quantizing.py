"""Tensors in fewer bits than float32, for those who ask: float16, or uint8 with a scale."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from service.api.attention_request import Quantize
from service.engine.collecting import Array
from service.engine.cutting import INDICES
from service.engine.errors import NotOfferedError

NULL = 255
"""What stands in uint8 for masked scores and for masses that there are none of."""


class Quantized(NamedTuple):
    """A tensor in fewer bits, and what it takes to read it."""

    tensor: np.ndarray
    description: dict[str, float | str]
    """`dtype`; for uint8 `scale` and `offset` (number = offset + scale·byte); `largest_error` of a number of it."""


def quantize(name: str, tensor: Float32[np.ndarray, "..."], kind: Quantize) -> Quantized:
    """`tensor`, which is called `name`, in fewer bits.

    Raises:
        NotOfferedError: a number is beyond what float16 reaches.
    """
    return _float16(name, tensor) if kind == "float16" else _uint8(tensor)


def quantize_all(
    tensors: Mapping[str, Array], kind: Quantize
) -> tuple[dict[str, np.ndarray], dict[str, dict[str, float | str]]]:
    """Every tensor of numbers in fewer bits, and their descriptions; indices stay as they are."""
    quantized = {name: quantize(name, tensor, kind) for name, tensor in tensors.items() if name != INDICES}
    return (
        {name: quantized[name].tensor if name in quantized else tensor for name, tensor in tensors.items()},
        {name: each.description for name, each in quantized.items()},
    )


def _float16(name: str, tensor: Float32[np.ndarray, "..."]) -> Quantized:
    with np.errstate(over="ignore"):
        halves = tensor.astype(np.float16)
    finite = np.isfinite(tensor)
    if not np.isfinite(halves[finite]).all():
        reach = float(np.finfo(np.float16).max)
        raise NotOfferedError(
            "quantize", f"{name} has numbers beyond ±{reach:,.0f}, the reach of float16. Use uint8, or leave it out."
        )
    return Quantized(halves, {"dtype": "float16", "largest_error": _largest_error(halves, tensor, finite)})


def _uint8(tensor: Float32[np.ndarray, "..."]) -> Quantized:
    finite = np.isfinite(tensor)
    numbers = tensor[finite].astype(np.float64)
    offset, highest = (float(numbers.min()), float(numbers.max())) if numbers.size else (0.0, 0.0)
    scale = (highest - offset) / (NULL - 1) or 1.0
    levels = np.full(tensor.shape, NULL, np.uint8)
    levels[finite] = np.rint((numbers - offset) / scale).astype(np.uint8)
    error = _largest_error(offset + scale * levels.astype(np.float64), tensor, finite)
    return Quantized(levels, {"dtype": "uint8", "scale": scale, "offset": offset, "largest_error": error})


def _largest_error(approximate: np.ndarray, tensor: np.ndarray, finite: np.ndarray) -> float:
    differences = np.abs(approximate[finite].astype(np.float64) - tensor[finite])
    return float(differences.max()) if differences.size else 0.0
