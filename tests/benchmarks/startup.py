"""How long `serve` takes until it is ready, as a ratio to importing torch and transformers' tokenizer."""

import socket
import statistics
import subprocess
import sys
import time

import httpx

IMPORTS = "import torch, transformers; transformers.BertTokenizer"
BAR = 1.5


def measure(rounds: int) -> list[dict[str, object]]:
    """Start both in turn, `rounds` times; one row."""
    imports, starts = [], []
    for _ in range(rounds):
        imports.append(_seconds_to_import())
        starts.append(_seconds_to_ready())
    ratios = [start / least for start, least in zip(starts, imports, strict=True)]
    return [
        {
            "target": "serve until ready",
            "seconds": round(statistics.median(starts), 2),
            "seconds_to_import": round(statistics.median(imports), 2),
            "ratio_to_imports": round(statistics.median(ratios), 3),
            "lowest": round(min(ratios), 3),
            "highest": round(max(ratios), 3),
            "bar": BAR,
        }
    ]


def _seconds_to_import() -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", IMPORTS], check=True)
    return time.perf_counter() - started


def _seconds_to_ready() -> float:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "service", "serve", "--log-level", "error", "--port", str(port)])
    try:
        while not _is_ready(port):
            assert process.poll() is None, "the server ended"
            time.sleep(0.01)
        return time.perf_counter() - started
    finally:
        process.terminate()
        process.wait()


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
    except httpx.TransportError:
        return False
