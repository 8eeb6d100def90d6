"""`docker-compose stop` under load: what is in flight is answered, then the service ends as if nothing was."""

import math
import subprocess
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass

import httpx
import pytest

from tests.compose.conftest import COMMAND_SECONDS, ROOT, Project, deployed, output_of, wait_until

pytestmark = pytest.mark.compose

GRACE_SECONDS = 35
"""The compose file's stop_grace_period."""

QUEUED_SECONDS = 8
"""Work to have in flight: more than compose takes to say stop, much less than the shutdown timeout of 25 s."""

TOKENS = 1500
HEADS = 64
SLOW = {"sentence": "attention " * TOKENS, "num_heads": HEADS, "d_k": 64, "include": ["output"]}


@dataclass(frozen=True)
class Stop:
    """How a stop under load went."""

    answers: list[httpx.Response | httpx.TransportError]
    seconds: float
    exit_code: int


def ask_slowly(url: str) -> httpx.Response | httpx.TransportError:
    try:
        return httpx.post(f"{url}/attention", json=SLOW, timeout=COMMAND_SECONDS)
    except httpx.TransportError as error:
        return error


def is_stopping(url: str) -> bool:
    """Whether the service takes no new requests: the first thing that it does when it is told to stop."""
    try:
        return httpx.get(f"{url}/readyz").status_code == httpx.codes.SERVICE_UNAVAILABLE
    except httpx.TransportError:
        return True


def stop_while_working(project: Project, requests: int) -> tuple[list[httpx.Response | httpx.TransportError], float]:
    """The answers to so many slow requests, most of them in flight as the service stops; how long stopping took."""
    with ThreadPoolExecutor(requests) as pool:
        futures = [pool.submit(ask_slowly, project.url) for _ in range(requests)]
        wait(futures, timeout=COMMAND_SECONDS, return_when=FIRST_COMPLETED)  # the others are queued behind it
        started = time.monotonic()
        with subprocess.Popen(
            project.arguments("stop"),
            cwd=ROOT,
            env=project.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as stopping:
            wait_until(lambda: is_stopping(project.url), "the service stops")
            assert not all(future.done() for future in futures), "no request was in flight as it stopped"
            stopping.wait(COMMAND_SECONDS)
        seconds = time.monotonic() - started
        return [future.result() for future in futures], seconds


@pytest.fixture(scope="module")
def stop(image: str, compose: list[str]) -> Stop:  # noqa: ARG001
    with deployed(compose) as project:
        started = time.monotonic()
        answer = ask_slowly(project.url)
        requests = math.ceil(QUEUED_SECONDS / (time.monotonic() - started))
        assert isinstance(answer, httpx.Response), repr(answer)
        assert answer.is_success, answer.text
        answers, seconds = stop_while_working(project, requests)
        return Stop(answers, seconds, int(output_of("inspect", "-f", "{{.State.ExitCode}}", project.container)))


def test_requests_in_flight_are_answered_in_full(stop: Stop) -> None:
    for answer in stop.answers:
        assert isinstance(answer, httpx.Response), repr(answer)
        assert answer.status_code == 200, answer.text
        assert [len(head) for head in answer.json()["output"][0]] == [TOKENS] * HEADS


def test_it_ends_with_exit_code_0(stop: Stop) -> None:
    assert stop.exit_code == 0


def test_it_ends_within_the_grace_period(stop: Stop) -> None:
    assert stop.seconds < GRACE_SECONDS
