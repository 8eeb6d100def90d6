"""Requests a second of one process, as ratios to an endpoint that does nothing, measured in the same rounds."""

import contextlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

SCRIPT = Path(__file__).with_name("unrepeated.lua")
EVERY_MATRIX = ',"include":["query","key","value","attentions","output"]'
START_SECONDS = 60


@dataclass(frozen=True)
class Target:
    """An endpoint under load; `bar` is the least ratio to the no-op that it must reach."""

    name: str
    server: str
    path: str
    fields: str = ""
    seeds: bool = False
    """Whether every request has another seed, so that nothing it draws was drawn before."""
    bar: float | None = None


TARGETS = (
    Target("no-op", "peers", "/noop"),
    Target("afternoon /tokenize", "peers", "/tokenize"),
    Target("afternoon /attention", "peers", "/attention"),
    Target("service /tokenize", "service", "/tokenize", bar=0.6),
    Target("service /attention", "service", "/attention", bar=0.4),
    Target("service /attention, another seed each", "service", "/attention", seeds=True),
    Target("service /attention, every matrix", "service", "/attention", EVERY_MATRIX),
    Target("service /heatmap", "service", "/heatmap", bar=0.06),
)
COMMANDS = {
    "peers": ["-m", "uvicorn", "tests.benchmarks.peers:app", "--no-access-log", "--log-level", "warning", "--port"],
    "service": ["-m", "service", "serve", "--log-level", "warning", "--port"],
}


def measure(rounds: int, seconds: int) -> list[dict[str, object]]:
    """Load every target in turn, `rounds` times for `seconds` each; a row a target."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    rates: dict[str, list[float]] = {target.name: [] for target in TARGETS}
    with contextlib.ExitStack() as stack:
        urls = {name: stack.enter_context(serving(command)) for name, command in COMMANDS.items()}
        for target in TARGETS:
            load(urls[target.server], target, start=0, seconds=1)  # warm up
        for number in range(rounds):
            for target in TARGETS:
                start = (number + 1) * 1_000_000
                rates[target.name].append(load(urls[target.server], target, start, seconds))
    return [_row(target, rates[target.name], rates["no-op"]) for target in TARGETS]


def _row(target: Target, rates: list[float], floor: list[float]) -> dict[str, object]:
    ratios = [rate / least for rate, least in zip(rates, floor, strict=True)]
    return {
        "target": target.name,
        "requests_a_second": round(statistics.median(rates)),
        "ratio_to_noop": round(statistics.median(ratios), 3),
        "lowest": round(min(ratios), 3),
        "highest": round(max(ratios), 3),
        "bar": target.bar,
    }


def load(url: str, target: Target, start: int, seconds: int) -> float:
    environment = os.environ | {"START": str(start), "FIELDS": target.fields, "SEEDS": str(int(target.seeds))}
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", str(SCRIPT), url + target.path]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    if "ERRORS 0" not in printed:
        raise SystemExit(f"{target.name} answered errors:\n{printed}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert found is not None
    return float(found[1])


@contextlib.contextmanager
def serving(command: list[str]) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, *command, str(port)])
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url):
            assert process.poll() is None, f"{command} ended"
            assert time.monotonic() < deadline, f"{command} does not answer"
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _answers(url: str) -> bool:
    """Whether it tokenizes; peers have no /readyz."""
    try:
        return httpx.post(f"{url}/tokenize", json={"sentence": "hi"}).is_success
    except httpx.TransportError:
        return False
