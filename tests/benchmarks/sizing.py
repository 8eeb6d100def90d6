"""What a number of workers takes and gives: memory of all processes together, and requests a second of 16 clients.

The load generator takes part of the same cores, so the rates are what a machine of so many cores gives at least.
"""

import statistics

import httpx
import psutil

from tests.benchmarks.load import Target, load
from tests.conftest import poll, serving

WORKERS = (1, 2, 4)
TARGETS = tuple(Target(path, "service", path) for path in ("/tokenize", "/attention", "/heatmap"))


def measure(rounds: int, seconds: int) -> list[dict[str, object]]:
    """Load each number of workers, `rounds` times for `seconds` an endpoint; a row each."""
    return [_row(workers, rounds, seconds) for workers in WORKERS]


def _row(workers: int, rounds: int, seconds: int) -> dict[str, object]:
    rates: dict[str, list[float]] = {target.name: [] for target in TARGETS}
    with serving("--workers", str(workers)) as server:
        poll(lambda: all(httpx.get(f"{server.url}/readyz").is_success for _ in range(16 * workers)), server.process)
        service = psutil.Process(server.process.pid)
        idle = _mebibytes(service)
        for number in range(rounds + 1):
            for target in TARGETS:
                rate = load(server.url, target, number * 1_000_000, seconds if number else 1)
                rates[target.name] += [rate] if number else []  # the first one warms up
        used = _mebibytes(service)
    columns = {f"{name}_a_second": round(statistics.median(of)) for name, of in rates.items()}
    return {"workers": workers, "MiB_idle": round(idle), "MiB_after_load": round(used), **columns}


def _mebibytes(service: psutil.Process) -> float:
    """What a process and those below it have in memory; a page that several share counts once."""
    family = [service, *service.children(recursive=True)]
    return sum(process.memory_full_info().pss for process in family) / 1024**2
