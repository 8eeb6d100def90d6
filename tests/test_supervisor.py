"""Several worker processes and their parent: real processes, killed and told to end."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import START_SECONDS, Server, poll, serving

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--workers", "2") as server:
        poll(lambda: server.log.read_text().count("ready: device") == 2, server.process)
        yield server


def workers(server: Server) -> list[psutil.Process]:
    """The processes that hold the port, but for the parent."""
    children = psutil.Process(server.process.pid).children()
    return [child for child in children if any("spawn_main" in argument for argument in child.cmdline())]


def test_as_many_processes_answer_as_there_are_workers(server: Server) -> None:
    assert len(workers(server)) == 2
    # ids begin with what is each process's own
    poll(lambda: len({request_id(server)[:16] for _ in range(20)}) == 2, server.process)


def request_id(server: Server) -> str:
    return httpx.get(f"{server.url}/livez").headers["x-request-id"]


def test_the_cores_are_shared_out_between_the_workers(server: Server) -> None:
    import torch  # noqa: PLC0415  # what the service counts with

    assert httpx.get(f"{server.url}/info").json()["num_threads"] == max(1, torch.get_num_threads() // 2)


def test_the_parent_imports_no_torch(server: Server) -> None:
    libraries = {Path(mapping.path).name for mapping in psutil.Process(server.process.pid).memory_maps()}
    assert not any(name.startswith("libtorch") for name in libraries)


def test_a_worker_that_is_killed_is_replaced_and_no_request_fails(server: Server) -> None:
    killed, other = workers(server)
    killed.kill()
    killed.wait(START_SECONDS)
    answers = []

    def is_replaced() -> bool:
        answers.append(httpx.post(f"{server.url}/attention", json={"sentence": "hi"}).status_code)
        return server.log.read_text().count("ready: device") == 3

    poll(is_replaced, server.process)
    assert set(answers) == {200}
    assert other in workers(server)
    assert len(workers(server)) == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_the_parent_ends_all_with_exit_code_0(number: signal.Signals) -> None:
    with serving("--workers", "2") as server:
        of_this = workers(server)
        server.process.send_signal(number)
        assert server.process.wait(START_SECONDS) == 0
        assert not any(worker.is_running() for worker in of_this)


def test_workers_end_when_their_parent_is_killed() -> None:
    with serving("--workers", "2") as server:
        of_this = workers(server)
        server.process.kill()
        gone, alive = psutil.wait_procs(of_this, START_SECONDS)
        assert len(gone) == 2
        assert not alive


def test_what_cannot_be_loaded_ends_the_service_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--workers", "2", "--log-level", "error"]
    ended = subprocess.run(
        [*command, "--models", f"broken={tmp_path}"],
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
        env=os.environ,
    )
    assert ended.returncode == 2
    assert ended.stderr.startswith("attention-service: model broken: ")
    assert ended.stderr.count("\n") == 1
