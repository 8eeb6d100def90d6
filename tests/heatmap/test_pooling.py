"""More cells than pixels: each bin shows the maximum or the mean of its cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.heatmap.pooling import Pooling, bins_for, pool
from service.heatmap.scene import Box

SIZES = st.integers(1, 30)
STEPS = st.integers(1, 9)


@given(SIZES, SIZES, STEPS, STEPS, st.sampled_from(["max", "mean"]), st.integers(0, 99))
def test_a_bin_is_the_maximum_or_mean_of_its_cells_that_are_not_masked(
    rows: int, columns: int, row_step: int, column_step: int, pooling: Pooling, seed: int
) -> None:
    random = np.random.default_rng(seed)
    matrix = random.standard_normal((rows, columns)).astype(np.float32)
    matrix[random.random(matrix.shape) < 0.3] = np.nan
    pooled = pool(matrix, (row_step, column_step), pooling)
    for (row, column), value in np.ndenumerate(pooled):
        cells = matrix[row * row_step : (row + 1) * row_step, column * column_step : (column + 1) * column_step]
        kept = cells[~np.isnan(cells)].astype(float)
        expected = np.nan if not kept.size else kept.max() if pooling == "max" else kept.mean()
        np.testing.assert_allclose(value, expected, rtol=1e-6, atol=1e-7)


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 900), st.integers(1, 900))
def test_bins_are_the_smallest_that_are_a_pixel_each(rows: int, columns: int, width: int, height: int) -> None:
    row_step, column_step = bins_for((rows, columns), Box(0, 0, width, height))
    assert -(-rows // row_step) <= height
    assert -(-columns // column_step) <= width
    assert row_step == 1 or -(-rows // (row_step - 1)) > height


def test_pooling_leaves_the_matrix_itself_alone() -> None:
    matrix = np.eye(4, dtype=np.float32)
    pool(matrix, (2, 2), "max")
    np.testing.assert_array_equal(matrix, np.eye(4))


@pytest.mark.parametrize("pooling", ["max", "mean"])
def test_a_matrix_with_pixels_enough_is_left_as_it_is(pooling: Pooling) -> None:
    matrix = np.eye(4, dtype=np.float32)
    assert pool(matrix, (1, 1), pooling) is matrix
