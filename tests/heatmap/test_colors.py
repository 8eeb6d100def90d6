"""Colours: matplotlib's maps, and which number gets which of them."""

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.heatmap.colors import COLORMAPS, LEVELS, MASKED, Colormap, choose_scale, palette
from service.heatmap.errors import NotDrawableError

NUMBERS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=9)
POSITIVE = st.lists(st.floats(2**-20, 1e6, width=32), min_size=1, max_size=9)


def row(*numbers: float) -> np.ndarray:
    return np.array([numbers], np.float32)


@pytest.mark.parametrize("colormap", COLORMAPS)
def test_a_colour_map_is_matplotlibs(colormap: Colormap) -> None:
    theirs = mpl.colormaps[colormap].resampled(LEVELS)(np.arange(LEVELS), bytes=True)[:, :3]
    assert np.abs(palette(colormap).astype(int) - theirs).max() <= 4  # theirs has 256 steps, ours 240


@given(NUMBERS)
def test_the_data_range_is_from_the_least_to_the_greatest_number(numbers: list[float]) -> None:
    scale = choose_scale([row(*numbers)], "data", "linear", "viridis")
    if min(numbers) < max(numbers):
        assert (scale.low, scale.high) == (min(numbers), max(numbers))
    else:
        assert scale.low < numbers[0] < scale.high


@given(NUMBERS)
def test_every_number_has_the_colour_of_its_place_in_the_range(numbers: list[float]) -> None:
    scale = choose_scale([row(*numbers)], "data", "linear", "viridis")
    fractions = (row(*numbers).astype(float) - scale.low) / (scale.high - scale.low)
    assert np.abs(scale.levels(row(*numbers)) - fractions * LEVELS).max() <= 1


def test_several_matrices_share_one_range() -> None:
    scale = choose_scale([row(1, 2), row(-3, 0)], "data", "linear", "viridis")
    assert (scale.low, scale.high) == (-3, 2)


def test_masked_cells_have_a_level_of_their_own_and_do_not_count() -> None:
    scale = choose_scale([row(0, np.nan, 1)], "data", "linear", "viridis")
    assert scale.levels(row(0, np.nan, 1)).tolist() == [[0, MASKED, LEVELS - 1]]


def test_where_everything_is_masked_there_is_a_range_nevertheless() -> None:
    scale = choose_scale([row(np.nan)], "data", "linear", "viridis")
    assert scale.low < scale.high


def test_the_unit_range_clips_what_is_beyond() -> None:
    scale = choose_scale([row(-5, 0.5, 7)], "unit", "linear", "viridis")
    assert scale.levels(row(-5, 0.5, 7)).tolist() == [[0, LEVELS // 2, LEVELS - 1]]


@pytest.mark.parametrize("colormap", ["RdBu", "PuOr"])
def test_a_diverging_map_is_symmetric_about_zero_where_there_are_both_signs(colormap: Colormap) -> None:
    scale = choose_scale([row(-1, 3)], "data", "linear", colormap)
    assert (scale.low, scale.high) == (-3, 3)


def test_a_diverging_map_of_one_sign_spans_the_data() -> None:
    scale = choose_scale([row(1, 3)], "data", "linear", "RdBu")
    assert (scale.low, scale.high) == (1, 3)


@given(POSITIVE)
def test_a_log_scale_starts_at_the_smallest_positive_number_and_zeros_take_its_colour(numbers: list[float]) -> None:
    scale = choose_scale([row(0, *numbers)], "data", "log", "viridis")
    if min(numbers) < max(numbers):
        assert (scale.low, scale.high) == (min(numbers), max(numbers))
    assert scale.levels(row(0)).item() == 0


def test_on_a_log_scale_equal_ratios_are_equal_steps() -> None:
    scale = choose_scale([row(1, 10, 100)], "data", "log", "viridis")
    assert scale.levels(row(1, 10, 100)).tolist() == [[0, LEVELS // 2, LEVELS - 1]]


def test_a_log_unit_range_starts_at_a_millionth() -> None:
    scale = choose_scale([row(0.5, 0)], "unit", "log", "viridis")
    assert (scale.low, scale.high) == (1e-6, 1)


def test_a_log_range_without_positive_numbers_is_the_unit_range() -> None:
    scale = choose_scale([row(0, 0)], "data", "log", "viridis")
    assert (scale.low, scale.high) == (1e-6, 1)


def test_a_log_scale_of_negative_numbers_is_refused_saying_what_would_do() -> None:
    with pytest.raises(NotDrawableError, match=r'the smallest number is -2.*use color_scale "linear"'):
        choose_scale([row(-2, 1)], "data", "log", "viridis")
