"""How long `serve` takes until it answers and until it is ready, as ratios to the least that each needs."""

import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial

from tests.benchmarks.tables import spread

IMPORTS = "import torch, transformers; transformers.BertTokenizer"
BARE = ("-m", "uvicorn", "tests.benchmarks.bare:app", "--log-level", "error", "--no-access-log")
SERVICE = ("-m", "service", "serve", "--log-level", "error")
POLL_SECONDS = {"/livez": 0.002, "/readyz": 0.02}
"""What is asked while it loads answers instead of loading, so it is not asked too often."""


def measure(rounds: int) -> list[dict[str, object]]:
    """Start all in turn, `rounds` times; a row for each of the service's moments."""
    starts: dict[str, Callable[[], float]] = {
        "bare": partial(_seconds_to_answer, BARE, "/livez"),
        "alive": partial(_seconds_to_answer, SERVICE, "/livez"),
        "imports": _seconds_to_import,
        "ready": partial(_seconds_to_answer, SERVICE, "/readyz"),
    }
    seconds: dict[str, list[float]] = {name: [] for name in starts}
    for _ in range(rounds):
        for name, start in starts.items():
            seconds[name].append(start())
    return [
        _row("serve until /livez answers", "a bare FastAPI app", seconds["alive"], seconds["bare"], bar=1.2),
        _row("serve until ready", "import torch, BertTokenizer", seconds["ready"], seconds["imports"], bar=1.3),
    ]


def _row(target: str, peer: str, ours: list[float], theirs: list[float], bar: float) -> dict[str, object]:
    ratios = [own / other for own, other in zip(ours, theirs, strict=True)]
    return {
        "target": target,
        "peer": peer,
        "seconds": round(statistics.median(ours), 2),
        "peer_seconds": round(statistics.median(theirs), 2),
        **spread(ratios, 3),
        "bar": bar,
    }


def _seconds_to_import() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - started


def _seconds_to_answer(command: Sequence[str], path: str) -> float:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *command, "--port", str(port)])
    try:
        while not _answers(port, path):
            assert process.poll() is None, f"{command} ended"
            time.sleep(POLL_SECONDS[path])
        return time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def _answers(port: int, path: str) -> bool:
    """By a socket: a client's library costs the server's core time while it starts."""
    try:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False
