"""Load from wrk, and servers in processes of their own to put it on."""

import contextlib
import os
import re
import resource
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
MOST_SECONDS = 600
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


def load(url: str, target: Target, start: int, seconds: int, clients: int = 16) -> float:
    """Requests a second of so many `clients`, all of them answered; their sentences are counted from `start`."""
    arguments = [f"-c{clients}", f"-d{seconds}s"]
    if target.is_held:
        held = {"Accept-Encoding": "identity"}  # as wrk asks; each coding has a tag of its own
        held["If-None-Match"] = httpx.get(url + target.path, headers=held).headers["ETag"]
        assert httpx.get(url + target.path, headers=held).status_code == httpx.codes.NOT_MODIFIED
        headers = [part for name, value in held.items() for part in ("-H", f"{name}: {value}")]
        return _rate(_start(url + target.path, [*arguments, *headers], {}))
    environment = {"START": str(start), "FIELDS": target.fields, "SEEDS": str(int(target.seeds))}
    return _rate(_start(url + target.path, [*arguments, "-s", str(UNREPEATED)], environment))


def seconds_of_children() -> float:
    """Processor time of the children that have ended: the load generators, as the servers live."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def long_texts(url: str, start: int) -> Iterator[None]:
    """One client of /attention whose texts have 512 tokens, until the context ends; all of it is answered."""
    environment = {"OPENING": "cat " * 508, "START": str(start)}
    process = _start(f"{url}/attention", ["-c1", f"-d{MOST_SECONDS}s", "-s", str(UNREPEATED)], environment)
    try:
        yield
    finally:
        process.send_signal(signal.SIGINT)  # it ends, and prints what became of its requests
        assert _rate(process) > 0


def _start(url: str, arguments: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed: apt-get install wrk")
    command = ["wrk", "-t1", *arguments, url]
    return subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.PIPE, text=True)


def _rate(process: "subprocess.Popen[str]") -> float:
    printed, _ = process.communicate()
    if process.returncode or "Socket errors" in printed or "Non-2xx" in printed:
        raise SystemExit(f"wrk was answered errors:\n{printed}")
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
