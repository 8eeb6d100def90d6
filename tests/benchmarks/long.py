"""Pictures of long texts: against the whole matrix, against what the cores could do, in memory, beside others.

All have 512 × 512 bins. The whole matrix is computed and pooled by torch in a process of its own, as one would write
it. The limit is the time of n² products and n² exponentials alone, at the best rates that torch reaches here; a share
of it is the limit by the service's time to compute. Times and memory by n are drawn in tests/benchmarks/long.png.
"""

import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count, cycle
from pathlib import Path
from threading import Event

import torch
import uvloop
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from service.engine.synthetic import SyntheticParameters, draw, make_head
from tests.benchmarks import resident
from tests.benchmarks.client import post
from tests.benchmarks.overload import ask_at
from tests.benchmarks.tables import Rows, spread
from tests.conftest import Server, serving

PICTURE = Path(__file__).with_name("long.png")
LENGTHS = [4096, 8192, 16_384, 32_768, 65_536, 131_072]
DENSE, LONG = 16_384, 65_536
BINS = 512
MIB = 1024**2
BARS = {DENSE: 40.0, LONG: 64.0}
"""MiB above the idle process."""
FASTER_BAR, SHARE_BAR, OTHERS_BAR = 3.0, 0.5, 2.0
CROWDS = [(1, LONG), (30, DENSE)]
"""How many clients ask for one long picture after the other, and of how many tokens."""
RATE, SECONDS = 100, 8
SHORT: dict[str, object] = {"sentence": "Transformers are powerful models for natural language processing."}
KINDS: list[tuple[str, dict[str, object]]] = [
    *[("/tokenize", SHORT), ("/attention", SHORT)] * 7,
    ("/heatmap", SHORT | {"width": 400, "height": 300}),
    ("/attention", {"sentence": "cat " * 512, "include": ["attentions"], "format": "npy"}),
]
"""What other clients ask; the last is computed by the thread that computes pictures."""
_numbers = count()


def measure(rounds: int) -> Rows:
    """Everything in turn, `rounds` times; a row for each figure."""
    seconds: dict[int, list[float]] = {n: [] for n in LENGTHS}
    peaks: dict[int, list[float]] = {n: [] for n in LENGTHS}
    faster, shares = [], []
    slower: dict[tuple[int, int], list[float]] = {crowd: [] for crowd in CROWDS}
    for _ in range(rounds):
        with serving("--request-timeout", "600") as server:
            picture(server.url, 1024)
            idle = resident.now(server.process.pid)
            for n in LENGTHS:
                resident.begin_peak(server.process.pid)
                seconds[n].append(picture(server.url, n))
                peaks[n].append((resident.peak(server.process.pid) - idle) / MIB)
                if n == DENSE:
                    faster.append(_whole(n) / seconds[n][-1])
                if n == LONG:
                    shares.append(_limit(n) / seconds[n][-1])
        for crowd in CROWDS:
            slower[crowd].append(_others(*crowd))
    _draw(seconds, peaks)
    return [
        _row(f"n={DENSE:,}", "times as fast as the whole", faster, FASTER_BAR),
        *[_row(f"n={n:,}", "MiB above idle", peaks[n], BARS.get(n), 1) for n in LENGTHS],
        _row(f"n={LONG:,}", "of the limit", shares, SHARE_BAR),
        *[_row(f"n={n:,}", "nanoseconds a cell", [1e9 * each / n**2 for each in seconds[n]], None) for n in LENGTHS],
        *[_beside(*crowd, slower[crowd]) for crowd in CROWDS],
    ]


def _beside(clients: int, n: int, shares: list[float]) -> dict[str, object]:
    bar = OTHERS_BAR if clients == 1 else None
    return _row(f"others beside {clients} of n={n:,}", "p99, as a share of that without", shares, bar)


def _row(target: str, figure: str, values: list[float], bar: float | None, digits: int = 3) -> dict[str, object]:
    return {"target": target, "figure": figure, **spread(values, digits, "value"), "bar": bar}


def picture(url: str, n: int) -> float:
    """Post a text of n tokens, and look at how long its picture took to compute."""
    address = url.removeprefix("http://")
    connection = http.client.HTTPConnection(address)
    query = f"/heatmap?width={BINS}&height={BINS}&labels=false&colorbar=false&title=+&seed={time.time_ns()}"
    text = "cat " * n + " " * next(_numbers)  # no text twice: the service has kept the tokens of the last ones
    connection.request("POST", query, text.encode(), {"Content-Type": "text/plain"})
    response = connection.getresponse()
    response.read()
    connection.close()
    assert response.status == 200, response.status
    timing = response.headers["Server-Timing"]
    return float(timing.partition("compute;dur=")[2].partition(",")[0]) / 1e3


