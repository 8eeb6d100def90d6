"""Round numbers beside a colour bar, and its ends."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.heatmap.colors import Scale
from service.heatmap.composition import compose
from service.heatmap.scene import Colorbar
from service.heatmap.style import Style
from service.heatmap.ticks import number, round_ticks
from tests.heatmap.drawing import TYPESETTER, plot, ramp


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.integers(1, 8))
def test_ticks_are_round_few_and_inside(low: float, span: float, most: int) -> None:
    scale = Scale(low, low + span)
    ticks = round_ticks(scale, most)
    assert len(ticks) <= most
    assert all(scale.low < tick < scale.high for tick in ticks)
    if len(ticks) > 1:
        step = ticks[1] - ticks[0]
        assert round(step / 10 ** math.floor(math.log10(step * 1.0001)), 3) in {1, 2, 5}


@given(st.integers(-9, 3), st.integers(2, 9), st.integers(1, 8))
def test_ticks_of_a_long_log_scale_are_powers_of_ten(low: int, decades: int, most: int) -> None:
    ticks = round_ticks(Scale(10.0**low * 0.99, 10.0 ** (low + decades) * 1.01, is_log=True), most)
    assert 1 <= len(ticks) <= most
    np.testing.assert_allclose([math.log10(tick) % 1 for tick in ticks], 0, atol=1e-9)


def test_no_ticks_where_there_is_no_room() -> None:
    assert round_ticks(Scale(0, 1), 0) == []


@pytest.mark.parametrize(
    ("value", "text"), [(0.1 + 0.2, "0.3"), (-0.0, "0"), (1e-9, "1e-09"), (123456, "1.235e+05"), (0.083277, "0.08328")]
)
def test_numbers_have_four_significant_digits(value: float, text: str) -> None:
    assert number(value) == text


def colorbar(matrix: np.ndarray, style: Style) -> Colorbar:
    bar = compose(plot(matrix), style, TYPESETTER).colorbar
    assert bar is not None
    return bar


@given(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32))
def test_the_ends_of_the_bar_read_the_least_and_the_greatest_number(one: float, other: float) -> None:
    assume(abs(one - other) > 1e-6 * max(abs(one), abs(other), 1e-30))
    bar = colorbar(np.array([[one, other]]), Style())
    by_height = sorted(bar.texts, key=lambda text: text.y)
    highest, lowest = (float(by_height[index].label.text) for index in (0, -1))
    assert highest == pytest.approx(max(one, other), rel=1e-3)
    assert lowest == pytest.approx(min(one, other), rel=1e-3)


@given(st.floats(-1, 1, width=32), st.floats(2**-10, 10, width=32))
def test_numbers_rise_with_the_bar(low: float, span: float) -> None:
    bar = colorbar(ramp(3, low=low, high=low + span), Style())
    numbers = [float(text.label.text) for text in sorted(bar.texts, key=lambda text: -text.y)]
    assert numbers == sorted(numbers)


def test_a_log_scale_is_named_beside_the_bar() -> None:
    bar = colorbar(ramp(3), Style(color_scale="log"))
    assert "log scale" in [text.label.text for text in bar.texts]


def test_the_ends_of_a_unit_range_say_that_numbers_lie_beyond() -> None:
    bar = colorbar(ramp(3, low=-1, high=2), Style(color_range="unit"))
    assert {"≤ 0", "≥ 1"} <= {text.label.text for text in bar.texts}


def test_ends_that_would_read_alike_get_more_digits() -> None:
    bar = colorbar(np.array([[0.99999, 1.00001]]), Style())
    assert {"0.99999", "1"} <= {text.label.text for text in bar.texts}
