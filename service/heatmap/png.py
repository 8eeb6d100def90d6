"""A scene to PNG: one byte a pixel and a palette, which is most of what makes it fast."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
from jaxtyping import UInt8

from service.heatmap import png_file
from service.heatmap.colors import LEVELS, MASKED, Colormap, palette
from service.heatmap.scene import Box, Matrix, Scene, Text, Value, edges
from service.heatmap.typesetting import BLACK, Glyphs, Typesetter

Canvas = UInt8[np.ndarray, "height width"]
"""Indexes into a palette: the colour map, then greys from white to black."""

Pixels = npt.NDArray[np.uint8]

WHITE = LEVELS
HATCH_GREYS = (2, 4)
"""Of masked cells, between 0 (white) and `BLACK`."""
HATCH_PERIOD = 8
"""Pixels from stripe to stripe."""


def encode_png(scene: Scene, typesetter: Typesetter, metadata: Mapping[str, str]) -> bytes:
    """The scene's PNG; `metadata` goes into iTXt chunks."""
    canvas = np.full((scene.height, scene.width), WHITE, np.uint8)
    for matrix in scene.matrices:
        _draw_matrix(canvas, matrix, scene.scale.levels(matrix.cells))
    if scene.colorbar:
        _fill(canvas, scene.colorbar.box, np.arange(LEVELS - 1, -1, -1, dtype=np.uint8)[:, np.newaxis])
        for mark in scene.colorbar.marks:
            canvas[mark.top : mark.bottom, mark.left : mark.right] = WHITE + BLACK
    for text in scene.texts:
        _write(canvas, text, typesetter)
    if scene.values:
        return png_file.encode(_write_values(canvas, scene, typesetter), None, metadata)
    return png_file.encode(canvas, _colors(scene.colormap), metadata)


@cache
def _colors(colormap: Colormap) -> UInt8[np.ndarray, "256 3"]:
    greys = np.linspace(255, 0, BLACK + 1).round().astype(np.uint8)
    return np.concatenate([palette(colormap), np.repeat(greys[:, np.newaxis], 3, axis=1)])


def _draw_matrix(canvas: Canvas, matrix: Matrix, levels: UInt8[np.ndarray, "rows columns"]) -> None:
    _fill(canvas, matrix.box, levels)
    if (levels == MASKED).any():
        area = canvas[matrix.box.top : matrix.box.bottom, matrix.box.left : matrix.box.right]
        rows, columns = np.ogrid[: area.shape[0], : area.shape[1]]
        is_stripe = (rows + columns) % HATCH_PERIOD < HATCH_PERIOD // 4
        hatching = WHITE + np.where(is_stripe, *reversed(HATCH_GREYS)).astype(np.uint8)
        np.copyto(area, hatching, where=area == MASKED)


def _fill(canvas: Canvas, box: Box, levels: UInt8[np.ndarray, "rows columns"]) -> None:
    rows, columns = levels.shape
    heights = np.diff(edges(0, box.height, rows))
    widths = np.diff(edges(0, box.width, columns))
    canvas[box.top : box.bottom, box.left : box.right] = levels.repeat(widths, axis=1).repeat(heights, axis=0)


def _write(canvas: Canvas, text: Text, typesetter: Typesetter) -> None:
    glyphs = typesetter.draw(text.label, text.size, text.angle)
    area = _area(canvas, text, glyphs, typesetter)
    np.maximum(area, WHITE + glyphs, out=area)


def _area(canvas: Pixels, text: Text, glyphs: Glyphs, typesetter: Typesetter) -> Pixels:
    """The part of the canvas that a text covers."""
    x, y = text.center(typesetter.width(text.label, text.size))
    height, width = glyphs.shape
    top, left = round(y - height / 2), round(x - width / 2)
    return canvas[top : top + height, left : left + width]


def _write_values(canvas: Canvas, scene: Scene, typesetter: Typesetter) -> UInt8[np.ndarray, "height width 3"]:
    """The canvas in colours, with black and white numbers blended into it."""
    colored: Pixels = _colors(scene.colormap)[canvas]
    for value in scene.values:
        _blend(colored, value, typesetter)
    return colored


def _blend(colored: UInt8[np.ndarray, "height width 3"], value: Value, typesetter: Typesetter) -> None:
    glyphs = typesetter.draw(value.text.label, value.text.size)
    area = _area(colored, value.text, glyphs, typesetter)
    opacity = (glyphs / BLACK)[:, :, np.newaxis]
    area[...] = np.round(area * (1 - opacity) + 255 * value.is_light * opacity)
