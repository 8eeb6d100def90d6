"""Load from wrk, and servers in processes of their own to put it on."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

UNREPEATED = Path(__file__).with_name("unrepeated.lua")
START_SECONDS = 60
COMMANDS = {
    "peers": ["-m", "uvicorn", "tests.benchmarks.peers:app", "--no-access-log", "--log-level", "warning", "--port"],
    "litserve": ["-m", "tests.benchmarks.litserve_peer"],
    "service": ["-m", "service", "serve", "--log-level", "warning", "--port"],
}
"""What python is given before the number of a port."""


@dataclass(frozen=True)
class Target:
    """An endpoint under load: every request posts another sentence, except where clients hold the answer already."""

    name: str
    server: str
    path: str
    fields: str = ""
    seeds: bool = False
    """Whether every request has another seed, so that nothing it draws was drawn before."""
    is_held: bool = False
    """Whether one URL is read again and again with the tag of its answer, as caches do to see that nothing changed."""


def load(url: str, target: Target, start: int, seconds: int) -> float:
    """Requests a second of 16 clients, all of them answered; their sentences are counted from `start`."""
    if target.is_held:
        tag = httpx.get(url + target.path).headers["ETag"]
        return _wrk(url + target.path, seconds, ["-H", f"If-None-Match: {tag}"], {})
    environment = {"START": str(start), "FIELDS": target.fields, "SEEDS": str(int(target.seeds))}
    return _wrk(url + target.path, seconds, ["-s", str(UNREPEATED)], environment)


def _wrk(url: str, seconds: int, arguments: Sequence[str], environment: Mapping[str, str]) -> float:
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", *arguments, url]
    printed = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=True).stdout
    if "Socket errors" in printed or "Non-2xx" in printed:
        raise SystemExit(f"{url} answered errors:\n{printed}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert found is not None
    return float(found[1])


@contextlib.contextmanager
def serving(command: Sequence[str], path: str = "/tokenize") -> Iterator[str]:
    """The address of a server, once it answers a sentence at `path`; all its processes end with it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen([sys.executable, *command, str(port)], start_new_session=True)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _answers(url + path):
            assert process.poll() is None, f"{command} ended"
            assert time.monotonic() < deadline, f"{command} does not answer"
            time.sleep(0.1)
        yield url
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _answers(url: str) -> bool:
    try:
        return httpx.post(url, json={"sentence": "hi"}).is_success
    except httpx.TransportError:
        return False
