"""Numbers in cells, as large as fits, light on dark colours and dark on light ones."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, UInt8

from service.heatmap.colors import Colormap, Scale, palette
from service.heatmap.lines import line_height
from service.heatmap.scene import Matrix, Text, Value, edges
from service.heatmap.style import Style
from service.heatmap.typesetting import Label, Typesetter

LEAST_SIZE = 7
"""CSS pixels: numbers are not written smaller."""
SAME_CONTRAST = 0.179
"""The relative luminance against which black and white have the same contrast (WCAG 2)."""
LARGE = 100
WIDEST_DIGITS = str.maketrans(dict.fromkeys("0123456789", "8"))
"""All digits are as wide as an 8; signs are not."""


def cell_values(matrices: Sequence[Matrix], scale: Scale, style: Style, typesetter: Typesetter) -> list[Value]:
    """The number of each cell that is not masked; nothing where the cells are too small for them."""
    box, (rows, columns) = matrices[0].box, matrices[0].cells.shape
    room = box.width / columns - 2 * style.dpi_scale, box.height / rows
    sizes = range(style.text_size, LEAST_SIZE * style.dpi_scale - 1, -1)
    if min(room) < line_height(sizes[-1]):
        return []
    decimals = any(np.nanmax(np.abs(matrix.cells), initial=0) >= LARGE for matrix in matrices)
    pattern = ".3g" if decimals else ".2f"
    labels = [[Label(format(float(cell), pattern)) for cell in matrix.cells.flat] for matrix in matrices]
    outlines = [Label(text) for text in {label.text.translate(WIDEST_DIGITS) for some in labels for label in some}]
    fitting = (size for size in sizes if line_height(size) <= room[1] and typesetter.widest(outlines, size) <= room[0])
    size = next(fitting, None)
    if size is None:
        return []
    dark = is_dark(style.colormap)
    return [
        value
        for matrix, some in zip(matrices, labels, strict=True)
        for value in _values(matrix, some, scale.levels(matrix.cells), dark, size)
    ]


def _values(
    matrix: Matrix,
    labels: Sequence[Label],
    levels: UInt8[np.ndarray, "rows columns"],
    dark: Bool[np.ndarray, " levels"],
    size: int,
) -> list[Value]:
    rows, columns = levels.shape
    ys = edges(matrix.box.top, matrix.box.height, rows)
    xs = edges(matrix.box.left, matrix.box.width, columns)

    def text(row: int, column: int) -> Text:
        x, y = (xs[column] + xs[column + 1]) / 2, (ys[row] + ys[row + 1]) / 2
        return Text(labels[row * columns + column], x, y, size, "middle")

    return [
        Value(text(row, column), is_light=bool(dark[level]))
        for (row, column), level in np.ndenumerate(levels)
        if level < len(dark)
    ]


def is_dark(colormap: Colormap) -> Bool[np.ndarray, " levels"]:
    """Which of its colours need light text."""
    channels = palette(colormap) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)  # noqa: PLR2004  # sRGB
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]) < SAME_CONTRAST)
