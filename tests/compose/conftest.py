"""The image, built once, and the compose project under a name and on a port of its own, on a real Docker engine.

The environment may name one more compose file, ATTENTION_COMPOSE_OVERRIDE, and hold the build arguments (PIP_…,
BASE_IMAGE). The image stays as `attention-service:test`, so that the next build is short; all else is removed.
"""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import is_ready
from tests.sockets import free_ports

ROOT = Path(__file__).parents[2]
GPU_FILE = "service/deploy/docker-compose.gpu.yml"
IMAGE = "attention-service:test"
SENTENCE = "Transformers are powerful models for natural language processing."

START_SECONDS = 120
COMMAND_SECONDS = 120
BUILD_SECONDS = 1800

FETCH = (
    "import sys, urllib.request as u; sys.stdout.buffer.write(u.urlopen('http://127.0.0.1:8000' + sys.argv[1]).read())"
)
"""Gets a path of the service from inside its container, for containers without a network."""


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Poll `condition` until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def docker(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run `docker`, whatever its exit code."""
    return subprocess.run(["docker", *arguments], capture_output=True, check=False, timeout=COMMAND_SECONDS)


def output_of(*arguments: str) -> str:
    """What a `docker` command, which must succeed, prints."""
    process = docker(*arguments)
    assert process.returncode == 0, process.stderr.decode()
    return process.stdout.decode().strip()


def fetch_inside(container: str, path: str) -> bytes:
    """The answer to a GET from inside `container`; nothing while there is none."""
    return docker("exec", container, "python", "-c", FETCH, path).stdout


def new_name() -> str:
    """A name that nothing on this machine has."""
    return f"attention-test-{uuid.uuid4().hex[:8]}"


@dataclass(frozen=True)
class Project:
    """A compose project of the repository's compose files."""

    command: Sequence[str]
    name: str = field(default_factory=new_name)
    port: int = field(default_factory=lambda: free_ports(1)[0])
    settings: dict[str, str] = field(default_factory=dict)
    """Variables of the compose file that are not its defaults."""

    @property
    def url(self) -> str:
        """Where the service is published."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def container(self) -> str:
        """The id of the service's container, stopped or not."""
        return output_of("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.name}")

    def arguments(self, *arguments: str, files: Sequence[str] = ()) -> list[str]:
        """The command line that runs compose with further `files`."""
        override = os.environ.get("ATTENTION_COMPOSE_OVERRIDE")
        paths = ["docker-compose.yml", *files, *([override] if override else [])]
        return [*self.command, "-p", self.name, *(part for path in paths for part in ("-f", path)), *arguments]

    def environment(self, **more: str) -> dict[str, str]:
        """The environment without settings of whoever runs the tests."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ATTENTION_", "COMPOSE_"))}
        return kept | {"ATTENTION_IMAGE": IMAGE, "ATTENTION_PUBLISH": f"127.0.0.1:{self.port}"} | self.settings | more

    def run(self, *arguments: str, seconds: float = COMMAND_SECONDS) -> None:
        """Run compose; it must succeed."""
        process = subprocess.run(
            self.arguments(*arguments),
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=seconds,
        )
        assert process.returncode == 0, process.stdout.decode()[-3000:]

    def is_ready(self) -> bool:
        """Whether the service answers that it is ready."""
        return is_ready(self.url)


@pytest.fixture(scope="session", autouse=True)
def engine() -> None:
    """A Docker engine that answers, or the tests are skipped."""
    if shutil.which("docker") is None:
        pytest.skip("no docker command on this machine")
    if (process := docker("info")).returncode != 0:
        pytest.skip(f"no Docker engine answers: {process.stderr.decode().strip()}")


@pytest.fixture(scope="session")
def compose(engine: None) -> list[str]:  # noqa: ARG001  # it skips
    """Today's `docker compose`, or the older `docker-compose`."""
    if docker("compose", "version").returncode == 0:
        return ["docker", "compose"]
    if shutil.which("docker-compose") is None:
        pytest.skip("neither `docker compose` nor `docker-compose` is on this machine")
    return ["docker-compose"]


@pytest.fixture(scope="session")
def image(compose: list[str]) -> str:
    """The image, built as the compose file says."""
    Project(compose).run("build", "service", seconds=BUILD_SECONDS)
    return IMAGE


@contextmanager
def deployed(compose: list[str], **settings: str) -> Iterator[Project]:
    """The compose project with `settings`, up and ready; removed afterwards with its volumes."""
    project = Project(compose, settings=settings)
    try:
        project.run("up", "-d", "--no-build")
        wait_until(project.is_ready, "the service is ready")
        yield project
    finally:
        project.run("down", "--volumes", "--timeout", "1")
