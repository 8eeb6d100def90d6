"""How long the event loop stands still while one client asks for what is large; a bar is the most milliseconds.

The service runs in a process of its own, in which a task wakes each millisecond and notes by how much it was late. What
else keeps the cores busy makes it late, too: the first row tells how much that is.
"""

import asyncio
import http.client
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter
from typing import NamedTuple
from urllib.parse import urlsplit

import uvicorn
import uvloop

from service.api.reading import LINES
from service.app import create_app
from service.server import bind
from service.settings import Settings
from tests.benchmarks.tables import Rows

BAR = 20.0
SAMPLE_SECONDS = 1e-3
LARGE = 2_000_000
"""Bytes: as large as a body may be."""


class Kind(NamedTuple):
    """What is asked for again and again."""

    path: str
    body: Callable[[], bytes]
    headers: Mapping[str, str] = {}


def one(path: str, sentence: str, coding: str = "identity", **fields: object) -> Kind:
    """A request alone."""
    return Kind(path, lambda: json.dumps({"sentence": sentence, **fields}).encode(), {"Accept-Encoding": coding})


def lines(path: str, count: int, line: str) -> Kind:
    """The same line so often."""
    return Kind(path, lambda: f"{line}\n".encode() * count, {"Content-Type": LINES})


def long(n: int) -> str:
    """A sentence of n tokens."""
    return "cat " * n


def line_of(sentence: str) -> str:
    """A request as a line."""
    return json.dumps({"sentence": sentence})


UNKNOWN = ",".join(f'"f{number}":1' for number in range(150_000))
BLANKS = " " * (LARGE - 1) + "a"
MANY = ["embedding", "query", "key", "value", "scores", "attentions", "output"]
KINDS = {
    "a short text": one("/attention", "Attention!"),
    "n=1024": one("/attention", long(1024)),
    "n=1024, gzip": one("/attention", long(1024), "gzip"),
    "n=1024, br": one("/attention", long(1024), "br"),
    "n=1024, zstd": one("/attention", long(1024), "zstd"),
    "n=1024, scores and attentions": one("/attention", long(1024), include=["scores", "attentions"]),
    "n=2048, decimals 3": one("/attention", long(2048), decimals=3, include=["attentions"]),
    "n=512, 8 heads": one("/attention", long(512), num_heads=8),
    "n=1024, of words": one("/attention", "embeddings " * 256, level="word"),
    "n=2048, of words, statistics": one("/attention", long(2048), level="word", num_heads=8, include=["statistics"]),
    "n=2048, 64 heads, statistics": one("/attention", long(2048), num_heads=64, include=["statistics"]),
    "weights of 4 million numbers": one("/attention", long(16), d_model=1024, d_k=1024, include=["query_weights"]),
    "n=2048, safetensors": one("/attention", long(2048), mask="causal", format="safetensors"),
    "n=1024, many tensors": one("/attention", long(1024), format="safetensors", include=MANY),
    "n=2048, npy": one("/attention", long(2048), format="npy"),
    "n=2048, uint8": one("/attention", long(2048), format="npy", quantize="uint8"),
    "n=2048, float16": one("/attention", long(2048), format="safetensors", quantize="float16"),
    "n=1024, PNG": one("/heatmap", long(1024)),
    "n=2048, PNG": one("/heatmap", long(2048)),
    "n=2048, PNG of 16 heads": one("/heatmap", long(2048), num_heads=16, head_reduction="mean"),
    "n=512, PNG of a grid": one("/heatmap", long(512), num_heads=16, view="grid"),
    "16 megapixels": one("/heatmap", long(1024), width=4000, height=4000),
    "n=40, numbers in cells": one("/heatmap", long(40), values=True, width=4000, height=4000),
    "n=1024, SVG": one("/heatmap", long(1024), format="svg"),
    "many labels": one("/heatmap", " ".join(map(hex, range(400)))),
    "a label of 2 MB": one("/heatmap", "a" * LARGE),
    "a token of 2 MB": one("/tokenize", "a" * LARGE),
    "2 MB of tokens, refused": one("/tokenize", long(LARGE // 4)),
    "2 MB of Chinese, refused": one("/tokenize", "東" * (LARGE // 6)),
    "2 MB of blanks, utf16": one("/tokenize", BLANKS, offset_unit="utf16"),
    "2 MB of blanks, of words": one("/attention", BLANKS, level="word", include=[]),
    "lines of 1024 tokens": lines("/attention", 8, line_of(long(1024))),
    "lines of 128 tokens": lines("/attention", 200, line_of(long(128))),
    "lines of a token": lines("/attention", 5000, line_of("cat")),
    "lines of /tokenize": lines("/tokenize", 5000, line_of("Attention is all you need.")),
    "lines that are no JSON": lines("/tokenize", 50_000, "x"),
    "2 MB of unknown fields": Kind("/attention", f'{{"sentence":"a",{UNKNOWN}}}'.encode),
    "2 MB of numbers": Kind("/attention", lambda: b'{"sentence":[' + b"1," * (LARGE // 2 - 10) + b"1]}"),
    "2 MB of brackets": Kind("/attention", lambda: b"[" * LARGE),
}


def measure(rounds: int) -> Rows:
    """Ask for each kind `rounds` times, in turns; a row each."""
    stalls: dict[str, list[float]] = {name: [] for name in KINDS}
    with _watched() as (url, longest_stall):
        connection = http.client.HTTPConnection(urlsplit(url).netloc)
        for _ in range(rounds):
            for name, (path, body, headers) in KINDS.items():
                content = body()
                longest_stall()
                connection.request("POST", path, content, dict(headers))
                connection.getresponse().read()
                stalls[name].append(longest_stall() * 1e3)
        connection.close()
    return [
        {
            "target": name,
            "milliseconds": round(statistics.median(found), 1),
            "longest": round(max(found), 1),
            "bar": BAR,
        }
        for name, found in stalls.items()
    ]


@contextmanager
def _watched() -> Iterator[tuple[str, Callable[[], float]]]:
    """The address of a service, and what tells the seconds of its longest stall since it was last asked."""
    command = [sys.executable, "-m", __name__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        asking, answers = process.stdin, process.stdout

        def longest_stall() -> float:
            asking.write("\n")
            return float(answers.readline())

        try:
            yield answers.readline().strip(), longest_stall
        finally:
            asking.close()  # which ends it


async def _serve() -> None:
    """Serve until standard input ends; each line of it asks for the longest stall since the one before."""
    listener = bind("127.0.0.1", 0)
    app = create_app(Settings(), load_first=True)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110  # uvicorn tells nobody
        await asyncio.sleep(SAMPLE_SECONDS)
    stalls = [0.0]

    async def watch() -> None:
        while True:
            slept = perf_counter()
            await asyncio.sleep(SAMPLE_SECONDS)
            stalls.append(max(stalls.pop(), perf_counter() - slept - SAMPLE_SECONDS))

    watching = asyncio.create_task(watch())
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while await reader.readline():
        await asyncio.sleep(5 * SAMPLE_SECONDS)  # in which the watcher sees how the last request ended
        print(stalls[0], flush=True)
        stalls[0] = 0.0
    watching.cancel()
    server.should_exit = True
    await serving


if __name__ == "__main__":
    uvloop.run(_serve())
