"""What a machine does to a process: its clock is set back, its disk is full or read-only, its descriptors run out."""

import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.conftest import START_SECONDS, Server, is_ready, poll, serving
from tests.faults.injecting import STALL_SECONDS

pytestmark = pytest.mark.slow

QUESTION = "/attention?sentence=The+cat+sat+on+the+mat.&decimals=3"
FAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
"""Debian's, of whatever architecture."""
READ_ONLY = """
mount -o remount,ro,bind /
for folder in / /tmp /var/tmp; do if touch "$folder/file" 2>/dev/null; then exit 1; fi; done
exec "$@"
"""
"""A command that has nowhere to write to."""
DESCRIPTORS = 64
CONNECTIONS = 300


@pytest.fixture(scope="module")
def answer(server_url: str) -> bytes:
    """What a server answers that nothing is done to."""
    return httpx.get(server_url + QUESTION).content


def is_unharmed(server: Server, answer: bytes) -> bool:
    got = httpx.get(server.url + QUESTION, timeout=START_SECONDS)
    return got.status_code == 200 and got.content == answer


def test_a_clock_that_is_set_back_and_forth_is_not_noticed(tmp_path: Path, answer: bytes) -> None:
    if FAKETIME is None:
        pytest.skip("libfaketime is not installed: apt-get install faketime")
    clock = tmp_path / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": str(FAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",  # seconds; to read the file at every look at the clock makes the start a minute
        "DONT_FAKE_MONOTONIC": "1",
    }
    with serving("--stall-timeout", str(STALL_SECONDS), environment=environment) as server:
        for days in (-400, 0, 400, -1):
            clock.write_text(f"{days:+}d")
            until = time.monotonic() + STALL_SECONDS + 1
            while time.monotonic() < until:
                assert is_unharmed(server, answer)
            told = parsedate_to_datetime(httpx.get(f"{server.url}/livez").headers["date"])
            assert round((told - datetime.now(UTC)) / timedelta(days=1)) == days
        assert " ERROR " not in server.log.read_text()


@contextmanager
def serving_without_log(errors: int, *command: str, environment: dict[str, str] | None = None) -> Iterator[str]:
    """A real server whose log goes to the descriptor `errors`, and its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [*command, sys.executable, "-m", "service", "serve", "--port", str(port)]
    process = subprocess.Popen(arguments, stderr=errors, env=os.environ | (environment or {}))
    url = f"http://127.0.0.1:{port}"

    try:
        poll(lambda: is_ready(url), process)
        yield url
        assert process.poll() is None
    finally:
        process.terminate()
        assert process.wait(START_SECONDS) == 0


def test_a_log_on_a_full_disk_harms_no_answer(answer: bytes) -> None:
    with Path("/dev/full").open("w") as full, serving_without_log(full.fileno()) as url:
        assert httpx.get(url + QUESTION).content == answer
        assert httpx.get(f"{url}/tokenize").status_code == 422
        assert httpx.get(url + QUESTION).content == answer


def test_nothing_need_be_writable(answer: bytes) -> None:
    shut = ["unshare", "--mount", "sh", "-euc", READ_ONLY, "-"]
    if subprocess.run([*shut, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted read-only here")
    with serving_without_log(subprocess.DEVNULL, *shut, environment={"HOME": "/nowhere", "TMPDIR": "/nowhere"}) as url:
        assert httpx.get(url + QUESTION).content == answer
        picture = httpx.get(f"{url}/heatmap?sentence=hi")
        assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")


def test_a_server_out_of_descriptors_recovers_and_logs_little(answer: bytes) -> None:
    with serving() as server, ExitStack() as connections:
        process = psutil.Process(server.process.pid)
        process.rlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))
        address = urlsplit(server.url)
        logged, used = server.log.stat().st_size, sum(process.cpu_times()[:2])
        for _ in range(CONNECTIONS):
            connections.enter_context(socket.create_connection((address.hostname, address.port or 80)))
        poll(lambda: process.num_fds() >= DESCRIPTORS, server.process)
        time.sleep(STALL_SECONDS)  # in which it could log and compute without end
        assert server.log.stat().st_size - logged < 100_000
        assert sum(process.cpu_times()[:2]) - used < STALL_SECONDS / 2
        connections.close()
        poll(lambda: process.num_fds() < DESCRIPTORS, server.process)
        assert httpx.get(f"{server.url}/livez", timeout=START_SECONDS).status_code == 200
        assert is_unharmed(server, answer)
