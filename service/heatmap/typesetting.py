"""Texts to small grey pictures, each exactly one line high: what a picture's layout measures is what is drawn."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from service.heatmap.fonts import Fonts
from service.heatmap.lines import Line, line_height, measure, paint

Angle = Literal[0, 45, 90]
"""Degrees counter-clockwise."""
SLANTED: Angle = 45
Glyphs = UInt8[np.ndarray, "height width"]
"""How dark each pixel is, 0 to `BLACK`."""

BLACK = 15
FAINT = 165
"""How dark, of 255, the faint part of a label is."""
MOST_CHARACTERS = 200
"""Of a label: a word may be a megabyte long, and no picture shows more."""
ELLIPSIS = "…"
KEPT_PIXELS = 16 * 1024
"""Larger pictures of texts are drawn anew each time, and measured: so 4,096 kept ones take 64 MiB at most."""
OVERSAMPLING = 4
"""Slanted text is drawn so many times larger and turned before it is reduced, which keeps it crisp."""


class Label(NamedTuple):
    """What a row or column is called."""

    text: str
    faint: str = ""
    """Drawn pale in front of the text: a mark that is no part of the word, or a special token as a whole."""

    def cut(self) -> "Label":
        """The label without the middle of very long texts."""
        return Label(*(part if len(part) <= MOST_CHARACTERS else ends(part, MOST_CHARACTERS) for part in self))


class Typesetter:
    """Draws texts with the fonts it is given. Equal texts are drawn once, as far as there is room to keep them."""

    def __init__(self, fonts: Fonts) -> None:
        """Draw with `fonts`."""
        self.fonts = fonts
        self._measured = lru_cache(maxsize=1024)(self._measure)
        self._kept = lru_cache(maxsize=4096)(self._draw_quantized)
        self._kept_slanted = lru_cache(maxsize=256)(self._slant)

    def draw(self, label: Label, size: int, angle: Angle = 0) -> Glyphs:
        """The picture of a text; `size` is the font's in pixels. Level it is `line_height(size)` high."""
        is_short = _is_short(label, size)
        if angle == SLANTED:
            return (self._kept_slanted if is_short else self._slant)(label, size)
        level = (self._kept if is_short else self._draw_quantized)(label, size)
        return level if angle == 0 else np.rot90(level)

    def width(self, label: Label, size: int) -> int:
        """The length of a text in pixels."""
        return self._line(label, size).width

    def widest(self, labels: Sequence[Label], size: int) -> int:
        """The length of the longest."""
        return max((self.width(label, size) for label in labels), default=0)

    def spoken(self, text: str) -> str:
        """The characters that are drawn for `text`."""
        return "".join(run.text for run in self.fonts.runs(text))

    def shorten(self, label: Label, size: int, width: int) -> Label:
        """`label`, or as much of its ends around an ellipsis as `width` pixels hold; nothing if not even that fits."""
        if self.width(label, size) <= width:
            return label
        text = label.text or label.faint

        def made(kept: int) -> Label:
            shortened = ends(text, kept)
            return Label(shortened, label.faint) if label.text else Label("", shortened)

        kept = _largest(len(text) - 1, lambda kept: self.width(made(kept), size) <= width)
        if kept:
            return made(kept)
        return Label(ELLIPSIS) if self.width(Label(ELLIPSIS), size) <= width else Label("")

    def _draw_quantized(self, label: Label, size: int) -> Glyphs:
        return _quantize(self._draw(label, size))

    def _slant(self, label: Label, size: int) -> Glyphs:
        large = self._draw(label, size * OVERSAMPLING)
        turned = large.rotate(SLANTED, resample=Image.Resampling.BILINEAR, expand=True)
        return _quantize(turned.reduce(OVERSAMPLING))

    def _draw(self, label: Label, size: int) -> Image.Image:
        return paint(self._line(label, size), self.fonts)

    def _line(self, label: Label, size: int) -> Line:
        return (self._measured if _is_short(label, size) else self._measure)(label, size)

    def _measure(self, label: Label, size: int) -> Line:
        return measure(((label.faint, FAINT), (label.text, 255)), size, self.fonts)


def _is_short(label: Label, size: int) -> bool:
    return line_height(size) * size * (len(label.text) + len(label.faint)) <= KEPT_PIXELS


def _quantize(ink: Image.Image) -> Glyphs:
    return ((np.asarray(ink, np.uint16) * BLACK + 127) // 255).astype(np.uint8)


def ends(text: str, kept: int) -> str:
    """`kept` characters of `text`, half from each end, around an ellipsis."""
    head = (kept + 1) // 2
    return f"{text[:head]}{ELLIPSIS}{text[len(text) - (kept - head) :]}"


def _largest(most: int, fits: Callable[[int], bool]) -> int:
    """The largest number up to `most` that fits, where every smaller one fits, too; 0 if none does."""
    fitting, too_many = 0, most + 1
    while too_many - fitting > 1:
        middle = (fitting + too_many) // 2
        if fits(middle):
            fitting = middle
        else:
            too_many = middle
    return fitting
