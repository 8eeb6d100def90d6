"""What a second worker brings, with the load generator's share of the cores taken out.

Both counts of workers are loaded in turn in the same rounds. wrk takes part of the same cores: what it used (its own
processor time a second) would be the workers', so the rate of two is multiplied by cores / (cores - wrk's share). One
worker cannot use more than one core, so its rate stands as it is.
"""

import contextlib
import os
import statistics

from tests.benchmarks.load import COMMANDS, Target, load, seconds_of_children, serving
from tests.benchmarks.tables import spread

BAR = 1.7
TARGETS = (Target("/tokenize", "service", "/tokenize"), Target("/attention", "service", "/attention"))


def measure(rounds: int, seconds: int) -> list[dict[str, object]]:
    """Load one worker and two, `rounds` times for `seconds` each; a row an endpoint."""
    cores = len(os.sched_getaffinity(0))
    rates: dict[tuple[str, int], list[float]] = {(target.name, count): [] for target in TARGETS for count in (1, 2)}
    shares: list[float] = []
    with contextlib.ExitStack() as stack:
        urls = {
            count: stack.enter_context(serving([*COMMANDS["service"][:-1], "--workers", str(count), "--port"]))
            for count in (1, 2)
        }
        for number in range(rounds + 1):
            for target in TARGETS:
                for count, url in urls.items():
                    before = seconds_of_children()
                    rate = load(url, target, (number + 1) * 1_000_000, seconds if number else 1)
                    share = (seconds_of_children() - before) / (seconds if number else 1)
                    if number:  # the first one warms up
                        rates[target.name, count].append(rate if count == 1 else rate * cores / (cores - share))
                        shares += [share] if count > 1 else []
    return [_row(target.name, rates[target.name, 1], rates[target.name, 2], shares) for target in TARGETS]


def _row(target: str, one: list[float], two: list[float], shares: list[float]) -> dict[str, object]:
    ratios = [other / single for single, other in zip(one, two, strict=True)]
    return {
        "target": f"two workers, {target}",
        "requests_a_second_of_one": round(statistics.median(one)),
        "of_two_corrected": round(statistics.median(two)),
        "cores_of_wrk": round(statistics.median(shares), 2),
        **spread(ratios, 2),
        "bar": BAR,
    }
