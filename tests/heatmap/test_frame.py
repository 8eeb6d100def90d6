"""What surrounds the matrices, how the area is shared, and what the colour bar says."""

import re

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from service.heatmap.colors import Scale
from service.heatmap.composition import Plot, compose
from service.heatmap.errors import NotDrawableError
from service.heatmap.frame import AREA_SHARE, divide, lay_out_frame
from service.heatmap.scene import Box, Colorbar
from service.heatmap.style import Style
from tests.heatmap.drawing import STYLES, TYPESETTER, plot, ramp

SIDES = st.integers(16, 1500)
LOWS = st.floats(-100, 100, width=32)
SPANS = st.floats(2**-6, 1000, width=32)
PLAIN = re.compile(r"[-+0-9.e]+")


def colorbar_of(low: float, high: float, style: Style | None = None) -> Colorbar:
    """That of numbers from `low` to `high`."""
    bar = compose(plot(ramp(3, 3, low, high)), style or Style(), TYPESETTER).colorbar
    assert bar is not None
    return bar


def numbers(bar: Colorbar) -> list[float]:
    """From the bottom of the bar to its top."""
    level = sorted((text for text in bar.texts if not text.angle), key=lambda text: -text.y)
    return [float(PLAIN.findall(text.label.text)[-1]) for text in level]


@settings(max_examples=60)
@given(LOWS, SPANS)
def test_the_ends_of_the_colour_bar_are_the_minimum_and_the_maximum(low: float, span: float) -> None:
    written = numbers(colorbar_of(low, low + span))
    assert (written[0], written[-1]) == pytest.approx((low, low + span), rel=1e-3, abs=1e-30)


@settings(max_examples=60)
@given(LOWS, SPANS)
def test_its_numbers_ascend_and_stay_within_the_range(low: float, span: float) -> None:
    written = numbers(colorbar_of(low, low + span))
    assert written == sorted(set(written))


@settings(max_examples=60)
@given(st.floats(2**-10, 1, width=32), st.floats(0.25, 1000, width=32))
def test_the_numbers_between_its_ends_are_round(low: float, span: float) -> None:
    between = numbers(colorbar_of(low, low + span))[1:-1]
    steps = {round(step, 9) for step in np.diff(between)}
    assert all(f"{step:e}"[0] in "125" for step in steps if step)


@given(LOWS, SPANS)
def test_each_number_stands_at_its_height(low: float, span: float) -> None:
    bar = colorbar_of(low, low + span)
    for text in bar.texts[2:]:
        fraction = (bar.box.bottom - text.y) / bar.box.height
        assert fraction == pytest.approx((float(text.label.text) - low) / span, abs=0.01)


def test_a_logarithmic_scale_is_named_and_numbered_in_powers_of_ten() -> None:
    bar = colorbar_of(1e-4, 1, Style(color_scale="log"))
    assert bar.texts[-1].label.text == "log scale"
    assert numbers(bar) == pytest.approx([1e-4, 1e-3, 1e-2, 1e-1, 1])


def test_a_linear_scale_needs_no_name() -> None:
    assert not any(text.angle for text in colorbar_of(0, 1).texts)


@pytest.mark.parametrize(
    ("low", "high", "ends"),
    [(-1, 2, ["≤ 0", "≥ 1"]), (0, 2, ["0", "≥ 1"]), (-1, 1, ["≤ 0", "1"]), (0.2, 1, ["0", "1"])],
)
def test_an_end_beyond_which_there_are_numbers_says_so(low: float, high: float, ends: list[str]) -> None:
    bar = colorbar_of(low, high, Style(color_range="unit"))
    assert [text.label.text for text in bar.texts[:2]] == ends


def test_ends_that_four_digits_do_not_tell_apart_get_more() -> None:
    low, *_, high = numbers(colorbar_of(1.0, 1.00001))
    assert low < high


def test_a_bar_too_low_for_two_numbers_is_left_out() -> None:
    assert compose(plot(ramp(1, 60)), Style(height=60), TYPESETTER).colorbar is None


@given(STYLES, st.booleans())
def test_the_area_keeps_its_share_of_the_picture(style: Style, caption: bool) -> None:
    area = lay_out_frame(style, TYPESETTER, caption=caption).area
    assert area.width >= AREA_SHARE * style.width
    assert area.height >= AREA_SHARE * style.height


@pytest.mark.parametrize(
    ("side", "kept"), [(600, "bar caption title"), (200, "caption title"), (100, "title"), (50, "")]
)
def test_where_the_picture_is_small_the_bar_goes_first_then_the_caption_then_the_title(side: int, kept: str) -> None:
    frame = lay_out_frame(Style(title="title", width=side, height=side), TYPESETTER, caption=True)
    parts = {"bar": frame.bar_width, "caption": frame.caption, "title": frame.title_size}
    assert " ".join(part for part, present in parts.items() if present) == kept


@given(SIDES, SIDES, st.integers(1, 72), st.floats(0.01, 100))
def test_small_multiples_are_equal_boxes_inside_the_area_that_do_not_touch(
    width: int, height: int, count: int, aspect: float
) -> None:
    boxes = divide(Box(3, 5, width, height), count, None, aspect, 8)
    assert {box[2:] for box in boxes} == {boxes[0][2:]}
    assert all(box.left >= 3 and box.top >= 5 and box.right <= 3 + width and box.bottom <= 5 + height for box in boxes)
    assert len({box[:2] for box in boxes}) == count


@given(st.integers(1, 12), st.integers(1, 72))
def test_as_many_small_multiples_stand_in_a_row_as_asked_for(per_row: int, count: int) -> None:
    assume(count > 1)
    boxes = divide(Box(0, 0, 800, 800), count, per_row, 1.0, 8)
    assert len({box.left for box in boxes}) == min(per_row, count)


def test_more_small_multiples_than_pixels_are_refused() -> None:
    with pytest.raises(NotDrawableError, match="make width and height larger"):
        divide(Box(0, 0, 16, 16), 300, None, 1.0, 8)


def test_the_colour_bar_stands_right_of_the_widest_title_of_a_small_multiple() -> None:
    drawn = plot(ramp(1))
    grid = Plot([*drawn.matrices] * 12, drawn.rows, drawn.columns, [(f"layer 0, head {i}",) for i in range(12)])
    scene = compose(grid, Style(labels=False, width=342, height=463), TYPESETTER)
    assert scene.colorbar is not None
    titles = [text for text in scene.texts if text.label.text.startswith("layer")]
    right = max(x for text in titles for x, _ in text.corners(TYPESETTER.width(text.label, text.size)))
    assert right <= scene.colorbar.box.left


def test_the_scale_is_the_one_that_the_cells_are_coloured_with() -> None:
    assert compose(plot(ramp(3, 3, 2, 5)), Style(), TYPESETTER).scale == Scale(2, 5)


def test_numbers_of_a_narrow_range_get_the_digits_that_tell_them_apart() -> None:
    assert numbers(colorbar_of(10, 10.125)) == [10, 10.02, 10.04, 10.06, 10.08, 10.1, 10.12, 10.125]
