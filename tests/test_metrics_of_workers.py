"""What several workers count: any of them answers for all, also for those that died; real processes, killed."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.conftest import START_SECONDS, Server, poll, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving("--workers", "2", environment={"TMPDIR": str(tmp_path)}) as server:
        await_ready(server, 2)
        yield server


def await_ready(server: Server, workers: int) -> None:
    """Wait until so many have ever been ready."""
    poll(lambda: server.log.read_text().count("ready: device") == workers, server.process)


def scrape(server: Server) -> dict[tuple[str, ...], float]:
    """Every sample: its name and its labels' values, in the order of the labels' names."""
    text = httpx.get(f"{server.url}/metrics").text
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in parse(text)
        for sample in family.samples
    }


def ask(server: Server, times: int) -> None:
    for _ in range(times):  # each from a connection of its own, which any worker may take
        httpx.get(f"{server.url}/tokenize?sentence=hi").raise_for_status()


def counted(server: Server) -> tuple[float, float]:
    """Requests to /tokenize, by the counter and by the histogram."""
    samples = scrape(server)
    count = samples.get(("attention_requests_total", "/tokenize", "GET", "200"), 0.0)
    return count, samples.get(("attention_request_duration_seconds_count", "/tokenize"), 0.0)


def pids(server: Server) -> set[str]:
    return {key[1] for key in scrape(server) if key[0] == "attention_worker_resident_bytes"}


def test_counts_are_right_after_workers_were_killed_and_leave_no_files(server: Server, tmp_path: Path) -> None:
    (folder,) = tmp_path.glob("attention-metrics-*")
    ask(server, 40)
    poll(lambda: counted(server) == (40, 40), server.process)
    for replaced in (1, 2):
        before = pids(server)
        assert len(before) == 2
        psutil.Process(int(min(before))).kill()
        await_ready(server, 2 + replaced)
        assert counted(server) == (40, 40)
        assert len(pids(server) - before) == 1
        assert len(list(folder.iterdir())) == 1 + 2 + 2 * 3  # the lock, those of the dead, those of two workers
    ask(server, 10)
    poll(lambda: counted(server) == (50, 50), server.process)


def test_the_folder_is_gone_when_the_service_has_ended(server: Server, tmp_path: Path) -> None:
    assert list(tmp_path.glob("attention-metrics-*"))
    server.process.terminate()
    assert server.process.wait(START_SECONDS) == 0
    assert list(tmp_path.iterdir()) == []


def test_without_room_for_the_files_the_service_does_not_start(tmp_path: Path) -> None:
    code = "import shutil, sys\nfrom service import cli\n"
    code += "shutil.disk_usage = lambda _: shutil._ntuple_diskusage(1, 0, 1)\ncli.main()\n"
    command = [sys.executable, "-c", code, "serve", "--port", "0", "--workers", "2", "--log-level", "error"]
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 2
    assert "TMPDIR" in ended.stderr
    assert ended.stderr.count("\n") == 1
