"""A matrix and its labels as PNG, drawn by matplotlib's objects; never by pyplot, whose figures are global."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
import numpy as np
from jaxtyping import Float32
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.ticker import MaxNLocator

from service.heatmap.layout import Box, Layout, lay_out

DPI = 64
"""A power of two, so that pixels divided by it are exact in inches."""
FONT_PIXELS = 12
LEADING_PIXELS = 2
TALL_TEXT = "Ég"
"""A line is at least as high as this, so that most pictures have the same."""
FONT = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
COLORBAR_TICKS = 6


@dataclass(frozen=True, slots=True)
class Style:
    """How a picture looks; sizes in pixels."""

    title: str = ""
    colormap: str = "viridis"
    labels: bool = True
    colorbar: bool = True
    width: int = 1000
    height: int = 600


def estimate_render_seconds(n: int) -> float:
    """A rough cost of a picture of n × n cells."""
    return 0.04 + 0.001 * min(n, 100)


def render_png(matrix: Float32[np.ndarray, "rows columns"], labels: Sequence[str], style: Style) -> bytes:
    """The PNG of a matrix whose rows are queries and whose columns are keys; `labels` name both."""
    return draw(matrix, labels, style).png()


def printable(text: str) -> str:
    """`text` with every character that the font lacks written as its code point (U+1F642), not as an empty box."""
    return "".join(character if ord(character) in GLYPHS else f"U+{ord(character):04X}" for character in text)


class Picture:
    """A drawn figure, and the texts in it."""

    def __init__(self, style: Style) -> None:
        """Start an empty picture of the style's size."""
        self.width, self.height = style.width, style.height
        self.figure = Figure(figsize=(style.width / DPI, style.height / DPI), dpi=DPI)
        self.canvas = FigureCanvasAgg(self.figure)
        self._sizes: dict[str, tuple[float, float, float]] = {}

    def text_width(self, text: str) -> float:
        """The width of `text` in pixels."""
        return self._text_size(text)[0]

    def line_height(self, texts: Iterable[str]) -> float:
        """The height in pixels of a line that holds any of `texts`, however high their accents are piled."""
        sizes = [self._text_size(text) for text in {TALL_TEXT, *texts}]
        return max(height - descent for _, height, descent in sizes) + max(size[2] for size in sizes) + LEADING_PIXELS

    def _text_size(self, text: str) -> tuple[float, float, float]:
        """Width, height and depth below the baseline; kept, as measuring is most of the work of a large picture."""
        if text not in self._sizes:
            renderer = self.canvas.get_renderer()  # type: ignore[no-untyped-call]  # matplotlib left it untyped
            self._sizes[text] = renderer.get_text_width_height_descent(text, FONT_PROPERTIES, ismath=False)
        return self._sizes[text]

    def text(self, x: float, y: float, text: str, horizontal: str, vertical: str, rotation: int = 0) -> None:
        """Write `text` at pixel (x, y)."""
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            text,
            ha=horizontal,
            va=vertical,
            rotation=rotation,
            rotation_mode="anchor",
            fontproperties=FONT_PROPERTIES,
            parse_math=False,
        )

    def image(self, box: Box, values: np.ndarray, colormap: str, low: float, high: float) -> None:
        """Fill `box` with the colours of `values`."""
        axes = self.figure.add_axes(
            (
                box.left / self.width,
                1 - (box.top + box.height) / self.height,
                box.width / self.width,
                box.height / self.height,
            )
        )
        axes.imshow(values, cmap=colormap, vmin=low, vmax=high, aspect="auto")
        axes.set_axis_off()

    def png(self) -> bytes:
        """The picture's bytes."""
        buffer = BytesIO()
        self.canvas.print_png(buffer)  # type: ignore[no-untyped-call]  # matplotlib left it untyped
        return buffer.getvalue()


def draw(matrix: Float32[np.ndarray, "rows columns"], labels: Sequence[str], style: Style) -> Picture:
    """Draw a matrix with its labels, title and colour bar."""
    low, high = color_range(matrix)
    ticks = [tick for tick in MaxNLocator(COLORBAR_TICKS).tick_values(low, high) if low <= tick <= high]
    picture = Picture(style)
    names = [printable(label) for label in labels] if style.labels else [""] * len(labels)
    title = printable(style.title)
    line_height = picture.line_height([title, *names])
    layout = lay_out(
        style.width,
        style.height,
        rows=names,
        columns=names,
        title=title,
        colorbar_labels=[f"{tick:.10g}" for tick in ticks] if style.colorbar else [],
        line_height=line_height,
        measure=picture.text_width,
    )
    picture.image(layout.matrix, matrix, style.colormap, low, high)
    if layout.title:
        picture.text(style.width / 2, 2 * layout.gap, layout.title, "center", "center")
    _draw_labels(picture, layout, len(labels))
    if layout.colorbar:
        picture.image(layout.colorbar, np.linspace(high, low, 256)[:, np.newaxis], style.colormap, low, high)
        _label_colorbar(picture, layout.colorbar, layout.gap, low, high, ticks)
    return picture


def color_range(matrix: Float32[np.ndarray, "rows columns"]) -> tuple[float, float]:
    """The matrix's minimum and maximum, widened where they are equal."""
    low, high = float(matrix.min()), float(matrix.max())
    return (low, high) if low < high else (low - 0.1, high + 0.1)


def _draw_labels(picture: Picture, layout: Layout, n: int) -> None:
    box = layout.matrix
    for row in range(0, n if layout.row_labels else 0, layout.row_step):
        y = box.top + (row + 0.5) * box.height / n
        picture.text(box.left - layout.gap, y, layout.row_labels[row], "right", "center")
    for column in range(0, n if layout.column_labels else 0, layout.column_step):
        x = box.left + (column + 0.5) * box.width / n
        picture.text(x, box.top - layout.gap, layout.column_labels[column], "left", "center", rotation=90)


def _label_colorbar(picture: Picture, box: Box, gap: float, low: float, high: float, ticks: Sequence[float]) -> None:
    pixels = box.height / (high - low)
    step = math.ceil(2 * gap / (pixels * (ticks[1] - ticks[0]))) if len(ticks) > 1 else 1
    for tick in ticks[::step]:
        y = box.top + (high - tick) * pixels
        picture.text(box.left + box.width + gap, y, f"{tick:.10g}", "left", "center")


FONT_PROPERTIES = FontProperties(fname=str(FONT), size=FONT_PIXELS * 72 / DPI)
GLYPHS = frozenset(FT2Font(str(FONT)).get_charmap())
