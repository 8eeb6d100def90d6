"""`docker run`: any user, no network, a read-only root; commands; errors."""

import json
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.compose.conftest import SENTENCE, docker, fetch_inside, new_name, output_of, wait_until

pytestmark = pytest.mark.compose

ANY_USER = "12345:0"
QUERY = f"?sentence={quote(SENTENCE)}"


@pytest.fixture(scope="module")
def shut_in(image: str) -> Iterator[str]:
    """A ready container of an arbitrary user that can neither write nor reach anything, and has no shell."""
    name = new_name()
    limits = ("--user", ANY_USER, "--network", "none", "--read-only", "--tmpfs", "/tmp")  # noqa: S108  # the container's
    no_shell = ("-v", "/dev/null:/bin/sh:ro", "-v", "/dev/null:/bin/bash:ro")
    try:
        output_of("run", "-d", "--name", name, *limits, *no_shell, image)
        wait_until(lambda: fetch_inside(name, "/readyz") != b"", "the shut-in service is ready")
        yield name
    finally:
        output_of("rm", "-f", name)


@pytest.fixture
def volume() -> Iterator[str]:
    """The name of a volume that is not there yet."""
    name = new_name()
    yield name
    output_of("volume", "rm", name)


def test_any_user_without_network_gets_tokens(shut_in: str) -> None:
    assert len(json.loads(fetch_inside(shut_in, f"/tokenize{QUERY}"))["tokens"]) == 9


def test_any_user_without_network_gets_attentions(shut_in: str) -> None:
    attentions = json.loads(fetch_inside(shut_in, f"/attention{QUERY}"))["attentions"]
    assert [sum(row) for row in attentions[0][0]] == pytest.approx([1] * 9)


def test_any_user_without_network_gets_a_picture(shut_in: str) -> None:
    assert fetch_inside(shut_in, f"/heatmap{QUERY}").startswith(b"\x89PNG\r\n\x1a\n")


def test_without_a_shell_it_is_healthy(shut_in: str) -> None:
    assert docker("exec", shut_in, "sh", "-c", "true").returncode != 0
    wait_until(
        lambda: output_of("inspect", "-f", "{{.State.Health.Status}}", shut_in) == "healthy", "the container is healthy"
    )


@pytest.mark.parametrize("secret", ["PIP_", "TOKEN", "API_KEY", "://"])
def test_its_history_and_configuration_hold_no_secret(image: str, secret: str) -> None:
    """Build arguments, which may hold an index's password, stay in the stage that builds."""
    history = output_of("history", "--no-trunc", "--format", "{{.CreatedBy}}", image)
    configuration = output_of("image", "inspect", "-f", "{{json .Config.Env}} {{json .Config.Labels}}", image)
    assert secret not in history.replace("http://127.0.0.1:", "") + configuration  # the health check's address


def test_it_has_no_pip(image: str) -> None:
    assert docker("run", "--rm", "--entrypoint", "python", image, "-m", "pip").returncode != 0


def test_its_user_is_not_root(image: str) -> None:
    assert output_of("image", "inspect", "-f", "{{.Config.User}}", image) == "10001:0"


def test_any_user_can_write_to_a_new_volume_of_the_cache(image: str, volume: str) -> None:
    process = docker(
        "run", "--rm", "--user", ANY_USER, "-v", f"{volume}:/cache", "--entrypoint", "touch", image, "/cache/file"
    )
    assert process.returncode == 0, process.stderr.decode()


def test_a_device_that_is_not_there_ends_with_exit_code_2(image: str) -> None:
    assert docker("run", "--rm", "-e", "ATTENTION_DEVICE=cuda", image).returncode == 2


def test_a_device_that_is_not_there_is_told_in_the_last_line(image: str) -> None:
    last_line = docker("run", "--rm", "-e", "ATTENTION_DEVICE=cuda", image).stderr.decode().splitlines()[-1]
    assert last_line == "attention-service: Device 'cuda' is not on this machine, which has: cpu."


def test_a_setting_that_cannot_be_is_told_in_one_line(image: str) -> None:
    lines = docker("run", "--rm", "-e", "ATTENTION_PORT=none", image).stderr.decode().splitlines()
    assert [line.split(":")[1].strip() for line in lines] == ["ATTENTION_PORT"]


def test_a_setting_that_cannot_be_ends_with_exit_code_2(image: str) -> None:
    assert docker("run", "--rm", "-e", "ATTENTION_PORT=none", image).returncode == 2


def test_commands_run_without_a_server(image: str) -> None:
    assert json.loads(output_of("run", "--rm", image, "tokenize", "hi"))["tokens"] == ["hi"]
