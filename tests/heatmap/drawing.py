"""What the tests of pictures share: fonts that every machine has, plots of random shapes, pixels."""

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from service.heatmap.colors import COLORMAPS
from service.heatmap.composition import Plot
from service.heatmap.fonts import Fonts
from service.heatmap.labelling import Axis
from service.heatmap.render import Renderer
from service.heatmap.style import Style
from service.heatmap.typesetting import Label, Typesetter
from tests.strategies import UNICODE

RENDERER = Renderer()
TYPESETTER = Typesetter(Fonts())
"""With the bundled font alone."""

PILED = "e\N{COMBINING ACUTE ACCENT}\N{COMBINING TILDE}\N{COMBINING DIAERESIS}\N{COMBINING CARON}"
WORDS = [
    "a",
    "the",
    "powerful",
    "www.WWW",
    "|gÉ",
    "Ấ",
    "السلام",
    "привет",
    "שלום",
    "東京",
    "🙂",
    "$x^2$",
    "x" * 90,
    PILED,
]
LABELS = st.builds(Label, st.one_of(st.sampled_from(WORDS), UNICODE), faint=st.sampled_from(["", "", "##"]))
SPECIAL = st.builds(Label, st.just(""), faint=st.sampled_from(["[CLS]", "[SEP]"]))
SIDES = st.one_of(st.integers(16, 150), st.integers(16, 700), st.integers(16, 4000))
TITLES = st.one_of(st.sampled_from(["", "Attention Scores Heatmap", "W" * 200, PILED, "two\nlines"]), UNICODE)
STYLES = st.builds(
    Style,
    title=TITLES,
    colormap=st.sampled_from(COLORMAPS),
    color_range=st.sampled_from(["data", "unit"]),
    color_scale=st.sampled_from(["linear", "log"]),
    pooling=st.sampled_from(["max", "mean"]),
    labels=st.booleans(),
    colorbar=st.booleans(),
    values=st.booleans(),
    width=SIDES,
    height=SIDES,
)
SMALL_STYLES = STYLES.filter(lambda style: style.width * style.height < 500_000)


@st.composite
def plots(draw: st.DrawFn, most: int = 200) -> Plot:
    """One matrix, square or not, or up to 72 small multiples; some cells masked."""
    rows = draw(st.one_of(st.integers(1, 12), st.integers(1, most)))
    columns = draw(st.one_of(st.just(rows), st.integers(1, 12), st.integers(1, most)))
    count = draw(st.sampled_from([1, 1, 1, 2, 5, 12, 72]))
    names = draw(st.lists(st.one_of(LABELS, SPECIAL), min_size=1, max_size=6))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    matrices = [random.random((rows, columns), dtype=np.float32) for _ in range(count)]
    if draw(st.booleans()):
        for matrix in matrices:
            matrix[random.random(matrix.shape) < 0.2] = np.nan
    titles = [(f"layer {i // 12}, head {i % 12}", f"{i // 12}.{i % 12}") for i in range(count)] if count > 1 else []
    return Plot(matrices, axis("query (attends from)", names, rows), axis("key (attended to)", names, columns), titles)


def axis(title: str, names: Sequence[Label], count: int) -> Axis:
    return Axis(title, [names[index % len(names)] for index in range(count)])


def plot(matrix: np.ndarray, *words: str) -> Plot:
    """One matrix, its rows and columns named by `words` in turn, or by their numbers."""
    rows, columns = ([Label(words[i % len(words)] if words else str(i)) for i in range(size)] for size in matrix.shape)
    return Plot([matrix.astype(np.float32)], Axis("query (attends from)", rows), Axis("key (attended to)", columns))


def ramp(rows: int, columns: int | None = None, low: float = 0, high: float = 1) -> np.ndarray:
    """Numbers that rise from cell to cell."""
    columns = columns or rows
    return np.linspace(low, high, rows * columns, dtype=np.float32).reshape(rows, columns)


def pixels(png: bytes) -> np.ndarray:
    """Red, green and blue of each pixel."""
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"))
