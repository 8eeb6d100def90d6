"""How long 15 clients wait for /attention while a 16th asks for 512 tokens; a bar is the most p99 as a share of p50.

The clients are asyncio's, in a process of their own: wrk adds to its latencies what it thinks that it omitted. The
client of long texts is wrk, which only reads.
"""

import asyncio
import statistics
import subprocess
import sys
from contextlib import nullcontext
from itertools import count
from time import perf_counter

import uvloop

from tests.benchmarks.client import Connection, post
from tests.benchmarks.load import long_texts
from tests.benchmarks.tables import spread
from tests.conftest import serving

CLIENTS = 15
OPENING = "Transformers are powerful models for natural language processing"
BARS = {"15 clients and one with n=512": 3.0, "15 clients alone": None}
WARM_UP_SECONDS = 0.5


def measure(rounds: int, seconds: int) -> list[dict[str, object]]:
    """Load one process with and without long texts in turn, `rounds` times for `seconds` each; a row each."""
    percentiles: dict[str, list[tuple[float, float]]] = {name: [] for name in BARS}
    with serving() as server:
        for number in range(rounds):
            for name, bar in BARS.items():
                start = (number * 2 + (bar is None)) * 1_000_000
                with long_texts(server.url, start) if bar else nullcontext():
                    percentiles[name].append(_percentiles(server.url, start, seconds))
    return [_row(name, percentiles[name], bar) for name, bar in BARS.items()]


def _percentiles(url: str, start: int, seconds: int) -> tuple[float, float]:
    command = [sys.executable, "-m", __name__, url, str(start), str(seconds)]
    p50, p99 = map(float, subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout.split())
    return p50, p99


def _row(target: str, percentiles: list[tuple[float, float]], bar: float | None) -> dict[str, object]:
    ratios = [p99 / p50 for p50, p99 in percentiles]
    return {
        "target": target,
        "p50_milliseconds": round(statistics.median(p50 for p50, _ in percentiles) * 1e3, 2),
        "p99_milliseconds": round(statistics.median(p99 for _, p99 in percentiles) * 1e3, 2),
        **spread(ratios, 2),
        "bar": bar,
    }


async def _load(url: str, numbers: "count[int]", seconds: float) -> list[float]:
    """The seconds that each answer took, of those asked for after a warm-up."""
    begins = perf_counter() + WARM_UP_SECONDS
    waits: list[float] = []

    async def client() -> None:
        connection = Connection(url)
        while (asked := perf_counter()) < begins + seconds:
            status, _ = await connection.ask(post("/attention", {"sentence": f"{OPENING} {next(numbers)}."}))
            assert status == 200
            if asked >= begins:
                waits.append(perf_counter() - asked)
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return waits


def main() -> None:
    """Print the seconds of p50 and p99."""
    url, start, seconds = sys.argv[1:]
    waits = uvloop.run(_load(url, count(int(start)), float(seconds)))
    hundredths = statistics.quantiles(waits, n=100)
    print(hundredths[49], hundredths[98])


if __name__ == "__main__":
    main()