def _whole(n: int) -> float:
    """Seconds that the whole matrix takes, in a process whose memory is given back."""
    done = subprocess.run([sys.executable, "-m", __name__, str(n)], stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def compute_whole(n: int) -> float:
    """Seconds from queries and keys to bins, all cells at once."""
    head = make_head(draw(range(n), 0, SyntheticParameters()), SyntheticParameters(), 0)
    began = time.perf_counter()
    attentions = torch.softmax(head.query @ head.key.T / 2, dim=-1)
    attentions.view(BINS, n // BINS, BINS, n // BINS).amax(dim=(1, 3))
    return time.perf_counter() - began


def _limit(n: int) -> float:
    """Seconds of n² products of 4 and n² exponentials, at the best rates of several shapes."""
    products, exponentials = [], []
    for rows, columns in ((128, 2048), (16, n), (4, n)):
        query, key = torch.rand(rows, 4), torch.rand(columns, 4)
        numbers, out = torch.rand(rows, columns), torch.empty(rows, columns)
        products.append(_seconds(lambda: torch.mm(query, key.T, out=out)) / out.numel())  # noqa: B023  # called here
        exponentials.append(_seconds(lambda: torch.exp(numbers, out=out)) / out.numel())  # noqa: B023  # called here
    return (min(products) + min(exponentials)) * n**2


def _seconds(work: Callable[[], object], times: int = 40) -> float:
    """Of one of many calls; the fastest of five tries."""
    tries = []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(times):
            work()
        tries.append((time.perf_counter() - began) / times)
    return min(tries)


def _others(clients: int, n: int) -> float:
    """The p99 of others' requests while `clients` have pictures of n tokens computed, as a share of that without."""
    with serving("--request-timeout", "600") as server:
        picture(server.url, 1024)
        uvloop.run(_p99(server))
        calm = uvloop.run(_p99(server))
        with _pictures(server, clients, n):
            busy = uvloop.run(_p99(server))
    return busy / calm


async def _p99(server: Server) -> float:
    kinds = cycle(KINDS)

    def request() -> bytes:
        path, fields = next(kinds)
        return post(path, fields | {"seed": time.time_ns()} if path != "/tokenize" else fields)

    outcomes = await ask_at(server.url, RATE, SECONDS, request)
    assert {*outcomes.statuses} == {200}, outcomes.statuses
    return outcomes.p99


@contextmanager
def _pictures(server: Server, clients: int, n: int) -> Iterator[None]:
    """One long picture after the other for each client, until the context ends."""
    ends = Event()

    def ask() -> None:
        while not ends.is_set():
            picture(server.url, n)

    with ThreadPoolExecutor(clients) as pool:
        asking = [pool.submit(ask) for _ in range(clients)]
        try:
            time.sleep(1)
            yield
        finally:
            ends.set()
    for each in asking:
        each.result()


def _draw(seconds: dict[int, list[float]], peaks: dict[int, list[float]]) -> None:
    """Time and memory by n, both axes logarithmic."""
    figure = Figure(figsize=(12, 5), dpi=100, layout="constrained")
    times, memory = figure.subplots(1, 2)
    medians = [statistics.median(seconds[n]) for n in LENGTHS]
    times.plot(LENGTHS, medians, "o-", color="#0072b2", label="to compute a picture")
    square = [medians[-1] * (n / LENGTHS[-1]) ** 2 for n in LENGTHS]
    times.plot(LENGTHS, square, "--", color="#999999", label="as n² grows")
    times.set_ylabel("seconds")
    memory.plot(LENGTHS, [statistics.median(peaks[n]) for n in LENGTHS], "o-", color="#d55e00", label="above idle")
    memory.plot(LENGTHS, [4 * n**2 / MIB for n in LENGTHS], "--", color="#999999", label="the whole matrix")
    memory.set_ylabel("MiB")
    for axes in (times, memory):
        axes.set(xscale="log", yscale="log", xlabel="tokens (n)")
        axes.set_xticks(LENGTHS)
        axes.minorticks_off()
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.grid(alpha=0.3)
        axes.legend()
    FigureCanvasAgg(figure)
    figure.savefig(PICTURE)


if __name__ == "__main__":
    print(compute_whole(int(sys.argv[1])))
