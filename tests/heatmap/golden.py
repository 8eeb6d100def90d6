"""The golden pictures: `python -m tests.heatmap.golden` draws them anew, after a change that is meant to show."""

from functools import partial
from pathlib import Path

import numpy as np

from service.heatmap.composition import Plot
from service.heatmap.labelling import Axis
from service.heatmap.style import Style
from service.heatmap.typesetting import Label
from tests.heatmap.drawing import RENDERER, plot, ramp

FOLDER = Path(__file__).parents[1] / "golden" / "heatmaps"
WORDS = ("transform", "##ers", "العربية", "Привет", ".")


def wave(rows: int, columns: int) -> np.ndarray:
    """Numbers of both signs, the same everywhere."""
    return np.asarray(np.sin(np.arange(rows)[:, np.newaxis] * 0.7 + np.arange(columns) * 0.4), np.float32)


def causal(n: int) -> np.ndarray:
    return np.where(np.tri(n, dtype=bool), np.abs(wave(n, n)), np.float32(np.nan))


def grid() -> Plot:
    axis = Axis("key (attended to)", [Label(word) for word in WORDS])
    return Plot([wave(5, 5) * scale for scale in (1, 2, 3)], axis, axis, [(f"head {head}",) for head in range(3)])


def pictures() -> dict[str, bytes]:
    """Every golden picture by its name."""
    style = partial(Style, width=360, height=280)
    requests = {
        "plain": (plot(ramp(5), *WORDS), style(title="Attention Scores Heatmap")),
        "causal-values": (plot(causal(5), *WORDS), style(title="causal", values=True)),
        "log": (plot(causal(9), *WORDS), style(color_scale="log", colormap="magma")),
        "diverging": (plot(wave(12, 4)), style(title="Query", colormap="RdBu")),
        "pooled": (plot(wave(700, 700)), style(title="700 tokens")),
        "grid": (grid(), style(title="heads", colormap="PuOr")),
        "retina": (plot(ramp(3), *WORDS), Style(title="dpi_scale 2", dpi_scale=2, width=200, height=160)),
    }
    return {name: RENDERER.render(*request) for name, request in requests.items()}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, png in pictures().items():
        (FOLDER / f"{name}.png").write_bytes(png)
