"""Where everything stands in a picture: measured texts in, pixel boxes out. Knows no drawing library.

Pixels count from the upper left corner, as in the picture's file.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

BAR_WIDTH = 18
LEAST_SHARE = 0.45
"""Of the picture's width and height the matrix keeps at least this share; texts that would take more are left out."""
LABEL_SHARE = 0.3
"""Of the picture's width (or height) a row (or column) label gets at most this share; longer ones are shortened."""

Measure = Callable[[str], float]
"""The width of a text in pixels."""


class Box(NamedTuple):
    """A rectangle in pixels."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the parts of a picture stand; a part that is left out is None or empty."""

    gap: float
    """Half a line of text: the room between parts, so that what is centred on an edge of one touches no other."""
    matrix: Box
    colorbar: Box | None
    title: str | None
    row_labels: Sequence[str]
    column_labels: Sequence[str]
    row_step: int
    """Every so many rows are labelled."""
    column_step: int


def shorten(text: str, width: float, measure: Measure) -> str:
    """`text`, or as much of its ends around an ellipsis as `width` pixels hold."""
    if measure(text) <= width:
        return text
    fitting, too_many = 0, len(text)
    while too_many - fitting > 1:
        kept = (fitting + too_many) // 2
        if measure(_ends(text, kept)) <= width:
            fitting = kept
        else:
            too_many = kept
    return _ends(text, fitting)


def _ends(text: str, kept: int) -> str:
    head = (kept + 1) // 2
    tail = kept - head
    return f"{text[:head]}…{text[len(text) - tail :]}"


def lay_out(
    width: int,
    height: int,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    colorbar_labels: Sequence[str],
    line_height: float,
    measure: Measure,
) -> Layout:
    """Lay a picture of `width` × `height` pixels out: title and column labels above the matrix, row labels left of it.

    `colorbar_labels` empty means no colour bar, `rows` and `columns` of empty labels mean no labels. Cells are square.
    Where the matrix would get too little room the colour bar goes first, then the labels, then the title.
    """
    gap = line_height / 2
    row_labels = [shorten(label, LABEL_SHARE * width, measure) for label in rows]
    column_labels = [shorten(label, LABEL_SHARE * height, measure) for label in columns]
    left = _room(max(map(measure, row_labels)), gap)
    above = _room(max(map(measure, column_labels)), gap)
    bar = BAR_WIDTH + 2 * gap + max(map(measure, colorbar_labels)) if colorbar_labels else 0
    headline = line_height + gap if title else 0
    for with_bar, with_labels, with_title in ((1, 1, 1), (0, 1, 1), (0, 0, 1), (0, 0, 0)):
        margin = gap if with_title else 0
        area = Box(
            left=margin + with_labels * left,
            top=margin + with_labels * above + with_title * headline,
            width=width - 2 * margin - with_labels * left - with_bar * bar,
            height=height - 2 * margin - with_labels * above - with_title * headline,
        )
        if area.width >= LEAST_SHARE * width and area.height >= LEAST_SHARE * height:
            break
    cell = min(area.width / len(columns), area.height / len(rows))
    offset = (area.width - cell * len(columns)) / 2
    matrix = Box(area.left + offset, area.top, cell * len(columns), cell * len(rows))
    step = max(1, math.ceil(line_height / cell))
    return Layout(
        gap=gap,
        matrix=matrix,
        colorbar=Box(matrix.left + matrix.width + gap, matrix.top, BAR_WIDTH, matrix.height)
        if with_bar and colorbar_labels
        else None,
        title=shorten(title, width - 2 * gap, measure) if with_title and title else None,
        row_labels=row_labels if with_labels and left else [],
        column_labels=column_labels if with_labels and above else [],
        row_step=step,
        column_step=step,
    )


def _room(longest: float, gap: float) -> float:
    return longest + gap if longest else 0.0
