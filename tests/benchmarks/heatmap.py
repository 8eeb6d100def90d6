"""How long a picture takes, as a ratio to the notebook's own pyplot code in the same round."""

import io
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import count

import matplotlib as mpl
import numpy as np

from service.heatmap.composition import Plot
from service.heatmap.labelling import Axis
from service.heatmap.render import Renderer
from service.heatmap.style import Style
from service.heatmap.typesetting import Label
from tests.benchmarks.tables import spread

mpl.use("Agg")
import matplotlib.pyplot as plt  # the backend must be chosen first

WORDS = ("language", "are", "powerful", "models", "for")
TITLE = "Attention Scores Heatmap"
STYLE = Style(title=TITLE, width=1000, height=600)
BARS = {9: (50, 20), 128: (150, 20), 512: (300, 30)}
"""By the number of tokens: how many times as fast as pyplot with labels drawn before, and with labels never seen."""
SLOW = 512
SLOW_ROUNDS = 3
"""pyplot needs seconds for so many tokens."""
REPEATS = 5
UNSEEN = count()


def measure(rounds: int) -> list[dict[str, object]]:
    """Draw the same matrices with both in turn; two rows for each number of tokens."""
    renderer = Renderer()
    rows: list[dict[str, object]] = []
    for n, (bar_known, bar_unseen) in BARS.items():
        known = [WORDS[index % len(WORDS)] for index in range(n)]
        _draw(renderer, _random(n), known)  # warm up
        theirs, ours, ours_unseen = [], [], []
        for _ in range(min(rounds, SLOW_ROUNDS) if n >= SLOW else rounds):
            matrix = _random(n)
            theirs.append(_seconds(partial(pyplot, matrix, known)))
            ours.append(statistics.median(_seconds(partial(_draw, renderer, matrix, known)) for _ in range(REPEATS)))
            unseen = [[f"word{next(UNSEEN)}" for _ in range(n)] for _ in range(REPEATS)]
            ours_unseen.append(statistics.median(_seconds(partial(_draw, renderer, matrix, new)) for new in unseen))
        rows.append(_row(f"n={n}, labels drawn before", theirs, ours, bar_known))
        rows.append(_row(f"n={n}, labels never seen", theirs, ours_unseen, bar_unseen))
    return rows


def pyplot(matrix: np.ndarray, tokens: list[str]) -> bytes:
    """The notebook's last cell, into memory instead of onto the screen."""
    figure, axes = plt.subplots(figsize=(10, 6))
    image = axes.matshow(matrix, cmap="viridis")
    plt.title(TITLE)
    plt.xticks(range(len(tokens)), tokens, rotation=90)
    plt.yticks(range(len(tokens)), tokens)
    figure.colorbar(image)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    plt.close(figure)
    return buffer.getvalue()


def _draw(renderer: Renderer, matrix: np.ndarray, tokens: list[str]) -> bytes:
    labels = [Label(token) for token in tokens]
    plot = Plot([matrix], Axis("query (attends from)", labels), Axis("key (attended to)", labels))
    return renderer.render(plot, STYLE)


def _random(n: int) -> np.ndarray:
    return np.random.default_rng().random((n, n), dtype=np.float32)


def _seconds(draw: Callable[[], bytes]) -> float:
    started = time.perf_counter()
    draw()
    return time.perf_counter() - started


def _row(target: str, theirs: list[float], ours: list[float], bar: int) -> dict[str, object]:
    ratios = [other / own for other, own in zip(theirs, ours, strict=True)]
    return {
        "target": target,
        "milliseconds": round(statistics.median(ours) * 1e3, 2),
        "pyplot_milliseconds": round(statistics.median(theirs) * 1e3, 1),
        **spread(ratios, 1, "times_as_fast"),
        "bar": bar,
    }
