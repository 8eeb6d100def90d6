"""Matrices and labels to the bytes of a picture."""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import PIL

from service.heatmap.composition import Plot, compose
from service.heatmap.fonts import Fonts
from service.heatmap.png import encode_png
from service.heatmap.style import Style
from service.heatmap.svg import encode_svg
from service.heatmap.typesetting import Typesetter

Form = Literal["png", "svg"]

LONG = 30
"""Characters: few tokens have more."""
SECONDS_PER_LABEL = 3e-4
"""What a label costs that was never drawn."""
MOST_LABELS = 64
"""There is hardly ever room for more."""
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

    def render(self, plot: Plot, style: Style, form: Form = "png", metadata: Mapping[str, str] | None = None) -> bytes:
        """The picture's bytes: the same for equal arguments. `metadata` is written into it.

        Raises:
            NotDrawableError: a logarithmic scale was asked for, and a number is negative.
        """
        scene = compose(plot, style, self._typesetter)
        if form == "svg":
            return encode_svg(scene, self._typesetter, style.width, metadata or {})
        return encode_png(scene, self._typesetter, metadata or {})


def estimate_seconds(plot: Plot, style: Style) -> float:
    """A rough cost of a picture: of its pixels, cells and labels, and of those so long that they must be fitted."""
    pixels = style.width * style.height * style.dpi_scale**2
    cells = sum(matrix.size for matrix in plot.matrices)
    names = {name for axis in (plot.rows, plot.columns) for name in axis.names}
    fitted = sum(len(name) for name in names if len(name) > LONG)
    drawn = max(0, min(len(names), MOST_LABELS) - FREE_LABELS)
    return 3e-4 + 1e-9 * pixels + 2e-8 * cells + 1e-5 * fitted + SECONDS_PER_LABEL * drawn
