"""Which labels of a matrix's rows and columns there is room for, and how large the matrix is then."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from service.heatmap.lazily import Lazily
from service.heatmap.lines import line_height
from service.heatmap.scene import Box
from service.heatmap.typesetting import SLANTED, Angle, Label, Typesetter

LABEL_SHARE = 0.3
"""Of its area's width (or height) a row (or column) label gets at most this share; longer ones are shortened."""
LEAST_SIZE = 0.75
"""Labels shrink to this share of their font's size before every other one is left out."""
STRETCH = 6
"""How many times as wide as high, or as high as wide, the cells of a matrix that is not square may be."""
DIAGONAL = math.sqrt(2)


@dataclass(frozen=True, slots=True)
class Axis:
    """Rows or columns: what they are, and what each is called."""

    title: str
    labels: Sequence[Label]
    first: int = 0
    """The position of the first."""
    plain: Sequence[Label] | None = None
    """The labels without their positions, where they tell them."""

    def __post_init__(self) -> None:
        """Cut the labels, so that whatever measures, draws or repeats them has short ones."""
        object.__setattr__(self, "labels", Lazily(Label.cut, self.labels))

    @property
    def names(self) -> Sequence[str]:
        """The labels as plain texts."""
        labels = self.labels if self.plain is None else Lazily(Label.cut, self.plain)
        return Lazily(lambda label: label.faint + label.text, labels)


class Labels(NamedTuple):
    """The labels along one axis that there is room for: every `step`-th, at a font's size that fits."""

    shown: list[Label]
    step: int
    size: int
    length: int
    """Of the longest, in pixels."""
    angle: Angle = 0


class Room(NamedTuple):
    """What is taken off an area before its matrix is placed."""

    left: int
    top: int
    right: int = 0


@dataclass(frozen=True, slots=True)
class PanelPlan:
    """What a panel shows; the same for all panels of a grid."""

    rows: Axis
    columns: Axis
    text_size: int
    labels: bool
    axis_titles: bool

    @property
    def line(self) -> int:
        """The height of a line of text, in pixels."""
        return line_height(self.text_size)

    @property
    def gap(self) -> int:
        """The room between a matrix and its texts: half a line, so that what is centred on an edge touches nothing."""
        return (self.line + 1) // 2


def place(inner: Box, room: Room, plan: PanelPlan) -> Box:
    """The largest matrix: of square cells if it is square, else of cells that are not too long."""
    width, height = max(1, inner.width - room.left - room.right), max(1, inner.height - room.top)
    rows, columns = len(plan.rows.labels), len(plan.columns.labels)
    stretch = 1 if rows == columns else STRETCH
    cell_width, cell_height = width / columns, height / rows
    cell_width, cell_height = min(cell_width, cell_height * stretch), min(cell_height, cell_width * stretch)
    return Box(
        inner.left + room.left,
        inner.top + room.top,
        max(1, int(cell_width * columns + 1e-6)),
        max(1, int(cell_height * rows + 1e-6)),
    )


def choose_labels(inner: Box, plan: PanelPlan, typesetter: Typesetter, *, shown: bool) -> tuple[Labels, Labels, Room]:
    """The labels of rows and columns, and the room they take off `inner`."""
    nothing = Labels([], 1, plan.text_size, 0)
    if not shown or min(inner.width, inner.height) < plan.line:
        return nothing, nothing, Room(0, 0)

    def beside(length: int) -> tuple[Labels, Room]:
        """The columns' labels, and the room that is taken when the rows' have this length."""
        left = length + plan.gap
        return (
            _level(inner, left, plan, typesetter)
            or _slanted(inner, left, plan, typesetter)
            or _upright(inner, left, plan, typesetter)
        )

    longest = int(LABEL_SHARE * inner.width)
    rows = _settle(plan.rows, longest, plan, typesetter, lambda length: place(inner, beside(length)[1], plan).height)
    return rows, *beside(rows.length)


def _level(inner: Box, left: int, plan: PanelPlan, typesetter: Typesetter) -> tuple[Labels, Room] | None:
    """Column labels side by side, if the cells are wide enough for every one."""
    room = Room(left, plan.line + plan.gap)
    cell = place(inner, room, plan).width / len(plan.columns.labels)
    if cell < plan.line:
        return None
    length = typesetter.widest(plan.columns.labels, plan.text_size)
    if length > cell - plan.gap:
        return None
    return Labels(list(plan.columns.labels), 1, plan.text_size, length), room


def _slanted(inner: Box, left: int, plan: PanelPlan, typesetter: Typesetter) -> tuple[Labels, Room] | None:
    """Column labels at 45°, if upright ones would have to be shortened and these less so."""
    columns = plan.columns.labels
    if place(inner, Room(left, plan.gap), plan).width / len(columns) < plan.line * DIAGONAL:
        return None  # known before any label is measured
    upright = LABEL_SHARE * inner.height
    length = typesetter.widest(columns, plan.text_size)
    if length <= upright:
        return None
    length = min(length, int(upright * DIAGONAL - plan.line))
    reach = math.ceil((length + plan.line) / DIAGONAL)
    room = Room(left, reach + plan.gap, reach)
    cell = place(inner, room, plan).width / len(columns)
    if length <= upright or cell < plan.line * DIAGONAL:
        return None
    labels = [typesetter.shorten(label, plan.text_size, length) for label in columns]
    return Labels(labels, 1, plan.text_size, length, SLANTED), room


def _upright(inner: Box, left: int, plan: PanelPlan, typesetter: Typesetter) -> tuple[Labels, Room]:
    """Column labels that read upwards; there is always room for some."""
    longest = int(LABEL_SHARE * inner.height)

    def width(length: int) -> int:
        return place(inner, Room(left, length + plan.gap), plan).width

    columns = _settle(plan.columns, longest, plan, typesetter, width)
    return columns._replace(angle=90), Room(left, columns.length + plan.gap)


def _settle(axis: Axis, longest: int, plan: PanelPlan, typesetter: Typesetter, pixels: Callable[[int], int]) -> Labels:
    """The labels that fit along a matrix of so many `pixels` as there are left when their own length is taken off."""
    length = 0
    while True:
        fitted = _fit(axis.labels, pixels(length), longest, plan, typesetter)
        if fitted.length <= length:
            return fitted._replace(length=length)
        length = fitted.length


def _fit(labels: Sequence[Label], pixels: int, longest: int, plan: PanelPlan, typesetter: Typesetter) -> Labels:
    """As many labels as have a line each along `pixels`, in a smaller font if that lets all of them stay."""
    pitch = pixels / len(labels)
    sizes = range(plan.text_size, math.ceil(plan.text_size * LEAST_SIZE) - 1, -1)
    size = next((size for size in sizes if line_height(size) <= pitch), plan.text_size)
    step = max(1, math.ceil(line_height(size) / pitch))
    shown = [typesetter.shorten(label, size, longest) for label in labels[::step]]
    return Labels(shown, step, size, typesetter.widest(shown, size))
