"""Matrices and labels to the bytes of a picture."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Literal

import PIL

from service.heatmap.composition import Layout, Plot, compose, lay_out
from service.heatmap.fonts import Fonts
from service.heatmap.png import encode_png
from service.heatmap.style import Style
from service.heatmap.svg import MOST_RECTANGLES, encode_svg
from service.heatmap.typesetting import Typesetter

Form = Literal["png", "svg"]

LONG = 30
"""Characters: few tokens have more."""
SECONDS_PER_LABEL = 3e-4
"""What a label costs that was never drawn."""
SECONDS_PER_NUMBER = 2.5e-5
"""What a number in a cell costs."""
LEAST_PIXELS = 400
"""Smaller cells hold no number."""
MOST_NAMES = 4096
"""So many are looked at for long ones."""
MOST_LABELS = 64
"""There is hardly ever room for more."""
PNG_BYTES, SVG_BYTES = 2048, 16 * 1024
"""What the smallest pictures have."""
FREE_LABELS = 16
"""So many may be new in a picture that counts as small: the thread would take a quarter longer for it."""


class Renderer:
    """Draws pictures, in as many threads as like to. What it keeps between pictures is bounded."""

    def __init__(self, fonts: Sequence[Path] = ()) -> None:
        """Use the bundled font, and `fonts` for what it lacks; see `find_fonts`."""
        self._typesetter = Typesetter(Fonts(fonts))
        digest = sha256("\n".join(f"{file} {file.stat().st_size}" for file in fonts).encode()).hexdigest()[:16]
        self.software = f"Pillow {PIL.__version__} cmap {version('cmap')} fonts {digest}"
        """What besides the arguments decides a picture's bytes."""

    def lay_out(self, plot: Plot, style: Style) -> Layout:
        """Where everything stands in the picture of a plot whose matrices may still be blank."""
        return lay_out(plot, style, self._typesetter)

    def render(
        self,
        plot: Plot,
        style: Style,
        form: Form = "png",
        metadata: Mapping[str, str] | None = None,
        layout: Layout | None = None,
    ) -> bytes:
        """The picture's bytes: the same for equal arguments. `metadata` is written into it.

        Raises:
            NotDrawableError: a logarithmic scale was asked for, and a number is negative.
        """
        scene = compose(plot, style, self._typesetter, layout)
        if form == "svg":
            return encode_svg(scene, self._typesetter, style.width, metadata or {})
        return encode_png(scene, self._typesetter, metadata or {})


def estimate_bytes(plot: Plot, style: Style, form: Form) -> int:
    """About the size of a picture without its metadata."""
    cells = _cells(plot)
    pixels = style.width * style.height * style.dpi_scale**2
    if form == "png":
        blank = pixels // (8 if style.values else 16)
        return PNG_BYTES + blank + min(cells, pixels // 2) // 4
    texts = 2 * min(len(plot.rows.labels), MOST_LABELS) * len(plot.matrices)
    if cells > MOST_RECTANGLES:
        return SVG_BYTES + 200 * texts + min(cells, pixels) // 4
    return SVG_BYTES + 200 * texts + (300 if style.values else 80) * cells


def _cells(plot: Plot) -> int:
    return prod(plot.shape) * len(plot.matrices)


def estimate_seconds(plot: Plot, style: Style, form: Form = "png") -> float:
    """A rough cost of a picture: of its pixels, cells and labels, and of those so long that they must be fitted."""
    pixels = style.width * style.height * style.dpi_scale**2
    cells = _cells(plot)
    names = {name for axis in (plot.rows, plot.columns) for name in axis.names[:: 1 + len(axis.names) // MOST_NAMES]}
    fitted = sum(len(name) for name in names if len(name) > LONG)
    drawn = max(0, min(len(names), MOST_LABELS) - FREE_LABELS)
    written = max(0, min(len(plot.rows.labels), MOST_LABELS) - FREE_LABELS)
    seconds = 3e-4 + 1e-9 * pixels + 2e-9 * cells + 1e-8 * min(cells, pixels)
    seconds += 1e-5 * fitted + SECONDS_PER_LABEL * drawn + 5e-5 * written + 5e-4 * (len(plot.matrices) - 1)
    if style.values and cells * LEAST_PIXELS <= pixels:
        seconds += SECONDS_PER_NUMBER * cells + (1.7e-8 * pixels if form == "png" else 0)
    if form == "svg" and cells <= MOST_RECTANGLES:
        seconds += 2e-6 * max(0, cells - FREE_LABELS**2)
    return seconds
