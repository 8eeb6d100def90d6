"""PNGs as a viewer decodes them: colours of cells, hatching, numbers, texts, metadata."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from service.heatmap import png_file
from service.heatmap.colors import COLORMAPS, LEVELS, Colormap, palette
from service.heatmap.composition import Plot, compose
from service.heatmap.scene import Matrix, edges
from service.heatmap.style import Style
from tests.heatmap.drawing import RENDERER, SMALL_STYLES, TYPESETTER, pixels, plot, plots, ramp

BARE = Style(labels=False, colorbar=False, width=200, height=200)


def cell_colors(matrix: np.ndarray, style: Style) -> np.ndarray:
    """The colour in the middle of each cell."""
    drawn: Matrix = compose(plot(matrix), style, TYPESETTER).matrices[0]
    rows, columns = matrix.shape
    xs, ys = edges(drawn.box.left, drawn.box.width, columns), edges(drawn.box.top, drawn.box.height, rows)
    middles = np.ix_([sum(pair) // 2 for pair in pairwise(ys)], [sum(pair) // 2 for pair in pairwise(xs)])
    colors: np.ndarray = pixels(RENDERER.render(plot(matrix), style))[middles]
    return colors


@settings(max_examples=60)
@given(st.integers(2, 40), st.integers(0, 999), st.sampled_from(COLORMAPS[:7]))
def test_cells_have_matplotlibs_colour_within_a_level(n: int, seed: int, colormap: Colormap) -> None:
    matrix = np.random.default_rng(seed).dirichlet(np.ones(n), n + 1)[:, :n].astype(np.float32)
    drawn = cell_colors(matrix, Style(title="t", colormap=colormap)).astype(int)
    fractions = (matrix - matrix.min()) / max(float(np.ptp(matrix)), 1e-30)
    near = np.stack([mpl.colormaps[colormap](fractions + step / LEVELS, bytes=True)[..., :3] for step in (-1, 0, 1)])
    assert (np.abs(near.astype(int) - drawn).max(axis=-1).min(axis=0) <= 4).all()


def test_masked_cells_are_hatched_in_greys_that_no_number_has() -> None:
    matrix = ramp(2)
    matrix[0, 1] = np.nan
    drawn = pixels(RENDERER.render(plot(matrix), BARE))
    corner = drawn[20:90, 110:180].reshape(-1, 3)
    assert len(np.unique(corner, axis=0)) == 2
    assert (corner == corner[:, :1]).all()


def test_a_masked_cell_does_not_look_like_zero() -> None:
    masked = pixels(RENDERER.render(plot(np.array([[np.nan, 0.0]])), BARE))
    assert not (masked[100, 10] == masked[100, 190]).all()


def test_an_isolated_maximum_survives_pooling() -> None:
    matrix = np.zeros((1000, 1000))
    matrix[123, 456] = 1
    assert (pixels(RENDERER.render(plot(matrix), BARE)) == palette("viridis")[-1]).all(axis=-1).any()


def test_numbers_are_light_on_dark_cells_and_dark_on_light_ones() -> None:
    drawn = pixels(
        RENDERER.render(plot(ramp(2)), Style(values=True, labels=False, colorbar=False, width=400, height=400))
    )
    assert (drawn[:200, :200] == 255).all(axis=-1).any()
    assert (drawn[200:, 200:] == 0).all(axis=-1).any()


@given(st.integers(16, 300), st.integers(16, 300), st.integers(1, 3), st.booleans())
def test_the_file_has_the_pixels_asked_for(width: int, height: int, dpi_scale: int, values: bool) -> None:
    style = Style(width=width, height=height, dpi_scale=dpi_scale, values=values)
    picture = Image.open(BytesIO(RENDERER.render(plot(ramp(2)), style)))
    assert picture.size == (width * dpi_scale, height * dpi_scale)


@settings(max_examples=20)
@given(plots(), SMALL_STYLES)
def test_where_there_is_a_title_the_outermost_pixels_are_white(drawn: Plot, style: Style) -> None:
    scene = compose(drawn, style, TYPESETTER)
    picture = pixels(RENDERER.render(drawn, style))
    frame = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
    titled = any(text.label.text and text.size > style.text_size for text in scene.texts)
    assert not titled or (frame == 255).all()


@pytest.mark.parametrize("text", ["plain", "ü 東京 🙂", "", "two\nlines"])
def test_metadata_reads_back(text: str) -> None:
    picture = Image.open(BytesIO(RENDERER.render(plot(ramp(2)), BARE, metadata={"sentence": text, "model": "m"})))
    assert picture.info == {"sentence": text, "model": "m"}


def test_equal_arguments_give_equal_bytes_in_another_process_too() -> None:
    code = (
        "import sys; from tests.heatmap.drawing import *\n"
        "sys.stdout.buffer.write(RENDERER.render(plot(ramp(9), 'word', '東'), Style(title='t')))"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout
    assert RENDERER.render(plot(ramp(9), "word", "東"), Style(title="t")) == other


def test_eight_threads_draw_what_one_draws() -> None:
    requests = [
        (plot(ramp(1 + n % 13), f"word {n % 7}", "##x"), Style(title=f"t{n % 5}", values=n % 2 == 0)) for n in range(32)
    ]
    alone = [RENDERER.render(*request) for request in requests]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda request: RENDERER.render(*request), requests))
    assert [number for number, picture in enumerate(together) if picture != alone[number]] == []


@pytest.mark.parametrize("length", [1023, 1024, 400_000, 1024**2 - 1, 1024**2, 2 * 1024**2])
def test_long_metadata_reads_back_and_is_compressed_where_readers_take_that(length: int) -> None:
    text = ("The cat sat on the mat. " * length)[:length]
    png = png_file.encode(np.zeros((1, 1), np.uint8), np.zeros((1, 3), np.uint8), {"sentence": text})
    assert Image.open(BytesIO(png)).info["sentence"] == text
    assert (len(png) < length / 2) == (1024 <= length < 1024**2)
