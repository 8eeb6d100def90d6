"""Where the parts of a picture stand: with a font whose every character is 7 pixels wide."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.heatmap.layout import LABEL_SHARE, LEAST_SHARE, Box, Layout, lay_out, shorten

LINE = 16.0
NUMBERS = ["0.1", "0.25"]
SIZES = st.one_of(st.integers(16, 300), st.integers(16, 4000))
LABELS = st.lists(st.text("ab", min_size=1, max_size=60), min_size=1, max_size=60)
TITLES = st.text("ab", max_size=200)
COLORBARS = st.sampled_from([[], NUMBERS])


def measure(text: str) -> float:
    return 7.0 * len(text)


def laid_out(width: int, height: int, labels: list[str], title: str = "", colorbar: list[str] = NUMBERS) -> Layout:
    return lay_out(width, height, labels, labels, title, colorbar, LINE, measure)


def is_inside(box: Box, width: float, height: float) -> bool:
    right, bottom = box.left + box.width, box.top + box.height
    return min(box.left, box.top) >= 0 and right <= width + 1e-6 and bottom <= height + 1e-6


@given(SIZES, SIZES, LABELS, TITLES, COLORBARS)
def test_matrix_and_colour_bar_are_inside_the_picture(
    width: int, height: int, labels: list[str], title: str, colorbar: list[str]
) -> None:
    layout = laid_out(width, height, labels, title, colorbar)
    assert all(is_inside(box, width, height) for box in (layout.matrix, layout.colorbar) if box)


@given(SIZES, SIZES, LABELS, TITLES)
def test_the_numbers_of_the_colour_bar_end_inside_the_picture(
    width: int, height: int, labels: list[str], title: str
) -> None:
    layout = laid_out(width, height, labels, title)
    if layout.colorbar:
        right = layout.colorbar.left + layout.colorbar.width + layout.gap
        assert right + max(map(measure, NUMBERS)) <= width + 1e-6


@given(SIZES, SIZES, LABELS, TITLES, COLORBARS)
def test_cells_are_square(width: int, height: int, labels: list[str], title: str, colorbar: list[str]) -> None:
    matrix = laid_out(width, height, labels, title, colorbar).matrix
    assert matrix.width == pytest.approx(matrix.height)


@given(st.integers(16, 4000), LABELS, TITLES, COLORBARS)
def test_the_matrix_of_a_square_picture_keeps_its_share(
    size: int, labels: list[str], title: str, colorbar: list[str]
) -> None:
    assert laid_out(size, size, labels, title, colorbar).matrix.width >= LEAST_SHARE * size - 1e-6


@given(SIZES, SIZES, LABELS, TITLES, COLORBARS)
def test_labelled_rows_are_at_least_a_line_apart(
    width: int, height: int, labels: list[str], title: str, colorbar: list[str]
) -> None:
    layout = laid_out(width, height, labels, title, colorbar)
    assert layout.row_step * layout.matrix.height / len(labels) >= LINE - 1e-6


@pytest.mark.parametrize(
    ("size", "parts"),
    [
        (600, ["colorbar", "row_labels", "column_labels", "title"]),
        (150, ["row_labels", "column_labels", "title"]),
        (100, ["title"]),
        (40, []),
    ],
)
def test_where_room_is_short_the_colour_bar_goes_first_then_labels_then_title(size: int, parts: list[str]) -> None:
    layout = laid_out(size, size, ["abc"] * 2, "title")
    assert [part for part in ("colorbar", "row_labels", "column_labels", "title") if getattr(layout, part)] == parts


def test_a_long_row_label_gets_its_share_of_the_width() -> None:
    (label,) = laid_out(1000, 600, ["a" * 100]).row_labels
    assert LABEL_SHARE * 1000 - measure("a") < measure(label) <= LABEL_SHARE * 1000


def test_a_long_column_label_gets_its_share_of_the_height() -> None:
    (label,) = laid_out(1000, 600, ["a" * 100]).column_labels
    assert LABEL_SHARE * 600 - measure("a") < measure(label) <= LABEL_SHARE * 600


@given(st.text(max_size=60), st.floats(7, 500))
def test_a_shortened_text_fits(text: str, width: float) -> None:
    assert measure(shorten(text, width, measure)) <= width


@given(st.text(max_size=60))
def test_a_text_that_fits_is_left_alone(text: str) -> None:
    assert shorten(text, measure(text), measure) == text


@given(st.text(min_size=2, max_size=60), st.data())
def test_a_shortened_text_keeps_both_ends_and_as_much_of_them_as_fits(text: str, data: st.DataObject) -> None:
    characters = data.draw(st.integers(1, len(text) - 1))
    head, _, tail = shorten(text, measure("x" * characters), measure).rpartition("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert len(head) + len(tail) == characters - 1


def test_not_even_an_ellipsis_is_cut() -> None:
    assert shorten("abc", 1.0, measure) == "…"
