"""Matrices with more cells than a picture has pixels: equal bins of cells, each shown as one number."""

from typing import Literal

import numpy as np
import numpy.typing as npt
from jaxtyping import Float32

from service.heatmap.scene import Box

Cells = npt.NDArray[np.floating]
Pooling = Literal["max", "mean"]


Bins = tuple[int, int]
"""How many rows and columns of cells share a bin."""


def bins_for(shape: tuple[int, ...], box: Box) -> Bins:
    """The smallest bins that are at least a pixel each.

    All have the same size (but the last), as the maximum of more cells is larger: bins that differ would draw stripes
    that are not in the data.
    """
    return -(-shape[0] // box.height), -(-shape[1] // box.width)


def pool(
    matrix: Float32[np.ndarray, "rows columns"], bins: Bins, pooling: Pooling
) -> Float32[np.ndarray, "row_bins column_bins"]:
    """The maximum or mean of each bin. NaN cells are left out of it."""
    if bins == (1, 1):
        return matrix
    if pooling == "max":
        return _fold(np.fmax, matrix, bins)
    counts = _fold(np.add, (~np.isnan(matrix)).astype(np.float64), bins)
    sums = _fold(np.add, np.nan_to_num(matrix.astype(np.float64), nan=0.0), bins)
    with np.errstate(invalid="ignore"):  # 0/0 is NaN: a bin that is masked as a whole
        return (sums / counts).astype(np.float32)


def _fold(combine: np.ufunc, matrix: Cells, bins: Bins) -> Cells:
    """Each bin's cells combined to one, row by row: ten times as fast as numpy's reduceat."""
    for step in bins:
        folded = matrix[::step].copy()
        for offset in range(1, step):
            rows = matrix[offset::step]
            combine(folded[: len(rows)], rows, out=folded[: len(rows)])
        matrix = folded.T  # then the columns, which brings the rows back
    return matrix
