"""Several worker processes and their parent: real processes, killed and told to end."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.conftest import START_SECONDS, Server, poll, serving
from tests.models import save

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving("--workers", "2") as server:
        poll(lambda: server.log.read_text().count("ready: device") == 2, server.process)
        yield server


def workers(server: Server) -> list[psutil.Process]:
    """The processes that hold the port, but for the parent."""
    return workers_of(psutil.Process(server.process.pid))


def workers_of(parent: psutil.Process) -> list[psutil.Process]:
    return [child for child in parent.children() if any("spawn_main" in argument for argument in child.cmdline())]


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


def test_sighup_ends_and_restarts_nothing(server: Server) -> None:
    before = workers(server)
    server.process.send_signal(signal.SIGHUP)
    for worker in before:
        worker.send_signal(signal.SIGHUP)
    assert httpx.get(f"{server.url}/livez").status_code == 200
    assert workers(server) == before


def test_sighup_is_harmless_while_the_workers_start(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--workers", "2"]
    with log.open("w") as errors, subprocess.Popen(command, stderr=errors) as process:
        try:
            poll(lambda: "listening on" in log.read_text(), process)
            parent = psutil.Process(process.pid)
            while log.read_text().count("ready: device") < 2:
                for each in (parent, *workers_of(parent)):
                    each.send_signal(signal.SIGHUP)
                assert process.poll() is None
        finally:
            process.terminate()
    assert "is replaced" not in log.read_text()


def test_a_second_signal_ends_all_at_once() -> None:
    with serving("--workers", "2") as server:
        of_this = workers(server)
        of_this[0].suspend()  # and so does not end as it is told
        server.process.terminate()
        of_this[1].wait(START_SECONDS)
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(START_SECONDS) == 128 + signal.SIGINT
        assert len(psutil.wait_procs(of_this, START_SECONDS)[0]) == 2


def test_a_worker_that_does_not_end_in_time_is_killed() -> None:
    with serving("--workers", "2", "--shutdown-timeout", "1") as server:
        workers(server)[0].suspend()
        server.process.terminate()
        assert server.process.wait(START_SECONDS) == 1
        assert "workers did not end in time" in server.log.read_text()


def test_a_replacement_that_cannot_load_is_tried_again_with_growing_pauses(tmp_path: Path) -> None:
    folder, hidden = save("bert", tmp_path / "model"), tmp_path / "hidden"
    with serving("--workers", "2", "--models", f"mine={folder}") as server:
        poll(lambda: server.log.read_text().count("ready: device") == 2, server.process)
        folder.rename(hidden)
        workers(server)[0].kill()
        poll(lambda: "(exit code 1: model mine: " in server.log.read_text(), server.process)
        poll(lambda: "is replaced in 2 s" in server.log.read_text(), server.process)
        assert httpx.get(f"{server.url}/models/mine").status_code == 200
        hidden.rename(folder)
        poll(lambda: server.log.read_text().count("ready: device") == 3, server.process)
        assert re.findall(r"is replaced (.*)", server.log.read_text())[:3] == ["now", "in 1 s", "in 2 s"]


def test_a_signal_ends_a_pause_at_once(tmp_path: Path) -> None:
    folder = save("bert", tmp_path / "model")
    with serving("--workers", "2", "--models", f"mine={folder}") as server:
        poll(lambda: server.log.read_text().count("ready: device") == 2, server.process)
        folder.rename(tmp_path / "hidden")
        workers(server)[0].kill()  # of one that is just being started, the end would be waited for
        poll(lambda: "is replaced in 4 s" in server.log.read_text(), server.process)
        server.process.terminate()
        assert server.process.wait(3) == 0


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
