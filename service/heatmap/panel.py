"""Where one matrix and its texts stand in the area they are given."""

from dataclasses import dataclass, field

from service.heatmap.labelling import DIAGONAL, Labels, PanelPlan, Room, choose_labels, place
from service.heatmap.scene import Anchor, Box, Text
from service.heatmap.typesetting import SLANTED, Label, Typesetter

TITLED_SHARE = 0.5
LEAST_SHARE = 0.4
"""Of its area's width and height a matrix keeps at least these shares, with titles of the axes and without."""
SMALL_SHARE = 0.5
"""The same of a small multiple with labels: all of them have the same ones, and are there to be compared."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A matrix's place and the texts around it."""

    matrix: Box
    texts: list[Text] = field(default_factory=list)


def lay_out_panel(area: Box, plan: PanelPlan, title: str, typesetter: Typesetter) -> Panel:
    """Lay a matrix out in `area`, in the middle of its width: title and column labels above, row labels left of it.

    Where the matrix would get too little room the titles of the axes go first, then the labels, then the title.
    """
    for axis_titles, labels, head in ((True, True, True), (False, True, True), (False, False, True)):
        heading = plan.line + plan.gap if head and title else 0
        axis_room = plan.line + plan.gap if axis_titles and plan.axis_titles else 0
        inner = Box(
            area.left + axis_room,
            area.top + heading + axis_room,
            area.width - axis_room,
            area.height - heading - axis_room,
        )
        rows, columns, room = choose_labels(inner, plan, typesetter, shown=labels and plan.labels)
        width, height = inner.width - room.left - room.right, inner.height - room.top
        share = TITLED_SHARE if axis_room else SMALL_SHARE if title and rows.shown else LEAST_SHARE
        if width >= share * area.width and height >= share * area.height:
            break
    else:
        return Panel(place(area, Room(0, 0), plan))
    matrix = place(inner, room, plan)
    taken = axis_room + room.left + matrix.width + room.right
    matrix = matrix._replace(left=matrix.left + (area.width - taken) // 2)
    texts = [*_row_texts(matrix, rows, plan), *_column_texts(matrix, columns, plan)]
    if axis_room:
        texts += _axis_titles(matrix, room, plan, typesetter)
    if heading:
        texts.append(_title(matrix, area, plan, title, typesetter))
    return Panel(matrix, texts)


def _row_texts(matrix: Box, rows: Labels, plan: PanelPlan) -> list[Text]:
    pitch = matrix.height / len(plan.rows.labels)
    return [
        Text(label, matrix.left - plan.gap, matrix.top + (index * rows.step + 0.5) * pitch, rows.size, "end")
        for index, label in enumerate(rows.shown)
        if any(label)
    ]


def _column_texts(matrix: Box, columns: Labels, plan: PanelPlan) -> list[Text]:
    pitch = matrix.width / len(plan.columns.labels)
    rise = {0: plan.line / 2, SLANTED: plan.line / 2 / DIAGONAL}.get(columns.angle, 0)
    anchor: Anchor = "start" if columns.angle else "middle"
    y = matrix.top - plan.gap - rise
    return [
        Text(label, matrix.left + (index * columns.step + 0.5) * pitch, y, columns.size, anchor, columns.angle)
        for index, label in enumerate(columns.shown)
        if any(label)
    ]


def _axis_titles(matrix: Box, room: Room, plan: PanelPlan, typesetter: Typesetter) -> list[Text]:
    above = matrix.top - room.top - plan.gap - plan.line / 2
    beside = matrix.left - room.left - plan.gap - plan.line / 2
    across = _axis_title(plan.columns.title, matrix.width, plan, typesetter)
    along = _axis_title(plan.rows.title, matrix.height, plan, typesetter)
    return [
        Text(across, matrix.left + matrix.width / 2, above, plan.text_size, "middle"),
        Text(along, beside, matrix.top + matrix.height / 2, plan.text_size, "middle", 90),
    ]


def _axis_title(title: str, pixels: int, plan: PanelPlan, typesetter: Typesetter) -> Label:
    """The whole title, its first word, or nothing: half words would not help."""
    labels = (Label(title), Label(title.partition(" ")[0]))
    fitting = (label for label in labels if typesetter.width(label, plan.text_size) <= pixels)
    return next(fitting, Label(""))


def _title(matrix: Box, area: Box, plan: PanelPlan, title: str, typesetter: Typesetter) -> Text:
    shortened = typesetter.shorten(Label(title), plan.text_size, area.width)
    middle = matrix.left + matrix.width / 2
    half = typesetter.width(shortened, plan.text_size) / 2
    middle = min(max(middle, area.left + half), area.right - half)
    return Text(shortened, middle, area.top + plan.line / 2, plan.text_size, "middle")
