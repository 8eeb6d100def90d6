"""Lines a second of one bulk stream, as ratios to the requests a second of 16 clients who post one by one."""

import http.client
import shutil
import socket
import statistics
import threading
import time
from urllib.parse import urlsplit

from tests.benchmarks.load import COMMANDS, Target, load, serving
from tests.benchmarks.tables import spread

PATHS = ("/tokenize", "/attention")
BAR = 3
BLOCK_LINES = 500
READ_BYTES = 1024 * 1024


def measure(rounds: int, seconds: int) -> list[dict[str, object]]:
    """Load each endpoint in both ways in turn, `rounds` times for `seconds` each; a row an endpoint."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    singles: dict[str, list[float]] = {path: [] for path in PATHS}
    streams: dict[str, list[float]] = {path: [] for path in PATHS}
    with serving(COMMANDS["service"]) as url:
        for number in range(rounds + 1):
            for path in PATHS:
                start = (number + 1) * 1_000_000
                singles[path].append(load(url, Target(path, "service", path), start, seconds))
                streams[path].append(stream(url, path, start + 500_000, seconds))
    return [_row(path, singles[path][1:], streams[path][1:]) for path in PATHS]  # the first round warms up


def stream(url: str, path: str, start: int, seconds: float) -> float:
    """Answers a second of one stream, read while it is written; the sentences are counted from `start`."""
    address = urlsplit(url)
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked"
    with socket.create_connection((str(address.hostname), address.port or 80)) as connection:
        connection.sendall(f"{head}\r\n\r\n".encode())
        began = time.perf_counter()
        writing = threading.Thread(target=_write, args=(connection, start, began + seconds))
        writing.start()
        count = _count_answers(connection)
        writing.join()
        return count / (time.perf_counter() - began)


def _write(connection: socket.socket, start: int, until: float) -> None:
    while time.perf_counter() < until:
        lines = "".join(
            f'{{"sentence":"Transformers are powerful models for natural language processing {number}."}}\n'
            for number in range(start, start + BLOCK_LINES)
        )
        connection.sendall(f"{len(lines):x}\r\n{lines}\r\n".encode())
        start += BLOCK_LINES
    connection.sendall(b"0\r\n\r\n")


def _count_answers(connection: socket.socket) -> int:
    response = http.client.HTTPResponse(connection)
    response.begin()
    count = 0
    while received := response.read1(READ_BYTES):
        if b'"status":' in received:
            raise SystemExit(f"the stream answered an error:\n{received!r}")
        count += received.count(b"\n")
    return count


def _row(path: str, singles: list[float], streams: list[float]) -> dict[str, object]:
    ratios = [together / alone for together, alone in zip(streams, singles, strict=True)]
    return {
        "target": f"bulk {path}",
        "lines_a_second": round(statistics.median(streams)),
        "one_by_one": round(statistics.median(singles)),
        **spread(ratios, 2),
        "bar": BAR,
    }
