"""Pictures as they are seen: decoded pixels, and the boxes of every text in them."""

import subprocess
import sys
from io import BytesIO
from itertools import combinations
from typing import get_args

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from service.api.requests import HeatmapRequest
from service.heatmap.render import Picture, Style, draw, render_png
from tests.strategies import UNICODE

Extents = tuple[float, float, float, float]
"""Left, bottom, right, top in pixels, as matplotlib counts."""

COLORMAPS = get_args(HeatmapRequest.model_fields["colormap"].annotation)
WORDS = ["a", "the", "powerful", "##ally", "www.WWW", "|gÉ", "Ấ", "السلام", "привет", "東京", "🙂", "$x^2$", "x" * 90]
PILED = "e\N{COMBINING ACUTE ACCENT}\N{COMBINING TILDE}\N{COMBINING DIAERESIS}"
SIDES = st.one_of(st.integers(16, 150), st.integers(16, 700), st.integers(16, 4000))
COUNTS = st.one_of(st.integers(1, 12), st.integers(1, 200))
LABELS = st.lists(st.one_of(st.sampled_from([*WORDS, PILED]), UNICODE), min_size=1, max_size=8)
TITLES = st.one_of(st.sampled_from(["", "Attention Scores Heatmap", "W" * 200, PILED, "two\nlines"]), UNICODE)
STYLES = st.builds(Style, title=TITLES, labels=st.booleans(), colorbar=st.booleans(), width=SIDES, height=SIDES)
SHORT_BAR = Style(title="W" * 50, labels=False, width=200, height=90)


def matrix(n: int, low: float = 0, high: float = 1) -> np.ndarray:
    return np.linspace(low, high, n * n, dtype=np.float32).reshape(n, n)


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))


def image_extents(picture: Picture, index: int = 0) -> Extents:
    box = picture.figure.axes[index].get_position()
    return box.x0 * picture.width, box.y0 * picture.height, box.x1 * picture.width, box.y1 * picture.height


def all_extents(picture: Picture) -> dict[str, Extents]:
    """The boxes of all texts and images."""
    renderer = picture.canvas.get_renderer()  # type: ignore[no-untyped-call]
    extents = {f"image {index}": image_extents(picture, index) for index in range(len(picture.figure.axes))}
    for index, text in enumerate(picture.figure.texts):
        left, bottom, right, top = text.get_window_extent(renderer).extents
        extents[f"text {index} {text.get_text()!r}"] = (left, bottom, right, top)
    return extents


def overlap(one: Extents, other: Extents) -> bool:
    """Whether two boxes share more than rounding."""
    width, height = (min(one[end], other[end]) - max(one[end - 2], other[end - 2]) for end in (2, 3))
    return width > 1e-6 and height > 1e-6


def texts(picture: Picture) -> list[str]:
    return [text.get_text() for text in picture.figure.texts]


@settings(max_examples=150)
@given(COUNTS, LABELS, STYLES)
@example(3, ["a"], SHORT_BAR)
@example(200, ["WWW"], Style(width=700, height=700))
def test_nothing_is_cut_off_and_nothing_overlaps(n: int, labels: list[str], style: Style) -> None:
    picture = draw(matrix(n), (labels * n)[:n], style)
    extents = all_extents(picture)
    for name, (left, bottom, right, top) in extents.items():
        assert min(left, bottom) >= -1e-6, name
        assert right <= style.width + 1e-6, name
        assert top <= style.height + 1e-6, name
    assert not [names for names in combinations(extents, 2) if overlap(extents[names[0]], extents[names[1]])]


@settings(max_examples=25)
@given(st.integers(1, 12), LABELS, STYLES.filter(lambda style: max(style.width, style.height) < 1000))
def test_where_there_are_texts_the_outermost_pixels_are_white(n: int, labels: list[str], style: Style) -> None:
    picture = draw(matrix(n), (labels * n)[:n], style)
    drawn = pixels(picture.png())
    frame = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert not picture.figure.texts or (frame == 255).all()


