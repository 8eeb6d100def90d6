"""Milliseconds of each endpoint and form by the number of tokens, drawn in tests/benchmarks/curves.png.

One client asks one real server, over a connection that stays open, and reads all of the answer.
"""

import http.client
import json
import random
import statistics
import time
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from service.engine.tokenizer import VOCABULARY
from tests.conftest import serving

PICTURE = Path(__file__).with_name("curves.png")
TOKENS = [1, *(n for power in range(1, 11) for n in (2**power, 3 * 2 ** (power - 1))), 2048]
WORDS = [word for word in VOCABULARY.read_text().split() if word.isascii() and word.isalpha() and len(word) > 1][:5000]
"""Each is one token."""
ENOUGH_BYTES = 256 * 1024**2
FORMS: dict[str, tuple[str, dict[str, object]]] = {
    "/tokenize JSON": ("/tokenize", {}),
    "/attention JSON": ("/attention", {}),
    "/attention safetensors": ("/attention", {"format": "safetensors"}),
    "/attention npy": ("/attention", {"format": "npy"}),
    "/heatmap PNG": ("/heatmap", {}),
    "/heatmap SVG": ("/heatmap", {"format": "svg"}),
}
COLORS = ("#000000", "#0072b2", "#009e73", "#56b4e9", "#d55e00", "#cc79a7")
"""Okabe and Ito's, which the colour-blind tell apart."""
MARKERS = "osD^vX"

Curves = dict[str, dict[int, list[float]]]
"""Milliseconds of each round, by form and number of tokens."""


def measure(rounds: int) -> list[dict[str, object]]:
    """Ask for everything in turn, `rounds` times; draw it; a row for each number of tokens."""
    drawn = random.Random(0)
    curves: Curves = {form: {n: [] for n in TOKENS} for form in FORMS}
    with serving("--max-response-bytes", str(ENOUGH_BYTES)) as server:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        for number in range(rounds + 1):
            for n in TOKENS:
                for form, (path, fields) in FORMS.items():
                    milliseconds = _ask(connection, path, fields | {"sentence": " ".join(drawn.choices(WORDS, k=n))})
                    if number:  # the first one warms up
                        curves[form][n].append(milliseconds)
        connection.close()
    draw(curves)
    return [{"n": n, **{form: round(statistics.median(curves[form][n]), 3) for form in FORMS}} for n in TOKENS]


def _ask(connection: http.client.HTTPConnection, path: str, fields: dict[str, object]) -> float:
    body = json.dumps(fields)
    started = time.perf_counter()
    connection.request("POST", path, body)
    response = connection.getresponse()
    response.read()
    milliseconds = (time.perf_counter() - started) * 1e3
    assert response.status == 200, f"{path} answered {response.status}"
    return milliseconds


def draw(curves: Curves) -> None:
    """Medians as lines, from the lowest to the highest as bands, both axes logarithmic."""
    figure = Figure(figsize=(12, 8), dpi=100, layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log")
    for (form, curve), color, marker in zip(curves.items(), COLORS, MARKERS, strict=True):
        lowest, median, highest = ([take(times) for times in curve.values()] for take in (min, statistics.median, max))
        axes.plot(list(curve), median, color=color, marker=marker, markersize=5, label=form)
        axes.fill_between(list(curve), lowest, highest, color=color, alpha=0.15, linewidth=0)
    axes.set_xticks([2**power for power in range(12)])
    axes.minorticks_off()
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_yticks([0.3, 1, 3, 10, 30, 100, 300])
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.set_xlabel("tokens (n)")
    axes.set_ylabel("milliseconds from request to last byte")
    axes.set_title("One client, one process: medians, lowest to highest shaded")
    axes.grid(alpha=0.3)
    axes.legend(title="endpoint, form")
    FigureCanvasAgg(figure)
    figure.savefig(PICTURE)
