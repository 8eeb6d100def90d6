"""A picture before it is PNG or SVG: every text and matrix of it, and where it stands.

Pixels count from the upper left corner, as in the picture's file.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float32

from service.heatmap.colors import Colormap, Scale
from service.heatmap.lines import line_height
from service.heatmap.typesetting import Angle, Label

Anchor = Literal["start", "middle", "end"]


class Box(NamedTuple):
    """A rectangle in whole pixels."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first column to the right of it."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first row below it."""
        return self.top + self.height


@dataclass(frozen=True, slots=True)
class Text:
    """A line of text; (x, y) is a point on its middle line, at its start, middle or end."""

    label: Label
    x: float
    y: float
    size: int
    """Of the font, in pixels."""
    anchor: Anchor = "start"
    angle: Angle = 0

    def center(self, length: float) -> tuple[float, float]:
        """The middle of a text that is `length` pixels long."""
        forward = {"start": 0.5, "middle": 0.0, "end": -0.5}[self.anchor] * length
        turn = math.radians(self.angle)
        return self.x + forward * math.cos(turn), self.y - forward * math.sin(turn)

    def corners(self, length: float) -> list[tuple[float, float]]:
        """The corners of the line that it fills if it is `length` pixels long, in turn."""
        x, y = self.center(length)
        turn = math.radians(self.angle)
        along = (length / 2 * math.cos(turn), -length / 2 * math.sin(turn))
        half = line_height(self.size) / 2
        across = (half * math.sin(turn), half * math.cos(turn))
        signs = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return [(x + a * along[0] + b * across[0], y + a * along[1] + b * across[1]) for a, b in signs]


@dataclass(frozen=True, slots=True)
class Value:
    """A cell's number, written in it."""

    text: Text
    is_light: bool


@dataclass(frozen=True, slots=True)
class Matrix:
    """Cells that fill a box, in rows from the top; NaN cells are masked."""

    box: Box
    cells: Float32[np.ndarray, "rows columns"]
    row_names: Sequence[str]
    column_names: Sequence[str]
    bins: tuple[int, int] = (1, 1)
    """How many rows and columns of the data one cell stands for."""
    first: tuple[int, int] = (0, 0)
    """The positions of the first row and column."""


@dataclass(frozen=True, slots=True)
class Colorbar:
    """A bar of all colours, the high end on top, with its numbers."""

    box: Box
    texts: Sequence[Text]
    marks: Sequence[Box]
    """Small lines from the bar to its numbers."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is drawn on white."""

    width: int
    height: int
    colormap: Colormap
    scale: Scale
    texts: Sequence[Text]
    matrices: Sequence[Matrix]
    values: Sequence[Value]
    colorbar: Colorbar | None


def edges(start: int, length: int, count: int) -> list[int]:
    """Where `count` equal parts of a stretch of `length` pixels begin and end, in whole pixels: count + 1 edges."""
    return [start + round(index * length / count) for index in range(count + 1)]
