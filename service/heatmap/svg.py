"""A scene to SVG: the same look with real text, and cells that can be edited where they are not too many."""

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from xml.sax.saxutils import escape

import numpy as np

from service.heatmap import png_file
from service.heatmap.colors import LEVELS, MASKED, Colormap, palette
from service.heatmap.scene import Box, Colorbar, Matrix, Scene, Text, edges
from service.heatmap.ticks import number
from service.heatmap.typesetting import FAINT, Typesetter

MOST_RECTANGLES = 64 * 64
"""More cells than this become one embedded image for each matrix."""
GRADIENT_STOPS = 31
NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML cannot hold, not even escaped."""
FONT_FAMILY = "'DejaVu Sans', Verdana, 'Noto Sans', 'Noto Sans CJK JP', 'Noto Color Emoji', sans-serif"
MIDDLE = 0.35
"""How far the middle of a line is above its baseline, in sizes of its font."""


def encode_svg(scene: Scene, typesetter: Typesetter, css_width: int, metadata: Mapping[str, str]) -> bytes:
    """The scene's SVG, `css_width` CSS pixels wide; `metadata` goes into its description."""
    css_height = scene.height * css_width // scene.width
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{css_width}" height="{css_height}" '
            f'viewBox="0 0 {scene.width} {scene.height}" role="img" font-family="{FONT_FAMILY}">\n',
            f"<title>{xml(metadata.get('Title', ''))}</title>\n",
            f"<desc>{xml(chr(10).join(f'{key}: {text}' for key, text in metadata.items()))}</desc>\n",
            f"<defs>{_hatch(scene)}{_gradient(scene.colormap) if scene.colorbar else ''}</defs>\n",
            f'<rect width="{scene.width}" height="{scene.height}" fill="#fff"/>\n',
            '<g shape-rendering="crispEdges">\n',
            *_cells(scene),
            *(_bar(scene.colorbar) if scene.colorbar else ()),
            "</g>\n",
            *(_text(text, typesetter, "#000") for text in scene.texts),
            *(_text(value.text, typesetter, "#fff" if value.is_light else "#000") for value in scene.values),
            "</svg>\n",
        ]
    ).encode()


def xml(text: str) -> str:
    """`text` between tags; what XML cannot hold becomes its code point (U+0000)."""
    return escape(NO_XML.sub(lambda match: f"U+{ord(match[0]):04X}", text))


def _hatch(scene: Scene) -> str:
    if not any(np.isnan(matrix.cells).any() for matrix in scene.matrices):
        return ""
    return (
        '<pattern id="masked" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<rect width="6" height="6" fill="#ddd"/><rect width="1.5" height="6" fill="#bbb"/></pattern>'
    )


def _gradient(colormap: Colormap) -> str:
    stops = "".join(
        f'<stop offset="{index / (GRADIENT_STOPS - 1):.4f}" '
        f'stop-color="{_hexadecimal(palette(colormap)[round(index * (LEVELS - 1) / (GRADIENT_STOPS - 1))])}"/>'
        for index in range(GRADIENT_STOPS)
    )
    return f'<linearGradient id="colors" x1="0" y1="1" x2="0" y2="0">{stops}</linearGradient>'


def _cells(scene: Scene) -> Iterator[str]:
    editable = sum(matrix.cells.size for matrix in scene.matrices) <= MOST_RECTANGLES
    for matrix in scene.matrices:
        yield from _rectangles(matrix, scene) if editable else _image(matrix, scene)


def _rectangles(matrix: Matrix, scene: Scene) -> Iterator[str]:
    levels = scene.scale.levels(matrix.cells)
    fills = [*(_hexadecimal(color) for color in palette(scene.colormap)), "url(#masked)"]
    ys = edges(matrix.box.top, matrix.box.height, levels.shape[0])
    xs = edges(matrix.box.left, matrix.box.width, levels.shape[1])
    rows = _bin_names(matrix.row_names, matrix.bins[0], matrix.first[0])
    columns = _bin_names(matrix.column_names, matrix.bins[1], matrix.first[1])
    for (row, column), level in np.ndenumerate(levels):
        value = "masked" if level == MASKED else number(float(matrix.cells[row, column]), 6)
        yield (
            f'<rect x="{xs[column]}" y="{ys[row]}" width="{xs[column + 1] - xs[column]}" '
            f'height="{ys[row + 1] - ys[row]}" fill="{fills[level]}">'
            f"<title>{rows[row]} → {columns[column]}: {value}</title></rect>\n"
        )


def _bin_names(names: Sequence[str], step: int, first: int) -> list[str]:
    """Position and name of each cell along an axis; of the first and the last where a bin holds several."""

    def numbered(index: int) -> str:
        return f"{first + index} {xml(names[index])}"

    if step == 1:
        return [numbered(index) for index in range(len(names))]
    last = len(names) - 1
    starts = range(0, len(names), step)
    return [f"{numbered(start)} … {numbered(min(start + step - 1, last))}" for start in starts]


def _image(matrix: Matrix, scene: Scene) -> Iterator[str]:
    """One pixel a cell, enlarged; masked ones are transparent, above the hatching."""
    colors = np.concatenate([palette(scene.colormap), np.zeros((1, 3), np.uint8)])
    image = png_file.encode(scene.scale.levels(matrix.cells), colors, {}, transparent=MASKED)
    box = f'x="{matrix.box.left}" y="{matrix.box.top}" width="{matrix.box.width}" height="{matrix.box.height}"'
    if np.isnan(matrix.cells).any():
        yield f'<rect {box} fill="url(#masked)"/>\n'
    yield (
        f'<image {box} preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{b64encode(image).decode()}"/>\n'
    )


def _bar(colorbar: Colorbar) -> Iterator[str]:
    yield _rectangle(colorbar.box, "url(#colors)")
    for mark in colorbar.marks:
        yield _rectangle(mark, "#000")


def _rectangle(box: Box, fill: str) -> str:
    return f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" fill="{fill}"/>\n'


def _text(text: Text, typesetter: Typesetter, fill: str) -> str:
    """A text as long as the fonts here draw it, whatever font the viewer has."""
    faint, plain = (xml(typesetter.spoken(part)) for part in (text.label.faint, text.label.text))
    content = f'<tspan fill-opacity="{FAINT / 255:.2f}">{faint}</tspan>{plain}' if faint else plain
    turn = f' transform="rotate(-{text.angle} {text.x:g} {text.y:g})"' if text.angle else ""
    return (
        f'<text x="{text.x:g}" y="{text.y:g}" dy="{MIDDLE * text.size:.2f}" font-size="{text.size}" fill="{fill}" '
        f'text-anchor="{text.anchor}" textLength="{typesetter.width(text.label, text.size)}" '
        f'lengthAdjust="spacingAndGlyphs" xml:space="preserve"{turn}>{content}</text>\n'
    )


def _hexadecimal(color: np.ndarray) -> str:
    return "#" + bytes(color.tolist()).hex()
