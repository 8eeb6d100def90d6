"""How a picture looks."""

import math
from dataclasses import dataclass
from typing import Literal

from service.heatmap.colors import Colormap
from service.heatmap.pooling import Pooling


@dataclass(frozen=True, slots=True)
class Style:
    """How a picture looks; `width` and `height` in CSS pixels, each of which is `dpi_scale`² of the file's."""

    title: str = ""
    colormap: Colormap = "viridis"
    color_range: Literal["data", "unit"] = "data"
    color_scale: Literal["linear", "log"] = "linear"
    pooling: Pooling = "max"
    labels: bool = True
    colorbar: bool = True
    values: bool = False
    width: int = 1000
    height: int = 600
    dpi_scale: int = 1

    @property
    def text_size(self) -> int:
        """The font's size in the file's pixels: 12 CSS pixels, up to twice that in large pictures."""
        growth = min(max(math.sqrt(min(self.width, self.height) / 600), 1.0), 2.0)
        return round(12 * growth) * self.dpi_scale
