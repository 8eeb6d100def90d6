"""Stuck is dead: a process that makes no progress ends, and one that was merely suspended does not."""

import signal
import time

import httpx
import pytest

from tests.conftest import START_SECONDS, poll
from tests.faults.injecting import STALL_SECONDS, exit_code_after, serving_with
from tests.test_supervisor import workers

pytestmark = pytest.mark.slow

STALLS = {"block_loop": "the event loop", "stick_engine": "the engine", "kill_engine": "the engine"}
"""Faults, and what stands still then."""


@pytest.mark.parametrize("fault", STALLS)
def test_a_process_that_stands_still_ends_with_70_and_says_what_stood_still(fault: str) -> None:
    with serving_with(fault) as server:
        assert exit_code_after(server) == 70
        log = server.log.read_text()
    (line,) = (line for line in log.splitlines() if " ERROR " in line)
    assert f"{STALLS[fault]} has stood still for {STALL_SECONDS} s" in line
    assert "Thread 0x" in log  # all stacks follow


def test_c_code_that_keeps_the_interpreter_is_ended_by_the_kernel() -> None:
    with serving_with("keep_interpreter") as server:
        assert exit_code_after(server) == -signal.SIGALRM
        assert "in keep_interpreter" in server.log.read_text()


def test_a_process_that_cannot_write_its_log_ends_all_the_same() -> None:
    with serving_with("block_loop_and_log") as server:
        assert exit_code_after(server) == -signal.SIGALRM


def test_a_process_that_was_suspended_goes_on() -> None:
    with serving_with("block_loop") as server:
        server.process.send_signal(signal.SIGSTOP)
        time.sleep(3 * STALL_SECONDS)  # no condition tells how long a process has stood still
        server.process.send_signal(signal.SIGCONT)
        until = time.monotonic() + 2 * STALL_SECONDS
        while time.monotonic() < until:
            assert httpx.get(f"{server.url}/livez").status_code == 200
        assert server.process.poll() is None


@pytest.mark.parametrize("fault", STALLS)
def test_a_worker_that_stands_still_is_replaced_and_the_service_goes_on(fault: str) -> None:
    with serving_with(fault, "--workers", "2") as server:
        poll(lambda: server.log.read_text().count("ready: device") == 2, server.process)
        stuck, other = workers(server)
        stuck.send_signal(signal.SIGUSR1)
        stuck.wait(START_SECONDS)
        ended = time.monotonic()
        poll(lambda: server.log.read_text().count("ready: device") == 3, server.process)
        assert time.monotonic() - ended < 10
        assert other in workers(server)
        assert len(workers(server)) == 2
        assert "(exit code 70)" in server.log.read_text()
        assert httpx.get(f"{server.url}/attention?sentence=hi", timeout=START_SECONDS).status_code == 200
