"""Memory that large answers take at their peak, and that many requests leave behind; a bar is the most ratio.

A peak is what is resident above the idle process, as a share of the answer's bytes; what stays is counted against the
same process after fewer requests. Many requests take minutes: they are asked where this suite is named.
"""

import socket
import time
from typing import NamedTuple

import psutil
import uvloop

from tests.benchmarks import mixture, resident
from tests.benchmarks.client import post
from tests.benchmarks.tables import spread
from tests.conftest import Server, serving

MIB = 1024**2
PEAK_BAR, GROWTH_BAR = 1.3, 1.05
PIECE = 64 * 1024
PAUSE = 1e-3
"""A slow reader's after each piece: it reads at most 64 MB a second, a fast one ten times as much."""


class Case(NamedTuple):
    """An answer whose attentions take 64 MiB, and how it is read."""

    form: str
    heads: int
    tokens: int
    pause: float = 0.0

    @property
    def name(self) -> str:
        return f"{self.form}, {self.heads} x {self.tokens}², {'slow' if self.pause else 'fast'} reader"


CASES = (
    Case("safetensors", 4, 2048),
    Case("safetensors", 4, 2048, PAUSE),
    Case("npy", 4, 2048),
    Case("npy", 4, 2048, PAUSE),
    Case("npy", 1, 4096),
)


def measure(rounds: int, requests: int) -> list[dict[str, object]]:
    """Ask for every large answer in turn, `rounds` times; then ask `requests` mixed ones, if any."""
    peaks: dict[Case, list[float]] = {case: [] for case in CASES}
    flags = ("--max-tokens", "4096", "--max-response-bytes", str(256 * MIB))
    with serving(*flags) as server:
        idle = resident.now(server.process.pid)
        for number in range(rounds):
            for case in CASES:
                peaks[case].append(_peak(server, case, number, idle))
    rows = [_row(case.name, "bytes of the answer", values, PEAK_BAR) for case, values in peaks.items()]
    return rows + (_after_many(requests) if requests else [])


def _row(target: str, peer: str, ratios: list[float], bar: float | None, mib: float | None = None) -> dict[str, object]:
    return {
        "target": target,
        "peer": peer,
        "mib": mib and round(mib, 1),
        **spread(ratios, 3),
        "bar": bar,
    }


def _peak(server: Server, case: Case, number: int, idle: int) -> float:
    """What an answer adds to the `idle` process at its peak, as a share of its bytes."""
    fields = {
        "sentence": "cat " * case.tokens,
        "seed": number,
        "num_heads": case.heads,
        "include": ["attentions"],
        "format": case.form,
    }
    resident.begin_peak(server.process.pid)
    size = _read(server.url, post("/attention", fields), case.pause)
    return (resident.peak(server.process.pid) - idle) / size


def _read(url: str, request: bytes, pause: float) -> int:
    """How many bytes the answer's body has, read piece by piece."""
    host, _, port = url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(request)
        head, _, body = connection.recv(PIECE).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        size = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
        left = size - len(body)
        while left:
            time.sleep(pause)
            left -= len(connection.recv(PIECE))
        return size


def _after_many(requests: int) -> list[dict[str, object]]:
    """What is resident after a hundredth of `requests`, after a tenth and after all."""
    with serving() as server:
        stages = (requests // 100, requests // 10, requests)
        held = dict(zip(stages, uvloop.run(_ask(server, stages)), strict=True))
    warm = held[stages[1]]
    return [
        _row(
            f"after {stage:,} requests",
            f"after {stages[1]:,}",
            [mib / warm],
            GROWTH_BAR if stage == requests else None,
            mib,
        )
        for stage, mib in held.items()
    ]


async def _ask(server: Server, stages: tuple[int, ...]) -> list[float]:
    """MiB held after each stage."""
    held: list[float] = []
    begin = 0
    for end in stages:
        await mixture.ask(server.url, range(begin, end))
        held.append(psutil.Process(server.process.pid).memory_full_info().pss / MIB)
        begin = end
    return held
