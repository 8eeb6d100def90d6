"""The compose files: accepted by compose, and they say what the settings say."""

import subprocess
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from service.settings import ENV_PREFIX, Settings
from tests.compose.conftest import COMMAND_SECONDS, GPU_FILE, ROOT, Project
from tests.defaults import DEFAULTS

pytestmark = pytest.mark.compose

SETTINGS = {
    f"{ENV_PREFIX}{name.upper()}": default for name, default in DEFAULTS.items() if name not in {"host", "port"}
}
"""What compose hands on; where the service listens inside its container is the image's business."""
HUB = ("HF_TOKEN", "HF_HUB_OFFLINE")
"""What it hands on beside, under the hub's own names."""


def config(
    compose: list[str], *files: str, of: str = "service", unset: str | None = None, **environment: str
) -> dict[str, Any]:
    """The service `of` that name as `config` shows it."""
    project = Project(compose)
    variables = {name: value for name, value in project.environment(**environment).items() if name != unset}
    process = subprocess.run(
        project.arguments("--profile", "monitoring", "config", files=files),
        cwd=ROOT,
        env=variables,
        capture_output=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )
    assert process.returncode == 0, process.stderr.decode()
    service: dict[str, Any] = yaml.safe_load(process.stdout)["services"][of]
    return service


def test_the_compose_file_is_accepted(compose: list[str]) -> None:
    assert config(compose)


def test_the_gpu_override_reserves_an_nvidia_device(compose: list[str]) -> None:
    reserved = config(compose, GPU_FILE)["deploy"]["resources"]["reservations"]["devices"]
    assert [(device["driver"], device["capabilities"]) for device in reserved] == [("nvidia", ["gpu"])]


def test_the_gpu_override_insists_on_the_device(compose: list[str]) -> None:
    assert config(compose, GPU_FILE)["environment"]["ATTENTION_DEVICE"] == "cuda"


def test_the_gpu_override_builds_without_the_index_of_cpu_builds(compose: list[str]) -> None:
    build = config(compose, GPU_FILE, unset="PIP_EXTRA_INDEX_URL")["build"]
    assert build["args"]["PIP_EXTRA_INDEX_URL"] == ""


def test_the_build_takes_torch_for_the_cpu_by_default(compose: list[str]) -> None:
    build = config(compose, unset="PIP_EXTRA_INDEX_URL")["build"]
    assert build["args"]["PIP_EXTRA_INDEX_URL"].endswith("/whl/cpu")


def test_an_empty_extra_index_stays_empty(compose: list[str]) -> None:
    assert config(compose, PIP_EXTRA_INDEX_URL="")["build"]["args"]["PIP_EXTRA_INDEX_URL"] == ""


def test_every_setting_is_handed_on(compose: list[str]) -> None:
    given = {name: f"value of {name}" for name in (*SETTINGS, *HUB)}
    assert config(compose, **given)["environment"] == given


def test_defaults_are_those_of_the_settings(compose: list[str]) -> None:
    shown = config(compose)["environment"]
    assert {name: shown.get(name) for name in SETTINGS} == SETTINGS


def test_by_default_the_service_is_published_to_this_machine_alone(compose: list[str]) -> None:
    assert "127.0.0.1" in str(config(compose, unset="ATTENTION_PUBLISH")["ports"])


def test_requests_in_flight_get_to_end_before_docker_kills(compose: list[str]) -> None:
    grace_period = config(compose)["stop_grace_period"]
    assert int(grace_period.removesuffix("s")) > Settings.model_fields["shutdown_timeout"].default


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_monitoring_starts_when_asked_for_and_for_this_machine_alone(compose: list[str], name: str) -> None:
    shown = config(compose, of=name)
    assert shown["profiles"] == ["monitoring"]
    assert "127.0.0.1" in str(shown["ports"])


@pytest.mark.parametrize("name", ["prometheus", "grafana"])
def test_monitoring_has_the_rights_of_the_service(compose: list[str], name: str) -> None:
    service, shown = config(compose), config(compose, of=name)
    for right in ("read_only", "cap_drop", "security_opt"):
        assert shown[right] == service[right]
