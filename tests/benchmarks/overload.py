"""Ten times what the service can serve: who is answered, how late, and how soon all is as before.

Requests come at their times whether those before are answered or not, one in sixteen for 1,024 tokens. First as fast as
16 clients get answers, which is what the service can serve; then at 80 % of that, then at ten times as many a second.
"""

import asyncio
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from time import perf_counter

import orjson
import uvloop

from tests.benchmarks import resident
from tests.benchmarks.client import Connection, get, post
from tests.benchmarks.tables import Rows
from tests.conftest import serving

CLIENTS = 16
LONG_EVERY = 16
LONG = "cat " * 1024
SHORT = "Transformers are powerful models for natural language processing. " * 25
"""Some 250 tokens: of shorter ones no client in Python could ask for ten times as many as are served."""
PROBE_SECONDS = 0.05
NO_ANSWER = 0
IDLE_SECONDS = 2
"""After which a connection is not used again: the service closes it at some time."""
RECOVERY_SECONDS = 5
BARS = {
    "p99 of accepted, as a share of that at 80 %": 3.0,
    "p99 of /livez, milliseconds": 50.0,
    "other statuses than 200 and 429": 0.0,
    "seconds until all is as before": float(RECOVERY_SECONDS),
    "MiB more at the peak": None,
}

numbers = count()


def measure(seconds: int) -> Rows:
    """Overload one process for `seconds`; a row for each figure."""
    with serving() as server:
        idle = resident.peak(server.process.pid)
        command = [sys.executable, "-m", __name__, server.url, str(seconds)]
        figures = orjson.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        figures["MiB more at the peak"] = (resident.peak(server.process.pid) - idle) / 1024**2
    return [
        {"target": name, "figure": value if isinstance(value, str) else round(value, 3), "bar": BARS.get(name)}
        for name, value in figures.items()
    ]


def request() -> bytes:
    """The next request, like none before."""
    number = next(numbers)
    sentence = LONG if number % LONG_EVERY == 0 else f"{SHORT} {number}."
    return post("/attention", {"sentence": sentence, "seed": number, "include": ["attentions"]})


class Outcomes:
    """What became of requests."""

    def __init__(self) -> None:
        """None yet."""
        self.statuses: Counter[int] = Counter()
        self.waits: list[float] = []
        """Seconds of those that were answered with 200."""

    async def ask(self, connection: Connection, asked: bytes) -> None:
        """Ask, and note what comes."""
        began = perf_counter()
        try:
            status, _ = await connection.ask(asked)
        except (OSError, EOFError):
            connection.close()
            status = NO_ANSWER
        self.statuses[status] += 1
        if status == 200:
            self.waits.append(perf_counter() - began)

    @property
    def p99(self) -> float:
        """Of the waits, in seconds."""
        return statistics.quantiles(self.waits, n=100)[98]


async def _all_day(url: str, seconds: float) -> float:
    """How many requests a second 16 clients get answered."""
    outcomes, ends = Outcomes(), perf_counter() + seconds

    async def client() -> None:
        connection = Connection(url)
        while perf_counter() < ends:
            await outcomes.ask(connection, request())
        connection.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return outcomes.statuses[200] / seconds


async def ask_at(url: str, rate: float, seconds: float, make: Callable[[], bytes] = request) -> Outcomes:
    """Ask so many times a second, over as many connections as that takes."""
    outcomes, free, tasks = Outcomes(), list[tuple[float, Connection]](), set[asyncio.Task[None]]()

    async def one() -> None:
        since, connection = free.pop() if free else (0.0, Connection(url))
        if perf_counter() - since > IDLE_SECONDS:
            connection.close()
        await outcomes.ask(connection, make())
        free.append((perf_counter(), connection))

    began = perf_counter()
    for number in range(int(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - perf_counter()))
        task = asyncio.create_task(one())
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    await asyncio.gather(*tasks)
    for _, connection in free:
        connection.close()
    return outcomes


async def _until_as_before(url: str, p99: float) -> float:
    """Seconds until twenty requests one after the other are answered as fast as at 80 %."""
    began = perf_counter()
    good = 0
    while good < 20:  # more than one in sixteen
        outcomes = Outcomes()
        await outcomes.ask(Connection(url), request())
        good = good + 1 if outcomes.waits and outcomes.waits[0] <= p99 else 0
    return perf_counter() - began


async def _beside(work: Awaitable[Outcomes], url: str) -> tuple[Outcomes, Outcomes]:
    """What becomes of `work`, and of /livez meanwhile."""
    probes, connection, working = Outcomes(), Connection(url), asyncio.ensure_future(work)
    while not working.done():
        await probes.ask(connection, get("/livez"))
        await asyncio.sleep(PROBE_SECONDS)
    return await working, probes


async def _run(url: str, seconds: float) -> dict[str, float | str]:
    capacity = await _all_day(url, seconds / 4)
    calm = await ask_at(url, 0.8 * capacity, seconds / 2)
    overload, probes = await _beside(ask_at(url, 10 * capacity, seconds), url)
    recovery = await _until_as_before(url, calm.p99)
    others = sum(number for status, number in overload.statuses.items() if status not in {200, 429})
    return {
        "requests a second that 16 clients get": capacity,
        "p99 at 80 %, milliseconds": calm.p99 * 1e3,
        "p99 of accepted, milliseconds": overload.p99 * 1e3,
        "p99 of accepted, as a share of that at 80 %": overload.p99 / calm.p99,
        "p99 of /livez, milliseconds": probes.p99 * 1e3,
        "answers by status": str(dict(overload.statuses)),
        "other statuses than 200 and 429": others,
        "seconds until all is as before": recovery,
    }


def main() -> None:
    """Print the figures as JSON."""
    url, seconds = sys.argv[1:]
    print(orjson.dumps(uvloop.run(_run(url, float(seconds)))).decode())


if __name__ == "__main__":
    main()
