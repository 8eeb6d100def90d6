"""`python -m tests.soak --minutes 30`: mixed traffic, one in twenty of it bad, against a real server.

Each answer is compared, byte by byte, with the one that the same app gives in this process; memory, descriptors and
threads of the server are watched. Ends with 1 if an answer is wrong, descriptors or threads are not what they were, or
memory grows by more than a megabyte in ten minutes. Of less than ten minutes the growth is told, not judged.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import sys
import time
from typing import NamedTuple

import httpx
import orjson
import psutil

from service.app import create_app
from service.settings import Settings
from tests.benchmarks.mixture import WORDS
from tests.conftest import Server, running, serving

CLIENTS = 8
REQUESTS = 600
BAD_EVERY = 20
SAMPLE_SECONDS = 2.0
WARM_UP = 0.2
"""Of the time: what libraries keep is there afterwards."""
JUDGED_MINUTES = 10
MOST_GROWTH = 1.0
"""MB in ten minutes."""

GOOD: tuple[tuple[str, dict[str, object]], ...] = (
    ("/tokenize", {}),
    ("/tokenize", {"offset_unit": "utf16", "add_special_tokens": True}),
    ("/attention", {}),
    ("/attention", {"num_heads": 4, "include": ["query", "key", "value", "scores", "attentions", "output"]}),
    ("/attention", {"d_model": 64, "mask": "causal", "positions": "sinusoidal", "decimals": 4}),
    ("/attention", {"level": "word", "include": ["attentions", "statistics", "rollout"]}),
    ("/attention", {"format": "safetensors"}),
    ("/attention", {"format": "npy", "quantize": "uint8"}),
    ("/heatmap", {"width": 300, "height": 200}),
    ("/heatmap", {"format": "svg"}),
    ("/attention", {"dry_run": True}),
)
BAD: tuple[tuple[str, dict[str, object]], ...] = (
    ("/attention", {"d_k": 0}),
    ("/attention", {"nonsense": True}),
    ("/tokenize", {"sentence": " "}),
    ("/attention", {"num_heads": 64, "d_k": 64, "d_v": 65}),
    ("/nowhere", {}),
    ("/heatmap", {"tensor": "nothing"}),
)


class Asked(NamedTuple):
    """A request, and what answers it."""

    path: str
    content: bytes
    headers: dict[str, str]


class Answer(NamedTuple):
    """What is compared."""

    status: int
    content: bytes


class Sample(NamedTuple):
    """What the server's process holds."""

    seconds: float
    megabytes: float
    descriptors: int
    threads: int


def make(number: int) -> Asked:
    """A request, always the same one of a number."""
    drawn = random.Random(number)
    path, more = drawn.choice(BAD if number % BAD_EVERY == 0 else GOOD)
    sentence = " ".join(drawn.choices(WORDS, k=drawn.randint(1, 60)))
    content = orjson.dumps({"sentence": sentence, **more})
    headers = {"x-request-id": f"soak-{number}", "accept-encoding": drawn.choice(("identity", "gzip", "zstd"))}
    if more == {} and path != "/nowhere" and number % 2:
        content = b"\n".join([content] * 5)
        headers["content-type"] = "application/x-ndjson"
    return Asked(path, content, headers)


async def ask(client: httpx.AsyncClient, asked: Asked) -> Answer:
    """The answer."""
    response = await client.post(asked.path, content=asked.content, headers=asked.headers)
    return Answer(response.status_code, response.content)


async def references(pool: list[Asked]) -> list[Answer]:
    """What the app answers in this process."""
    async with running(create_app(Settings())) as client:
        return [await ask(client, asked) for asked in pool]


async def soak(server: Server, seconds: float) -> tuple[int, int, list[Sample]]:
    """How many were asked, how many answers were wrong, and the samples."""
    pool = [make(number) for number in range(REQUESTS)]
    expected = await references(pool)
    ends = time.monotonic() + seconds
    wrong = itertools.count()
    asked = itertools.count()

    async def client(seed: int) -> None:
        drawn = random.Random(seed)
        limits = httpx.Limits(max_connections=1, keepalive_expiry=None)
        async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=60) as session:
            while time.monotonic() < ends:
                number = drawn.randrange(REQUESTS)
                next(asked)
                answer = await ask(session, pool[number])
                if answer != expected[number]:
                    next(wrong)
                    print(f"wrong: {pool[number]} got {answer.status} {answer.content[:200]!r}", file=sys.stderr)

    watching = asyncio.create_task(watch(server, ends))
    await asyncio.gather(*map(client, range(CLIENTS)))
    return next(asked), next(wrong), await watching


async def watch(server: Server, ends: float) -> list[Sample]:
    """What the server holds, again and again."""
    process, began, samples = psutil.Process(server.process.pid), time.monotonic(), list[Sample]()
    while time.monotonic() < ends - SAMPLE_SECONDS:
        await asyncio.sleep(SAMPLE_SECONDS)
        with process.oneshot():
            held = process.memory_info().rss / 1e6
            samples.append(Sample(time.monotonic() - began, held, process.num_fds(), process.num_threads()))
    return samples


def growth(samples: list[Sample]) -> float:
    """Megabytes in ten minutes, by the line that fits best."""
    slope = statistics.linear_regression([each.seconds for each in samples], [each.megabytes for each in samples]).slope
    return slope * 600


def main() -> None:
    """Soak, and print the figures."""
    parser = argparse.ArgumentParser("python -m tests.soak", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    minutes = parser.parse_args().minutes
    with serving() as server:
        asked, wrong, samples = asyncio.run(soak(server, 60 * minutes))
    warm = samples[int(len(samples) * WARM_UP) :]
    grown = growth(warm)
    descriptors, threads = ({each[place] for each in warm} for place in (2, 3))
    print(f"{asked} requests in {minutes:g} minutes, {wrong} answers wrong")
    print(f"memory {warm[0].megabytes:.1f} to {warm[-1].megabytes:.1f} MB: {grown:+.2f} MB in ten minutes")
    print("each minute", *(round(each.megabytes, 1) for each in samples[:: round(60 / SAMPLE_SECONDS)]))
    print(f"descriptors {sorted(descriptors)}, threads {sorted(threads)}")
    has_grown = minutes >= JUDGED_MINUTES and grown > MOST_GROWTH
    raise SystemExit(bool(wrong or has_grown or len(descriptors) > 1 or len(threads) > 1))


if __name__ == "__main__":
    main()
