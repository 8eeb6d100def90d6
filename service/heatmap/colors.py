"""Numbers to colours: which range the colours span, and which of them each number gets."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import cmap
import numpy as np
from jaxtyping import Float32, UInt8

from service.heatmap.errors import NotDrawableError

Colormap = Literal[
    "viridis", "cividis", "magma", "inferno", "plasma", "Greys", "Blues", "RdBu", "PuOr"
]  # matplotlib's names
COLORMAPS: tuple[Colormap, ...] = get_args(Colormap)
CATALOGUES = {
    "cividis": "cividis",
    **dict.fromkeys(("Greys", "Blues", "RdBu", "PuOr"), "colorbrewer"),
}
DIVERGING = frozenset({"RdBu", "PuOr"})

LEVELS = 240
"""Colours of a colour map. A PNG's palette has 256: the others are greys for texts and masked cells."""
MASKED = LEVELS
"""The level of a masked cell."""

UNIT_LOG_LOW = 1e-6
"""Where a logarithmic unit range starts."""


@cache
def palette(colormap: Colormap) -> UInt8[np.ndarray, "levels 3"]:
    """The colours of a colour map from its low to its high end."""
    colors = cmap.Colormap(f"{CATALOGUES.get(colormap, 'bids')}:{colormap}").lut(LEVELS)
    return np.round(colors[:, :3] * 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class Scale:
    """What span of numbers the colours stand for, linearly or logarithmically."""

    low: float
    high: float
    is_log: bool = False

    def fractions(self, numbers: np.ndarray) -> np.ndarray:
        """Where each number lies: 0 at the low end, 1 at the high end, and no further. NaN stays NaN."""
        if self.is_log:
            low = np.log(self.low)
            numbers = (np.log(np.maximum(numbers, self.low)) - low) / (np.log(self.high) - low)
        else:
            numbers = (numbers - self.low) / (self.high - self.low)
        return np.clip(numbers, 0, 1)

    def levels(self, matrix: Float32[np.ndarray, "rows columns"]) -> UInt8[np.ndarray, "rows columns"]:
        """The colour of each cell, counted from the low end; `MASKED` where it is NaN."""
        scaled = self.fractions(matrix.astype(np.float64)) * LEVELS
        return np.where(np.isnan(scaled), MASKED, np.minimum(scaled, LEVELS - 1)).astype(np.uint8)


def choose_scale(
    matrices: Sequence[Float32[np.ndarray, "rows columns"]],
    color_range: Literal["data", "unit"],
    color_scale: Literal["linear", "log"],
    colormap: Colormap,
) -> Scale:
    """The scale for all of `matrices` together.

    `data` spans their minimum to their maximum, as matshow does; a diverging colour map is symmetric about zero where
    there are numbers on both sides of it. A logarithmic scale starts at the smallest positive number.

    Raises:
        NotDrawableError: the scale is logarithmic and a number is negative.
    """
    low, high = extremes(matrices)
    if color_scale == "log":
        if low < 0:
            raise NotDrawableError(
                "color_scale",
                "log_of_negative",
                f"the smallest number is {low:.6g}, and a logarithmic scale has no place for negative numbers: use "
                'color_scale "linear", or draw the tensor "attentions"',
            )
        smallest = min((float(m[m > 0].min(initial=np.inf)) for m in matrices), default=np.inf)
        return _log_scale(smallest, high, color_range)
    if color_range == "unit":
        return Scale(0.0, 1.0)
    if colormap in DIVERGING and low < 0 < high:
        high = max(-low, high)
        low = -high
    margin = 0.0 if low < high else max(abs(low), 1.0) * 0.1
    return Scale(low - margin, high + margin)


def extremes(matrices: Sequence[Float32[np.ndarray, "rows columns"]]) -> tuple[float, float]:
    """The least and the greatest number; 0 and 1 where every cell is masked."""
    low = min(float(np.fmin.reduce(matrix, axis=None)) for matrix in matrices)
    high = max(float(np.fmax.reduce(matrix, axis=None)) for matrix in matrices)
    return (low, high) if low <= high else (0.0, 1.0)


def _log_scale(smallest: float, high: float, color_range: Literal["data", "unit"]) -> Scale:
    if color_range == "unit" or smallest > high:  # the latter: nothing is positive
        return Scale(UNIT_LOG_LOW, 1.0, is_log=True)
    if smallest == high:
        return Scale(smallest / 10, high * 10, is_log=True)
    return Scale(smallest, high, is_log=True)
