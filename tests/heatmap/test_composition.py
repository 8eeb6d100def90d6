"""Nothing in a picture is cut off, nothing overlaps, and what there is no room for is left out in order."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.heatmap.composition import Plot, compose
from service.heatmap.errors import NotDrawableError
from service.heatmap.scene import Box, Scene, Text, edges
from service.heatmap.style import Style
from service.heatmap.typesetting import Label
from tests.heatmap.drawing import SMALL_STYLES, STYLES, TYPESETTER, plot, plots, ramp

Corners = list[tuple[float, float]]

ROUNDING = 0.5
"""Pixels: matrices stand on whole pixels, texts between them."""


def corners_of(text: Text) -> Corners:
    return text.corners(TYPESETTER.width(text.label, text.size))


def corners_of_box(box: Box) -> Corners:
    return [(box.left, box.top), (box.right, box.top), (box.right, box.bottom), (box.left, box.bottom)]


def everything(scene: Scene) -> dict[str, Corners]:
    """The corners of every text, matrix and bar."""
    found = {f"text {index} {text.label}": corners_of(text) for index, text in enumerate(scene.texts)}
    found |= {f"matrix {index}": corners_of_box(matrix.box) for index, matrix in enumerate(scene.matrices)}
    return found | ({"colour bar": corners_of_box(scene.colorbar.box)} if scene.colorbar else {})


def overlap(one: Corners, other: Corners) -> bool:
    """Whether two rectangles share more than rounding, by the separating axis theorem."""
    for start, end in ((one[0], one[1]), (one[1], one[2]), (other[0], other[1]), (other[1], other[2])):
        x, y = end[0] - start[0], end[1] - start[1]
        length = math.hypot(x, y) or 1.0
        spans = [[(px * x + py * y) / length for px, py in corners] for corners in (one, other)]
        if min(max(spans[0]), max(spans[1])) - max(min(spans[0]), min(spans[1])) <= ROUNDING:
            return False
    return True


def near(found: dict[str, Corners]) -> list[tuple[str, str]]:
    """The pairs whose upright bounding boxes meet: no others can overlap."""
    corners = np.array(list(found.values()))
    low, high = corners.min(axis=1), corners.max(axis=1)
    meet = ((low[:, np.newaxis] <= high) & (low <= high[:, np.newaxis])).all(axis=-1)
    names = list(found)
    return [(names[one], names[other]) for one, other in np.argwhere(np.triu(meet, 1))]


def texts(scene: Scene) -> list[str]:
    return [text.label.faint + text.label.text for text in scene.texts]


@settings(max_examples=60)
@given(plots(), STYLES, st.integers(1, 3))
@example(plot(ramp(1), "hi"), Style(width=16, height=16), 1)
@example(plot(ramp(3), "x" * 90), Style(title="slanted"), 1)
@example(plot(ramp(200), "WWW"), Style(width=700, height=700), 1)
def test_nothing_is_cut_off_and_nothing_overlaps(drawn: Plot, style: Style, dpi_scale: int) -> None:
    style = Style(**{name: getattr(style, name) for name in style.__slots__} | {"dpi_scale": dpi_scale})
    scene = compose(drawn, style, TYPESETTER)
    found = everything(scene)
    for name, corners in found.items():
        assert all(-0.5 <= x <= scene.width + 0.5 and -0.5 <= y <= scene.height + 0.5 for x, y in corners), name
    assert not [names for names in near(found) if overlap(found[names[0]], found[names[1]])]


@settings(max_examples=60)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(100, 1500), st.integers(100, 1500))
def test_a_cells_number_stays_in_its_cell(rows: int, columns: int, width: int, height: int) -> None:
    scene = compose(plot(ramp(rows, columns)), Style(values=True, width=width, height=height), TYPESETTER)
    box = scene.matrices[0].box
    xs, ys = edges(box.left, box.width, columns), edges(box.top, box.height, rows)
    for index, value in enumerate(scene.values):
        row, column = divmod(index, columns)
        cell = Box(xs[column], ys[row], xs[column + 1] - xs[column], ys[row + 1] - ys[row])
        for x, y in corners_of(value.text):
            assert cell.left - 0.5 <= x <= cell.right + 0.5
            assert cell.top - 0.5 <= y <= cell.bottom + 0.5


@settings(max_examples=60)
@given(plots(most=12), SMALL_STYLES)
@example(plot(ramp(1), "hi"), Style(width=16, height=16))
def test_every_text_is_drawn_on_whole_pixels_of_the_canvas(drawn: Plot, style: Style) -> None:
    scene = compose(drawn, style, TYPESETTER)
    for text in [*scene.texts, *(value.text for value in scene.values)]:
        x, y = text.center(TYPESETTER.width(text.label, text.size))
        height, width = TYPESETTER.draw(text.label, text.size, text.angle).shape
        left, top = round(x - width / 2), round(y - height / 2)
        assert left >= 0 <= top
        assert left + width <= scene.width
        assert top + height <= scene.height


@pytest.mark.parametrize("side", range(70, 85))
def test_numbers_with_and_without_a_sign_fit_into_their_cells(side: int) -> None:
    style = Style(values=True, labels=False, colorbar=False, width=side, height=side)
    scene = compose(plot(np.array([[-0.5, 10.5], [-3, 50]])), style, TYPESETTER)
    cell = scene.matrices[0].box.width // 2
    assert all(TYPESETTER.width(value.text.label, value.text.size) <= cell for value in scene.values)


@given(st.integers(1, 60), st.integers(16, 1500), st.integers(16, 1500))
def test_cells_of_a_square_matrix_are_square(n: int, width: int, height: int) -> None:
    box = compose(plot(ramp(n)), Style(width=width, height=height), TYPESETTER).matrices[0].box
    assert box.width == box.height


@pytest.mark.parametrize(
    ("side", "parts"),
    [
        (600, ["bar", "axis", "labels", "title"]),
        (200, ["axis", "labels", "title"]),
        (110, ["labels", "title"]),
        (50, []),
    ],
)
def test_where_room_is_short_the_bar_goes_first_then_axes_labels_and_title(side: int, parts: list[str]) -> None:
    scene = compose(plot(ramp(2), "a", "b"), Style(title="title", width=side, height=side), TYPESETTER)
    shown = texts(scene)
    marks = {"axis": "key (attended to)", "labels": "a", "title": "title"}
    present = ["bar"] if scene.colorbar else []
    assert present + [part for part, text in marks.items() if text in shown] == parts


def test_rows_and_columns_are_labelled_in_order_and_duplicates_stand_at_their_own_places() -> None:
    scene = compose(plot(ramp(4), "the", "cat", "the", "mat"), Style(colorbar=False), TYPESETTER)
    rows = [text for text in scene.texts if text.anchor == "end"]
    assert [text.label.text for text in rows] == ["the", "cat", "the", "mat"]
    assert len({text.y for text in rows}) == 4


def test_labels_shrink_before_they_are_thinned() -> None:
    small = compose(plot(ramp(35)), Style(title="t"), TYPESETTER)
    thinned = compose(plot(ramp(100)), Style(title="t", colorbar=False), TYPESETTER)
    assert {"0", "1", "34"} <= set(texts(small))
    assert "1" not in texts(thinned)


def test_a_long_label_is_slanted_where_that_shows_more_of_it() -> None:
    scene = compose(plot(ramp(3), "x" * 60), Style(), TYPESETTER)
    columns = [text for text in scene.texts if text.angle == 45]
    assert len(columns) == 3


def test_labels_that_are_not_wanted_are_left_out() -> None:
    assert texts(compose(plot(ramp(2), "word"), Style(labels=False, colorbar=False), TYPESETTER)) == []


def test_pooling_is_told_in_the_caption() -> None:
    assert "each spot: the maximum of 3 × 3 cells" in texts(compose(plot(ramp(1200)), Style(), TYPESETTER))


def test_small_multiples_share_the_longest_titles_that_fit() -> None:
    drawn = plot(ramp(3))
    titles = [(f"a very long title of number {index}", str(index)) for index in range(40)]
    grid = Plot([*drawn.matrices] * 40, drawn.rows, drawn.columns, titles)
    assert {str(index) for index in range(40)} <= set(texts(compose(grid, Style(), TYPESETTER)))


def test_a_whole_row_of_small_multiples_is_as_long_as_asked_for() -> None:
    drawn = plot(ramp(3))
    grid = Plot([*drawn.matrices] * 6, drawn.rows, drawn.columns, [(str(index),) for index in range(6)], per_row=2)
    assert len({matrix.box.top for matrix in compose(grid, Style(), TYPESETTER).matrices}) == 3


def test_more_small_multiples_than_pixels_are_refused() -> None:
    drawn = plot(ramp(2))
    grid = Plot([*drawn.matrices] * 340, drawn.rows, drawn.columns, [("",)] * 340)
    with pytest.raises(NotDrawableError, match="make width and height larger"):
        compose(grid, Style(width=16, height=16), TYPESETTER)


def test_special_tokens_and_marks_of_pieces_are_pale() -> None:
    plain, pale = (TYPESETTER.draw(label, 12) for label in (Label("[CLS]"), Label("", faint="[CLS]")))
    assert (pale <= plain).all()
    assert 0 < pale.max() < plain.max()
