"""Which labels of a matrix are shown, and where it and its texts stand."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.heatmap.labelling import LABEL_SHARE, Axis, PanelPlan, Room, choose_labels, place
from service.heatmap.lines import line_height
from service.heatmap.panel import LEAST_SHARE, Panel, lay_out_panel
from service.heatmap.scene import Box, Text
from service.heatmap.typesetting import Label
from tests.heatmap.drawing import LABELS, TYPESETTER

SIZE = 12
LINE = line_height(SIZE)
SIDES = st.integers(16, 1500)
COUNTS = st.one_of(st.integers(1, 12), st.integers(1, 200))


def planned(rows: int, columns: int | None = None, *words: str, axis_titles: bool = True) -> PanelPlan:
    """Rows and columns named by `words` in turn, or by their numbers."""

    def axis(title: str, count: int) -> Axis:
        return Axis(title, [Label(words[index % len(words)] if words else str(index)) for index in range(count)])

    across, along = axis("key (attended to)", columns or rows), axis("query (attends from)", rows)
    return PanelPlan(along, across, text_size=SIZE, labels=True, axis_titles=axis_titles)


def laid_out(width: int, height: int, plan: PanelPlan, title: str = "") -> Panel:
    return lay_out_panel(Box(0, 0, width, height), plan, title, TYPESETTER)


def row_labels(panel: Panel) -> list[Text]:
    return [text for text in panel.texts if text.anchor == "end"]


def column_labels(panel: Panel) -> list[Text]:
    return [text for text in panel.texts if text.angle and text.anchor == "start"]


def titles(panel: Panel) -> list[str]:
    return [text.label.text for text in panel.texts if text.anchor == "middle"]


@given(SIDES, SIDES, COUNTS)
def test_a_square_matrix_has_square_cells_and_fills_its_room(width: int, height: int, n: int) -> None:
    box = place(Box(0, 0, width, height), Room(0, 0), planned(n))
    assert box.width == box.height == min(width, height)


@given(SIDES, SIDES, COUNTS, COUNTS)
def test_a_matrix_that_is_not_square_fills_the_width_or_the_height(w: int, h: int, rows: int, columns: int) -> None:
    box = place(Box(0, 0, w, h), Room(0, 0), planned(rows, columns))
    assert box.width == w or box.height == h


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 1), (1, 200)])
def test_cells_are_at_most_six_times_as_long_as_wide(rows: int, columns: int) -> None:
    box = place(Box(0, 0, 900, 900), Room(0, 0), planned(rows, columns))
    cell_width, cell_height = box.width / columns, box.height / rows
    assert 1 / 6.1 < cell_width / cell_height < 6.1


@settings(max_examples=40)
@given(SIDES, SIDES, COUNTS, LABELS)
def test_the_matrix_keeps_its_share_however_long_its_labels_are(width: int, height: int, n: int, label: Label) -> None:
    matrix = laid_out(width, height, planned(n, None, label.text)).matrix
    assert matrix.width >= int(LEAST_SHARE * min(width, height))


@settings(max_examples=40)
@given(st.integers(100, 1500), st.integers(1, 200))
def test_rows_that_are_labelled_are_at_least_a_line_apart(side: int, n: int) -> None:
    labels = row_labels(laid_out(side, side, planned(n)))
    pitches = [below.y - above.y for above, below in pairwise(labels)]
    assert all(pitch >= line_height(labels[0].size) - 1e-6 for pitch in pitches)


@pytest.mark.parametrize(("n", "size", "step"), [(30, 12, 1), (36, 11, 1), (45, 9, 1), (60, 12, 2), (100, 12, 3)])
def test_labels_first_shrink_and_then_every_other_one_is_left_out(n: int, size: int, step: int) -> None:
    rows, _, _ = choose_labels(Box(0, 0, 530, 530), planned(n), TYPESETTER, shown=True)
    assert (rows.size, rows.step) == (size, step)


def test_the_labels_that_are_left_stand_beside_their_own_rows() -> None:
    panel = laid_out(500, 500, planned(100))
    pitch = panel.matrix.height / 100
    for text in row_labels(panel):
        assert text.y == pytest.approx(panel.matrix.top + (int(text.label.text) + 0.5) * pitch)


def test_each_of_two_equal_labels_stands_beside_its_own_row() -> None:
    labels = row_labels(laid_out(500, 500, planned(4, None, "the", "cat")))
    assert [text.label.text for text in labels] == ["the", "cat", "the", "cat"]
    assert len({text.y for text in labels}) == 4


def test_a_long_row_label_gets_its_share_of_the_width_and_keeps_both_ends() -> None:
    (text,) = row_labels(laid_out(600, 400, planned(1, None, "a" * 50 + "b" * 50)))
    width = TYPESETTER.width(text.label, text.size)
    assert LABEL_SHARE * 600 - 30 < width <= LABEL_SHARE * 600
    assert (text.label.text[0], text.label.text[-1], text.label.text.count("…")) == ("a", "b", 1)


def test_a_short_column_label_is_level() -> None:
    panel = laid_out(400, 400, planned(4))
    assert column_labels(panel) == []
    assert [text.label.text for text in panel.texts if text.anchor == "middle"][:4] == ["0", "1", "2", "3"]


@pytest.mark.parametrize(("n", "word", "angle"), [(20, "word " * 6, 90), (3, "word " * 12, 45), (40, "word " * 12, 90)])
def test_a_long_column_label_reads_upwards_or_slants_where_that_shows_more_of_it(n: int, word: str, angle: int) -> None:
    assert {text.angle for text in column_labels(laid_out(600, 450, planned(n, None, word)))} == {angle}


@pytest.mark.parametrize(
    ("side", "axes", "labelled", "titled"),
    [(400, True, True, True), (120, False, True, True), (45, False, False, True), (20, False, False, False)],
)
def test_where_room_is_short_titles_of_axes_go_first_then_labels_then_the_title(
    side: int, axes: bool, labelled: bool, titled: bool
) -> None:
    panel = laid_out(side, side, planned(2, None, "label"), "title")
    shown = ("key (attended to)" in titles(panel) or "key" in titles(panel), bool(row_labels(panel)))
    assert (*shown, "title" in titles(panel)) == (axes, labelled, titled)


def test_a_title_of_an_axis_that_is_too_long_becomes_its_first_word() -> None:
    assert {"query", "key"} <= set(titles(laid_out(120, 120, planned(2))))


@settings(max_examples=30)
@given(st.integers(40, 600), st.integers(40, 600), st.text("Wi ", min_size=1, max_size=80))
def test_a_panels_title_stays_within_its_area(width: int, height: int, title: str) -> None:
    heading = laid_out(width, height, planned(3, axis_titles=False), title).texts[-1]
    corners = heading.corners(TYPESETTER.width(heading.label, heading.size))
    assert all(-1e-6 <= x <= width + 1e-6 for x, _ in corners)


@pytest.mark.parametrize("n", range(30, 80, 5))
def test_rows_are_named_in_full_where_there_is_room(n: int) -> None:
    """Also where the font is made smaller, or every other label left out, for the sake of a lower matrix."""
    panel = laid_out(1000, 550, planned(n, None, "transformers", "communicate", "considerably"))
    assert {text.label.text for text in row_labels(panel)} <= {"transformers", "communicate", "considerably"}
    assert min(text.x - TYPESETTER.width(text.label, text.size) for text in row_labels(panel)) >= 0


def test_small_multiples_go_without_labels_that_would_take_half_of_their_room() -> None:
    assert not row_labels(laid_out(70, 70, planned(11, None, "[CLS]", "for"), title="L0 H3"))
    assert row_labels(laid_out(200, 200, planned(6, None, "the", "cat"), title="head 3"))
