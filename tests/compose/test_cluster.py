"""A cluster of three containers, a head and two workers, each with an address of its own and room for one replica."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from service.engine.device import DEFAULT_THREADS
from tests.compose.conftest import BUILD_SECONDS, Project, docker, output_of
from tests.deploy.cluster import Load, check_contract, who_answers

pytestmark = pytest.mark.compose
IMAGE = "attention-service:test-cluster"
START_SECONDS = 300
RESTORE_SECONDS = 30
UP = ("up", "-d", "--no-build", "--scale", "worker=2", "head", "worker")


@pytest.fixture(scope="module")
def project(compose: list[str]) -> Iterator[Project]:
    """The cluster, ready: two replicas, each in a container of its own."""
    settings = {
        "ATTENTION_IMAGE": IMAGE,
        "ATTENTION_EXTRAS": "cluster",
        "COMPOSE_PROFILES": "cluster",
        "ATTENTION_HEAD_CPUS": "1",  # with one on each worker: a place more than replicas
        "ATTENTION_NUM_THREADS": str(DEFAULT_THREADS),  # on how many the last bits depend
    }
    project = Project(compose, settings=settings)
    project.run("build", "service", seconds=BUILD_SECONDS)
    try:
        project.run(*UP)
        asyncio.run(answered_by_two(project))
        yield project
    finally:
        project.run("down", "--volumes", "--timeout", "60", seconds=START_SECONDS)


async def answered_by_two(project: Project) -> None:
    """Wait until two replicas answer."""
    async with asyncio.timeout(START_SECONDS):
        while len(await who_answers(project.url)) < 2:
            pass


def workers(project: Project) -> list[str]:
    """The ids of the workers' containers that run."""
    filters = [f"label=com.docker.compose.project={project.name}", "label=com.docker.compose.service=worker"]
    return output_of("ps", "-q", *(part for each in filters for part in ("--filter", each))).split()


@pytest.fixture
def restored(project: Project) -> Iterator[Project]:
    """The cluster; what a test does to it is undone."""
    yield project
    project.run(*UP)
    network = f"{project.name}_nodes"
    for worker in workers(project):
        docker("network", "connect", network, worker)
    asyncio.run(answered_by_two(project))


def test_every_test_of_the_contract_passes(project: Project) -> None:
    check_contract(project.url)


def test_only_the_proxy_is_published(project: Project) -> None:
    containers = output_of("ps", "-q", "--filter", f"label=com.docker.compose.project={project.name}").split()
    published = [line for each in containers for line in output_of("port", each).splitlines()]
    assert published == [f"8000/tcp -> 127.0.0.1:{project.port}"]


def test_without_the_token_nothing_runs_on_the_cluster(project: Project) -> None:
    script = "import ray; ray.init('cluster-head:6379')"
    process = docker("exec", "-e", "RAY_AUTH_TOKEN=wrong-" + "0" * 58, workers(project)[0], "python", "-c", script)
    assert process.returncode != 0
    assert b"uthent" in process.stderr, process.stderr[-2000:]


@pytest.mark.parametrize("loss", ["kill", "cut"])
async def test_a_worker_that_is_lost_fails_no_request_twice(restored: Project, loss: str) -> None:
    load, victim = Load(), next(each for each in workers(restored) if "ray::ServeReplica" in output_of("top", each))
    running = asyncio.create_task(load.run(restored.url, 1000, a_second=20))
    await asyncio.sleep(5)
    before = await who_answers(restored.url)
    lose = {"kill": ("kill", victim), "cut": ("network", "disconnect", f"{restored.name}_nodes", victim)}[loss]
    output_of(*lose)
    lost = time.monotonic()
    while len(await who_answers(restored.url) - before) == 0:
        assert time.monotonic() - lost < RESTORE_SECONDS
        await asyncio.sleep(0.5)
    print(f"{loss}: capacity restored after {time.monotonic() - lost:.1f} s")
    await running
    print(f"1,000 requests, {len(load.sent_again)} sent again {load.sent_again[:3]}, {len(load.failed)} failed")
    assert load.failed == []