@settings(max_examples=20)
@given(SIDES, SIDES)
def test_the_png_has_exactly_the_size_asked_for(width: int, height: int) -> None:
    png = render_png(matrix(2), ["a", "b"], Style(width=width, height=height))
    assert Image.open(BytesIO(png)).size == (width, height)


@pytest.mark.parametrize("colormap", COLORMAPS)
def test_cells_have_the_colour_of_their_value(colormap: str) -> None:
    values = np.random.RandomState(0).dirichlet(np.ones(5), 5).astype(np.float32)
    picture = draw(values, list("abcde"), Style(title="t", colormap=colormap))
    left, bottom, right, top = image_extents(picture)
    drawn = pixels(picture.png())
    for (row, column), value in np.ndenumerate(values):
        x, y = left + (column + 0.5) / 5 * (right - left), picture.height - top + (row + 0.5) / 5 * (top - bottom)
        level = int((value - values.min()) / np.ptp(values) * 256)
        near = mpl.colormaps[colormap](np.clip([level - 1, level, level + 1], 0, 255), bytes=True)
        assert tuple(drawn[int(y), int(x)]) in {tuple(colour[:3]) for colour in near}


@given(st.floats(0, 1, width=32), st.floats(2**-20, 1, width=32))
@settings(max_examples=30)
def test_the_numbers_of_the_colour_bar_lie_within_the_data(low: float, span: float) -> None:
    values = matrix(2, low, low + span)
    picture = draw(values, ["", ""], Style(labels=False))
    numbers = [float(text) for text in texts(picture)]
    assert len(numbers) >= 2
    assert values.min() - 1e-9 <= min(numbers) <= max(numbers) <= values.max() + 1e-9


@pytest.mark.parametrize("value", [0, 0.25, 1])
def test_a_constant_matrix_is_drawn(value: float) -> None:
    numbers = texts(draw(matrix(3, value, value), ["a"] * 3, Style(labels=False)))
    assert float(numbers[0]) < value < float(numbers[-1])


def test_labels_are_left_out_where_they_are_not_wanted() -> None:
    assert "word" not in texts(draw(matrix(2), ["word"] * 2, Style(labels=False)))


def test_the_colour_bar_is_left_out_where_it_is_not_wanted() -> None:
    assert len(draw(matrix(2), ["a", "b"], Style(colorbar=False)).figure.axes) == 1


def test_a_picture_too_small_for_texts_has_none() -> None:
    assert texts(draw(matrix(2), ["word", "another"], Style(title="title", width=40, height=40))) == []


def test_cells_too_small_for_labels_are_labelled_every_so_often() -> None:
    labels = texts(draw(matrix(100), [str(index) for index in range(100)], Style(colorbar=False)))
    assert labels[:3] == ["0", "3", "6"]


def test_rows_and_columns_are_labelled_in_order() -> None:
    assert texts(draw(matrix(2), ["one", "two"], Style(title="t", colorbar=False))) == ["t", "one", "two", "one", "two"]


@pytest.mark.parametrize("words", ["a" * 100 + "b" * 100, "ا" * 200])
def test_a_long_label_is_shortened_in_the_middle(words: str) -> None:
    row, column = texts(draw(matrix(1), [words], Style(colorbar=False)))
    for label in (row, column):
        assert (label[0], label[len(label) // 2], label[-1]) == (words[0], "…", words[-1])


def test_a_dollar_is_no_mathematics() -> None:
    assert render_png(matrix(1), [r"$\nonsense{$"], Style(title=r"$\frac$"))


@pytest.mark.parametrize(("text", "written"), [("🙂", "U+1F642"), ("a\nb", "aU+000Ab"), ("京", "U+4EAC")])
def test_a_character_that_the_font_lacks_is_written_as_its_code_point(text: str, written: str) -> None:
    assert texts(draw(matrix(1), [text], Style(title=text, colorbar=False))) == [written] * 3


def test_equal_matrices_and_styles_give_equal_bytes() -> None:
    one, other = (render_png(matrix(9), ["word"] * 9, Style(title="t")) for _ in range(2))
    assert one == other


def test_pyplot_is_never_imported() -> None:
    code = "import sys, service.api.operations; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
