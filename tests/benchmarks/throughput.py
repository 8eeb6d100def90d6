"""Requests a second of one process, as ratios to peers measured in the same rounds; a bar is the least ratio."""

import contextlib
import statistics
from collections.abc import Mapping
from importlib.util import find_spec

from tests.benchmarks.load import COMMANDS, Target, load, serving
from tests.benchmarks.tables import spread

EVERY_MATRIX = ',"include":["query","key","value","attentions","output"]'
"""What the peers answer unasked."""
REPEATED = "/attention?sentence=Transformers+are+powerful+models+for+natural+language+processing."

NOOP = "no-op"
AFTERNOON = "afternoon /attention"
LITSERVE = "LitServe"
ATTENTION = "/attention"
ATTENTION_FULL = "/attention, every matrix"
TARGETS = (
    Target(NOOP, "peers", "/noop"),
    Target("afternoon /tokenize", "peers", "/tokenize"),
    Target(AFTERNOON, "peers", "/attention"),
    Target(LITSERVE, "litserve", "/predict"),
    Target("/tokenize", "service", "/tokenize"),
    Target(ATTENTION, "service", "/attention"),
    Target("/attention, another seed each", "service", "/attention", seeds=True),
    Target(ATTENTION_FULL, "service", "/attention", EVERY_MATRIX),
    Target("GET /attention, If-None-Match", "service", REPEATED, is_held=True),
    Target("/heatmap", "service", "/heatmap"),
)
COMPARISONS: tuple[tuple[str, str, float | None], ...] = (
    (NOOP, NOOP, None),
    ("afternoon /tokenize", NOOP, None),
    (AFTERNOON, NOOP, None),
    (LITSERVE, NOOP, None),
    ("/tokenize", NOOP, 0.75),
    (ATTENTION, NOOP, 0.6),
    ("/attention, another seed each", NOOP, None),
    (ATTENTION_FULL, NOOP, None),
    ("GET /attention, If-None-Match", NOOP, 0.9),
    ("/heatmap", NOOP, 0.06),
    (ATTENTION, AFTERNOON, 6),
    (ATTENTION_FULL, AFTERNOON, 6),
    (ATTENTION, LITSERVE, 6),
    (ATTENTION_FULL, LITSERVE, 6),
)
"""What is compared with what; the least ratio that must be reached."""


def measure(rounds: int, seconds: int) -> list[dict[str, object]]:
    """Load every target in turn, `rounds` times for `seconds` each; a row a comparison."""
    paths = {"peers": "/noop", "litserve": "/predict", "service": "/tokenize"}
    if find_spec("litserve") is None:
        print("LitServe is not installed, and not compared with: python -m pip install litserve")
        del paths["litserve"]
    targets = [target for target in TARGETS if target.server in paths]
    rates: dict[str, list[float]] = {target.name: [] for target in targets}
    with contextlib.ExitStack() as stack:
        urls = {name: stack.enter_context(serving(COMMANDS[name], path)) for name, path in paths.items()}
        for target in targets:
            load(urls[target.server], target, start=0, seconds=1)  # warm up
        for number in range(1, rounds + 1):
            for target in targets:
                rates[target.name].append(load(urls[target.server], target, number * 1_000_000, seconds))
    return [_row(*comparison, rates) for comparison in COMPARISONS]


def _row(target: str, peer: str, bar: float | None, rates: Mapping[str, list[float]]) -> dict[str, object]:
    if not {target, peer} <= rates.keys():
        nothing = dict.fromkeys(("ratio", "lowest", "highest"))
        return {"target": target, "peer": peer, "requests_a_second": "not installed", **nothing, "bar": bar}
    ratios = [rate / of_peer for rate, of_peer in zip(rates[target], rates[peer], strict=True)]
    return {
        "target": target,
        "peer": peer,
        "requests_a_second": round(statistics.median(rates[target])),
        **spread(ratios, 3),
        "bar": bar,
    }
