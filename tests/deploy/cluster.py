"""A cluster of two nodes on this machine, made by the service's own commands, and a client that retries once."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from tests.sockets import free_ports

ROOT = Path(__file__).parents[2]
START_SECONDS = 240
"""Ray starts a dozen processes for each node."""
STOP_SECONDS = 60
ANSWER_SECONDS = 10
"""How long a client waits."""
LONG_QUESTION = "/attention?include=scores,attentions&sentence=" + "word+" * 500
QUESTION = "/attention?sentence=The+cat+sat+on+the+mat."


@dataclass
class Cluster:
    """A head and the nodes that joined it."""

    url: str
    log: Path
    environment: dict[str, str]
    """What other commands find it by."""
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def replicas(self) -> list[psutil.Process]:
        """The processes that serve."""
        return [replica for process in self.processes for replica in self.replicas_of(process)]

    @staticmethod
    def replicas_of(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Those of the node that `process` is."""
        below = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        return [child for child in below if _title(child).startswith("ray::ServeReplica")]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


@contextmanager
def cluster(*flags: str, nodes: int = 2) -> Iterator[Cluster]:
    """A cluster of `nodes` nodes with a CPU each, ready; `flags` are those of `attention-service cluster`."""
    port, head_port, statistics, metrics, fallback = free_ports(5)
    environment = os.environ | {
        "ATTENTION_CLUSTER_PORT": str(head_port),
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": str(fallback),
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(statistics),
    }
    head = ["--port", str(port), "--replica-memory", "0", *flags]
    roles = [head, *[["--join", f"127.0.0.1:{head_port}"]] * (nodes - 1)]
    with tempfile.NamedTemporaryFile("r") as log:
        told = environment | {"RAY_ADDRESS": f"127.0.0.1:{head_port}"}
        made = Cluster(f"http://127.0.0.1:{port}", Path(log.name), told)
        try:
            for role in roles:
                command = [sys.executable, "-m", "service", "cluster", "--node-cpus", "1", *role]
                made.processes.append(subprocess.Popen(command, env=environment, stderr=log.fileno()))
            _await(made)
            yield made
        finally:
            for process in reversed(made.processes):
                process.terminate()
            for process in made.processes:
                try:
                    process.wait(STOP_SECONDS)
                except subprocess.TimeoutExpired:
                    process.kill()


def _await(made: Cluster) -> None:
    deadline = time.monotonic() + START_SECONDS
    while "listening on" not in made.log.read_text():
        assert made.processes[0].poll() is None, made.log.read_text()[-2000:]
        assert time.monotonic() < deadline, f"not ready: {made.log.read_text()[-2000:]}"
        time.sleep(0.1)


@dataclass
class Load:
    """What became of requests, sent at a rate whatever becomes of them."""

    answered: int = 0
    failed: list[str] = field(default_factory=list)
    sent_again: list[str] = field(default_factory=list)
    """Why, for each of them."""

    async def run(self, url: str, count: int, a_second: float) -> None:
        """Send `count` requests; each that fails is sent once more."""
        client = httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS, limits=httpx.Limits(max_connections=None))
        async with client, asyncio.TaskGroup() as group:
            for _ in range(count):
                group.create_task(self._ask(client))
                await asyncio.sleep(1 / a_second)

    async def keep(self, url: str, clients: int, until: Callable[[], Awaitable[object]]) -> None:
        """Have so many `clients` ask without a pause, for long answers, until something holds."""
        over = asyncio.Event()

        async def ask(client: httpx.AsyncClient) -> None:
            while not over.is_set():
                await self._ask(client, LONG_QUESTION)

        async with httpx.AsyncClient(base_url=url, timeout=ANSWER_SECONDS) as client, asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(ask(client))
            try:
                await asyncio.wait_for(until(), START_SECONDS)
            finally:
                over.set()

    async def _ask(self, client: httpx.AsyncClient, question: str = QUESTION) -> None:
        for attempt in (1, 2):
            try:
                response = await client.get(question)
            except httpx.TransportError as error:
                problem = repr(error)
            else:
                if response.is_success:
                    self.answered += 1
                    return
                problem = f"{response.status_code} {response.text[:200]}"
            (self.sent_again if attempt == 1 else self.failed).append(problem)


def check_contract(url: str) -> None:
    """Run every test of the contract against the service at `url`."""
    command = [sys.executable, "-m", "pytest", "-q", "--no-cov", "-m", "contract", "--url", url, "tests/api"]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    print(process.stdout.splitlines()[-1])
    assert process.returncode == 0, process.stdout[-3000:]


async def who_answers(url: str, count: int = 40) -> set[str]:
    """The processes that answer some of `count` requests, by what their ids begin with."""
    found = set()
    async with httpx.AsyncClient(base_url=url, headers={"connection": "close"}) as client:
        for _ in range(count):
            with suppress(httpx.TransportError):
                answer = await client.get("/tokenize?sentence=hi")
                found |= {answer.headers["x-request-id"][:16]} if answer.is_success else set()
    return found


def kill(process: psutil.Process) -> None:
    """End it as the kernel does where memory runs out."""
    process.send_signal(signal.SIGKILL)
