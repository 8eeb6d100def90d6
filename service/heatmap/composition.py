"""A plot to a scene: every matrix and text in its place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32

from service.heatmap.cell_values import cell_values
from service.heatmap.colorbar import make_colorbar
from service.heatmap.colors import choose_scale, extremes
from service.heatmap.frame import Frame, divide, lay_out_frame
from service.heatmap.labelling import Axis, PanelPlan
from service.heatmap.lines import line_height
from service.heatmap.panel import Panel, lay_out_panel
from service.heatmap.pooling import Bins, bins_for, pool
from service.heatmap.scene import Box, Colorbar, Matrix, Scene, Text
from service.heatmap.style import Style
from service.heatmap.typesetting import Label, Typesetter


@dataclass(frozen=True, slots=True)
class Plot:
    """What is drawn: one matrix, or several of one shape as small multiples."""

    matrices: Sequence[Float32[np.ndarray, "rows columns"]]
    """NaN where a cell is masked; of long texts the bins that a layout asks for."""
    rows: Axis
    columns: Axis
    titles: Sequence[Sequence[str]] = ()
    """Of each small multiple, from the longest to the shortest: the longest that fit are written."""
    per_row: int | None = None
    """How many small multiples stand side by side; None = as many as make them largest."""
    caption: str = ""
    """What is shown, for the line below it."""

    @property
    def shape(self) -> tuple[int, int]:
        """How many rows and columns of cells there are."""
        return len(self.rows.labels), len(self.columns.labels)

    @property
    def is_grid(self) -> bool:
        """Whether it has small multiples."""
        return bool(self.titles)


class Layout(NamedTuple):
    """Where everything stands: known before any number is."""

    frame: Frame
    panels: list[Panel]
    bins: Bins

    @property
    def most_bins(self) -> Bins:
        """Into how many rows and columns of bins a matrix is pooled at most: the pixels that it has."""
        return self.panels[0].matrix.height, self.panels[0].matrix.width


def compose(plot: Plot, style: Style, typesetter: Typesetter, layout: Layout | None = None) -> Scene:
    """Decide where everything stands, unless it is laid out, and what the colours mean.

    Raises:
        NotDrawableError: a logarithmic scale was asked for, and a number is negative.
    """
    frame, panels, bins = layout or lay_out(plot, style, typesetter)
    pooled = [pool(matrix, bins, style.pooling) if matrix.shape == plot.shape else matrix for matrix in plot.matrices]
    scale = choose_scale(pooled, style.color_range, style.color_scale, style.colormap)
    rows, columns = plot.rows.names, plot.columns.names
    first = (plot.rows.first, plot.columns.first)
    matrices = [
        Matrix(panel.matrix, cells, rows, columns, bins, first) for panel, cells in zip(panels, pooled, strict=True)
    ]
    texts = [text for panel in panels for text in panel.texts]
    texts += _headings(plot, style, frame, bins, typesetter)
    colorbar: Colorbar | None = None
    if frame.bar_width:
        box = _beside([panel.matrix for panel in panels], frame, plot)
        colorbar = make_colorbar(box, scale, extremes(pooled), style.text_size, typesetter)
    return Scene(
        width=style.width * style.dpi_scale,
        height=style.height * style.dpi_scale,
        colormap=style.colormap,
        scale=scale,
        texts=[*texts, *colorbar.texts] if colorbar else texts,
        matrices=matrices,
        values=cell_values(matrices, scale, style, typesetter) if style.values and bins == (1, 1) else [],
        colorbar=colorbar,
    )


def lay_out(plot: Plot, style: Style, typesetter: Typesetter) -> Layout:
    """Decide where everything stands; the matrices may still be blank."""
    frame = lay_out_frame(style, typesetter, caption=plot.is_grid or bool(plot.caption))
    panels, bins = _lay_out_panels(plot, style, frame, typesetter)
    if bins != (1, 1) and not frame.caption:
        frame = lay_out_frame(style, typesetter, caption=True)
        panels, bins = _lay_out_panels(plot, style, frame, typesetter)
    return Layout(frame, panels, bins)


def _lay_out_panels(plot: Plot, style: Style, frame: Frame, typesetter: Typesetter) -> tuple[list[Panel], Bins]:
    aspect = len(plot.columns.labels) / len(plot.rows.labels)
    areas = divide(frame.area, len(plot.matrices), plot.per_row, aspect, frame.gap)
    plan = PanelPlan(
        plot.rows,
        plot.columns,
        text_size=style.text_size,
        labels=style.labels and not frame.is_bare,
        axis_titles=style.labels and not frame.is_bare and not plot.is_grid,
    )
    titles = _fitting_titles(plot, areas[0].width, style.text_size, typesetter)
    panels = [lay_out_panel(area, plan, title, typesetter) for area, title in zip(areas, titles, strict=True)]
    return panels, bins_for(plot.shape, panels[0].matrix)


def _fitting_titles(plot: Plot, width: int, size: int, typesetter: Typesetter) -> Sequence[str]:
    for titles in zip(*plot.titles, strict=True):
        if typesetter.widest([Label(title) for title in titles], size) <= width:
            return titles
    return [""] * len(plot.matrices)


def _headings(plot: Plot, style: Style, frame: Frame, bins: Bins, typesetter: Typesetter) -> list[Text]:
    """Title and caption."""
    texts: list[Text] = []
    width, height = style.width * style.dpi_scale, style.height * style.dpi_scale
    if frame.title_size:
        title = typesetter.shorten(Label(style.title), frame.title_size, width - 2 * frame.gap)
        y = frame.gap + line_height(frame.title_size) / 2
        texts.append(Text(title, width / 2, y, frame.title_size, "middle"))
    if frame.caption:
        axes = f"rows: {plot.rows.title}, columns: {plot.columns.title}" if plot.is_grid else ""
        what = "maximum" if style.pooling == "max" else "mean"
        pooling = f"each spot: the {what} of {bins[0]} × {bins[1]} cells" if bins != (1, 1) else ""
        caption = Label("; ".join(filter(None, (plot.caption, axes, pooling))))
        caption = typesetter.shorten(caption, style.text_size, width - 2 * frame.gap)
        y = height - frame.gap - line_height(style.text_size) / 2
        texts.append(Text(caption, width / 2, y, style.text_size, "middle"))
    return texts


def _beside(matrices: Sequence[Box], frame: Frame, plot: Plot) -> Box:
    """Where the colour bar stands: right of all matrices, as high as they are together."""
    top = min(box.top for box in matrices)
    bottom = max(box.bottom for box in matrices)
    right = frame.area.right if plot.is_grid else matrices[0].right  # titles of small multiples may be wider than they
    return Box(right + frame.gap, top, frame.bar_width or 0, bottom - top)
