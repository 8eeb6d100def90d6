"""`docker-compose up`: the service answers, with no more rights than it needs."""

from collections.abc import Iterator

import httpx
import pytest

from tests.compose.conftest import SENTENCE, Project, deployed, docker, output_of, wait_until

pytestmark = pytest.mark.compose

SERVICE_STATUS = "cat /proc/$(cut -d ' ' -f 1 /proc/1/task/1/children)/status"
"""The kernel's words on the child of process 1, which is the container's init."""
PIDS_MAX = "/sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max"
"""The kernel's limit, with cgroups of version 2 or 1."""


@pytest.fixture(scope="module")
def project(image: str, compose: list[str]) -> Iterator[Project]:  # noqa: ARG001
    with deployed(compose) as project:
        yield project


@pytest.fixture(scope="module")
def status(project: Project) -> dict[str, list[str]]:
    """The lines of the service's /proc/…/status."""
    lines = output_of("exec", project.container, "sh", "-c", SERVICE_STATUS).splitlines()
    return {name: values.split() for name, _, values in (line.partition(":") for line in lines)}


def test_docker_calls_it_healthy(project: Project) -> None:
    def is_healthy() -> bool:
        return output_of("inspect", "-f", "{{.State.Health.Status}}", project.container) == "healthy"

    wait_until(is_healthy, "the container is healthy")


def test_readyz_says_ready(project: Project) -> None:
    assert httpx.get(f"{project.url}/readyz").json() == {"status": "ready"}


def test_tokenize_answers_the_tokens(project: Project) -> None:
    answer = httpx.post(f"{project.url}/tokenize", json={"sentence": SENTENCE}).json()
    assert len(answer["tokens"]) == 9


def test_attention_answers_rows_that_sum_to_1(project: Project) -> None:
    answer = httpx.post(f"{project.url}/attention", json={"sentence": SENTENCE}).json()
    assert [sum(row) for row in answer["attentions"][0][0]] == pytest.approx([1] * 9)


def test_heatmap_answers_a_png(project: Project) -> None:
    picture = httpx.post(f"{project.url}/heatmap", json={"sentence": SENTENCE}).content
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")


def test_it_runs_as_a_user_without_rights(status: dict[str, list[str]]) -> None:
    assert set(status["Uid"]) == {"10001"}


def test_it_runs_in_group_0(status: dict[str, list[str]]) -> None:
    assert set(status["Gid"]) == {"0"}


@pytest.mark.parametrize("kind", ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
def test_it_has_no_capabilities(status: dict[str, list[str]], kind: str) -> None:
    assert int(status[kind][0], 16) == 0


def test_it_cannot_gain_privileges(status: dict[str, list[str]]) -> None:
    assert status["NoNewPrivs"] == ["1"]


def test_its_processes_and_threads_are_limited(project: Project) -> None:
    assert output_of("exec", project.container, "sh", "-c", f"cat {PIDS_MAX} 2>/dev/null || true") == "1024"


def test_not_even_root_can_write_to_its_root_file_system(project: Project) -> None:
    process = docker("exec", "--user", "0", project.container, "touch", "/file")
    assert b"Read-only file system" in process.stderr


def test_it_can_write_to_its_cache(project: Project) -> None:
    assert docker("exec", project.container, "touch", "/cache/file").returncode == 0


def test_its_memory_has_no_swap_behind_it(project: Project) -> None:
    memory, with_swap = output_of(
        "inspect", "-f", "{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}", project.container
    ).split()
    assert int(memory) == int(with_swap) > 0
