"""One line of text: how long it is, and its ink. Measuring takes a fifth of drawing."""

from collections.abc import Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw

from service.heatmap.fonts import BITMAP_PIXELS, Fonts, Run

ASCENT = 0.975
DESCENT = 0.275
"""Of the font's size: a line around the middle of its small letters."""
BITMAP_SHARE = 0.9
"""Of a line's height that a colour bitmap fills."""
BITMAP_GAP = 0.1
"""Of the font's size, behind a colour bitmap."""


class Ink(NamedTuple):
    """A rectangle that holds the ink of a run; `left` and `top` are seen from where the pen starts."""

    left: int
    top: int
    width: int
    height: int


class Piece(NamedTuple):
    """A run of characters in one font, and where it stands on its line."""

    run: Run
    darkness: int
    """Of 255."""
    bounds: Ink
    """In the font's own size, from the run's own pen."""
    place: Ink
    """From the line's pen."""


class Line(NamedTuple):
    """Runs side by side on their common baseline, measured."""

    pieces: list[Piece]
    bounds: Ink
    """Of all pieces, before they are reduced."""
    size: int
    """The font's, in pixels."""
    factor: float
    """What they are reduced by where they are higher than the line."""

    @property
    def width(self) -> int:
        """In pixels."""
        return self.bounds.width if self.factor == 1 else max(int(self.bounds.width * self.factor), 1)


def line_height(size: int) -> int:
    """The height of a line of text in a font of `size` pixels."""
    return round(ASCENT * size) + round(DESCENT * size)


def measure(parts: Sequence[tuple[str, int]], size: int, fonts: Fonts) -> Line:
    """Where the runs of `parts`, texts and how dark each is, stand on their line."""
    pieces: list[Piece] = []
    pen = 0.0
    for part, darkness in parts:
        for run in fonts.runs(part):
            bounds, place, advance = _measure_run(run, size, fonts)
            pieces.append(Piece(run, darkness, bounds, place._replace(left=round(pen) + place.left)))
            pen += advance
    places = [piece.place for piece in pieces]
    left = min((place.left for place in places), default=0)
    right = max((place.left + place.width for place in places), default=0)
    top = min((place.top for place in places), default=0)
    bottom = max((place.top + place.height for place in places), default=0)
    above, below = round(ASCENT * size), round(DESCENT * size)
    factor = min(1.0, above / max(-top, 1), below / max(bottom, 1))
    return Line(pieces, Ink(left, top, max(right - left, round(pen), 1), max(bottom - top, 1)), size, factor)


def paint(line: Line, fonts: Fonts) -> Image.Image:
    """The line, exactly `line_height` high: how dark each pixel is, of 255."""
    ink = Image.new("L", (line.bounds.width, line.bounds.height))
    for piece in line.pieces:
        picture = _paint_run(piece, line.size, fonts)
        ink.paste(picture, (piece.place.left - line.bounds.left, piece.place.top - line.bounds.top), picture)
    top = line.bounds.top
    if line.factor < 1:
        ink = ink.resize((line.width, max(int(ink.height * line.factor), 1)), Image.Resampling.BOX)
        top = int(top * line.factor)
    height = line_height(line.size)
    whole = Image.new("L", (ink.width, height))
    whole.paste(ink, (0, min(max(round(ASCENT * line.size) + top, 0), height - ink.height)))
    return whole


def _measure_run(run: Run, size: int, fonts: Fonts) -> tuple[Ink, Ink, float]:
    """The bounds of a run, where it stands beside and below the pen, and how far the pen moves."""
    is_bitmap = fonts.is_bitmap(run.font)
    font = fonts.sized(run.font, BITMAP_PIXELS if is_bitmap else size)
    left, top, right, bottom = (int(edge) for edge in font.getbbox(run.text, anchor="ls"))
    bounds = Ink(left, top, max(right - left, 1), max(bottom - top, 1))
    if not is_bitmap:
        return bounds, bounds, font.getlength(run.text)
    factor = size * (ASCENT + DESCENT) * BITMAP_SHARE / bounds.height
    width, height = max(round(bounds.width * factor), 1), max(round(bounds.height * factor), 1)
    return bounds, Ink(0, round(size * DESCENT) - height, width, height), width + size * BITMAP_GAP


def _paint_run(piece: Piece, size: int, fonts: Fonts) -> Image.Image:
    run, darkness, bounds, place = piece
    start, extent = (-bounds.left, -bounds.top), (bounds.width, bounds.height)
    if not fonts.is_bitmap(run.font):
        ink = Image.new("L", extent)
        font = fonts.sized(run.font, size)
        ImageDraw.Draw(ink).text(start, run.text, font=font, fill=darkness, anchor="ls")
        return ink
    colored = Image.new("RGB", extent, "white")
    font = fonts.sized(run.font, BITMAP_PIXELS)
    ImageDraw.Draw(colored).text(start, run.text, font=font, embedded_color=True, anchor="ls")
    ink = colored.convert("L").point(lambda grey: (255 - grey) * darkness // 255)
    return ink.resize((place.width, place.height))
