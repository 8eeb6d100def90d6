"""Texts to small grey pictures, each exactly one line high: what a picture's layout measures is what is drawn."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw

from service.heatmap.fonts import BITMAP_PIXELS, Fonts, Run

Angle = Literal[0, 45, 90]
"""Degrees counter-clockwise."""
SLANTED: Angle = 45
Glyphs = UInt8[np.ndarray, "height width"]
"""How dark each pixel is, 0 to `BLACK`."""

BLACK = 15
FAINT = 165
"""How dark, of 255, the faint part of a label is."""
ASCENT = 0.975
DESCENT = 0.275
"""Of the font's size: a line around the middle of its small letters."""
MOST_CHARACTERS = 200
"""Of a label: a word may be a megabyte long, and no picture shows more."""
ELLIPSIS = "…"
KEPT_PIXELS = 16 * 1024
"""Larger pictures of texts are drawn anew each time; so 4,096 kept ones take 64 MiB at most."""
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
        self._kept = lru_cache(maxsize=4096)(self._draw_quantized)
        self._kept_slanted = lru_cache(maxsize=256)(self._slant)

    def draw(self, label: Label, size: int, angle: Angle = 0) -> Glyphs:
        """The picture of a text; `size` is the font's in pixels. Level it is `line_height(size)` high."""
        area = line_height(size) * size * (len(label.text) + len(label.faint))
        is_small = area <= KEPT_PIXELS
        if angle == SLANTED:
            return (self._kept_slanted if is_small else self._slant)(label, size)
        level = (self._kept if is_small else self._draw_quantized)(label, size)
        return level if angle == 0 else np.rot90(level)

    def width(self, label: Label, size: int) -> int:
        """The length of a text in pixels."""
        return int(self.draw(label, size).shape[1])

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
        """One line: runs side by side on their common baseline, reduced where they are higher than the line."""
        pieces: list[tuple[Image.Image, int, int]] = []
        pen = 0.0
        for part, darkness in ((label.faint, FAINT), (label.text, 255)):
            for run in self.fonts.runs(part):
                picture, left, top, advance = self._draw_run(run, size, darkness)
                pieces.append((picture, round(pen) + left, top))
                pen += advance
        left = min((x for _, x, _ in pieces), default=0)
        right = max((x + picture.width for picture, x, _ in pieces), default=0)
        top = min((y for _, _, y in pieces), default=0)
        bottom = max((y + picture.height for picture, _, y in pieces), default=0)
        ink = Image.new("L", (max(right - left, round(pen), 1), max(bottom - top, 1)))
        for picture, x, y in pieces:
            ink.paste(picture, (x - left, y - top), picture)
        return _on_line(ink, top, bottom, size)

    def _draw_run(self, run: Run, size: int, darkness: int) -> tuple[Image.Image, int, int, float]:
        """A run's ink, where it starts beside and below the pen, and how far the pen moves."""
        if self.fonts.is_bitmap(run.font):
            return self._draw_bitmaps(run, size, darkness)
        font = self.fonts.sized(run.font, size)
        left, top, right, bottom = (int(edge) for edge in font.getbbox(run.text, anchor="ls"))
        ink = Image.new("L", (max(right - left, 1), max(bottom - top, 1)))
        ImageDraw.Draw(ink).text((-left, -top), run.text, font=font, fill=darkness, anchor="ls")
        return ink, left, top, font.getlength(run.text)

    def _draw_bitmaps(self, run: Run, size: int, darkness: int) -> tuple[Image.Image, int, int, float]:
        """A run of colour bitmaps, in greys."""
        font = self.fonts.sized(run.font, BITMAP_PIXELS)
        left, top, right, bottom = (int(edge) for edge in font.getbbox(run.text, anchor="ls"))
        colored = Image.new("RGB", (max(right - left, 1), max(bottom - top, 1)), "white")
        ImageDraw.Draw(colored).text((-left, -top), run.text, font=font, embedded_color=True, anchor="ls")
        ink = colored.convert("L").point(lambda grey: (255 - grey) * darkness // 255)
        factor = size * (ASCENT + DESCENT) * 0.9 / max(ink.height, 1)
        small = ink.resize((max(round(ink.width * factor), 1), max(round(ink.height * factor), 1)))
        return small, 0, round(size * DESCENT) - small.height, small.width + size * 0.1


def _quantize(ink: Image.Image) -> Glyphs:
    return ((np.asarray(ink, np.uint16) * BLACK + 127) // 255).astype(np.uint8)


def line_height(size: int) -> int:
    """The height of a line of text in a font of `size` pixels."""
    return round(ASCENT * size) + round(DESCENT * size)


def ends(text: str, kept: int) -> str:
    """`kept` characters of `text`, half from each end, around an ellipsis."""
    head = (kept + 1) // 2
    return f"{text[:head]}{ELLIPSIS}{text[len(text) - (kept - head) :]}"


def _on_line(ink: Image.Image, top: int, bottom: int, size: int) -> Image.Image:
    above, below = round(ASCENT * size), round(DESCENT * size)
    factor = min(1.0, above / max(-top, 1), below / max(bottom, 1))
    if factor < 1:
        ink = ink.resize((max(int(ink.width * factor), 1), max(int(ink.height * factor), 1)), Image.Resampling.BOX)
        top = int(top * factor)
    line = Image.new("L", (ink.width, above + below))
    line.paste(ink, (0, min(max(above + top, 0), above + below - ink.height)))
    return line


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
