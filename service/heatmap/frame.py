"""What surrounds the matrices: title, colour bar, caption; and how the area they leave is shared."""

import math
from dataclasses import dataclass

from service.heatmap.errors import NotDrawableError
from service.heatmap.labelling import STRETCH
from service.heatmap.lines import line_height
from service.heatmap.scene import Box
from service.heatmap.style import Style
from service.heatmap.typesetting import Label, Typesetter

AREA_SHARE = 0.5
"""Of the picture's width and height the matrices keep at least this share; what would take more is left out."""
BAR_WIDTH = 1.5
"""Of a colour bar, in sizes of its numbers."""
LONGEST_NUMBER = Label("≤ -8.888e-88")
"""The longest that a colour bar may need."""
TITLE_GROWTH = 1.25


@dataclass(frozen=True, slots=True)
class Frame:
    """The area for the matrices, and what there is room for around it."""

    area: Box
    title_size: int | None
    """Of the title's font, in pixels; None where there is none."""
    caption: bool
    bar_width: int | None
    gap: int

    @property
    def is_bare(self) -> bool:
        """Whether the area is the whole picture: there is no margin that a label might reach into."""
        return self.area.left == 0


def lay_out_frame(style: Style, typesetter: Typesetter, *, caption: bool) -> Frame:
    """Leave room for what the style asks for. Where the picture is small the colour bar goes first, the title last."""
    size = style.text_size
    line = line_height(size)
    gap = (line + 1) // 2
    width, height = style.width * style.dpi_scale, style.height * style.dpi_scale
    title_size = round(size * TITLE_GROWTH)
    bar_width = round(size * BAR_WIDTH)
    bar_room = bar_width + 2 * gap + typesetter.width(LONGEST_NUMBER, size)
    bar_room += line if style.color_scale == "log" else 0
    title_room = line_height(title_size) + gap if style.title else 0
    for with_bar, with_caption, with_title in ((True, True, True), (False, True, True), (False, False, True)):
        right = bar_room if with_bar and style.colorbar else 0
        top = title_room if with_title else 0
        bottom = line + gap if with_caption and caption else 0
        area = Box(gap, gap + top, width - 2 * gap - right, height - 2 * gap - top - bottom)
        if area.width >= AREA_SHARE * width and area.height >= AREA_SHARE * height:
            return Frame(
                area,
                title_size if style.title else None,
                caption=bottom > 0,
                bar_width=bar_width if right else None,
                gap=gap,
            )
    return Frame(Box(0, 0, width, height), None, caption=False, bar_width=None, gap=gap)


def divide(area: Box, count: int, per_row: int | None, aspect: float, gap: int) -> list[Box]:
    """`area` as `count` equal boxes in rows, `per_row` in each or as many as make them largest.

    `aspect` is the matrices' number of columns by that of rows.

    Raises:
        NotDrawableError: there are more boxes than pixels.
    """
    if count == 1:
        return [area]
    aspect = min(max(aspect, 1 / STRETCH), STRETCH)

    def size(columns: int) -> float:
        return min(area.width / columns / aspect, area.height / math.ceil(count / columns))

    least = math.ceil(count / area.height)
    columns = per_row or max(range(least, max(least, min(count, area.width)) + 1), key=size)
    rows = math.ceil(count / columns)
    if columns > area.width or rows > area.height:
        raise NotDrawableError(
            "width",
            "too_few_pixels",
            f"{columns} × {rows} small multiples need at least a pixel each: make width and height larger",
        )
    gap = min(gap, area.width // (4 * columns), area.height // (4 * rows))
    width = max(1, (area.width + gap) // columns - gap)
    height = max(1, (area.height + gap) // rows - gap)
    return [
        Box(area.left + index % columns * (width + gap), area.top + index // columns * (height + gap), width, height)
        for index in range(count)
    ]
