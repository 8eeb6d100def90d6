"""A matrix and its labels as PNG, drawn by matplotlib's objects; never by pyplot, whose figures are global."""

from collections.abc import Sequence
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
LINE_PIXELS = 15
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

    def text_width(self, text: str) -> float:
        """The width of `text` in pixels."""
        renderer = self.canvas.get_renderer()  # type: ignore[no-untyped-call]  # matplotlib left it untyped
        width, _, _ = renderer.get_text_width_height_descent(text, FONT_PROPERTIES, ismath=False)
        return float(width)

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
    layout = lay_out(
        style.width,
        style.height,
        rows=names,
        columns=names,
        title=printable(style.title),
        colorbar_labels=[f"{tick:.10g}" for tick in ticks] if style.colorbar else [],
        line_height=LINE_PIXELS,
        measure=picture.text_width,
    )
    picture.image(layout.matrix, matrix, style.colormap, low, high)
    if layout.title:
        picture.text(style.width / 2, LINE_PIXELS / 2 + 8, layout.title, "center", "center")
    _draw_labels(picture, layout, len(labels))
    if layout.colorbar:
        _draw_colorbar(picture, layout.colorbar, style.colormap, low, high, ticks)
    return picture


def color_range(matrix: Float32[np.ndarray, "rows columns"]) -> tuple[float, float]:
    """The matrix's minimum and maximum, widened where they are equal."""
    low, high = float(matrix.min()), float(matrix.max())
    return (low, high) if low < high else (low - 0.1, high + 0.1)


def _draw_labels(picture: Picture, layout: Layout, n: int) -> None:
    box = layout.matrix
    for row in range(0, n if layout.row_labels else 0, layout.row_step):
        picture.text(box.left - 5, box.top + (row + 0.5) * box.height / n, layout.row_labels[row], "right", "center")
    for column in range(0, n if layout.column_labels else 0, layout.column_step):
        x = box.left + (column + 0.5) * box.width / n
        picture.text(x, box.top - 5, layout.column_labels[column], "left", "center", rotation=90)


def _draw_colorbar(picture: Picture, box: Box, colormap: str, low: float, high: float, ticks: Sequence[float]) -> None:
    picture.image(box, np.linspace(high, low, 256)[:, np.newaxis], colormap, low, high)
    for tick in ticks:
        y = box.top + (high - tick) / (high - low) * box.height
        picture.text(box.left + box.width + 5, y, f"{tick:.10g}", "left", "center")


FONT_PROPERTIES = FontProperties(fname=str(FONT), size=FONT_PIXELS * 72 / DPI)
GLYPHS = frozenset(FT2Font(str(FONT)).get_charmap())
