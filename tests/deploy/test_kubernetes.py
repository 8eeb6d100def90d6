"""The Kubernetes manifest: as Kubernetes' own schemas want it, with the rights and limits of docker-compose.yml."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from service.settings import ENV_PREFIX, Settings

ROOT = Path(__file__).parents[2]
OBJECTS: dict[str, Any] = {
    each["kind"]: each for each in yaml.safe_load_all((ROOT / "service/deploy/kubernetes.yaml").read_text())
}
POD = OBJECTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["service"]
IMAGE = (ROOT / "service/deploy/Dockerfile").read_text()
OLDEST = "1.32"
"""As the manifest says."""


def default(value: str) -> str:
    """What compose takes for `${NAME:-default}`, in Kubernetes' units."""
    return re.sub(r"\d+[mg]$", lambda size: size[0].upper() + "i", re.sub(r"\$\{\w+:-(.*)\}", r"\1", value))


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@pytest.mark.parametrize("kind", OBJECTS)
def test_each_object_fits_its_schema(kind: str, version: str) -> None:
    kubernetes_validate.validate(OBJECTS[kind], version, strict=True)


def test_memory_is_that_of_compose() -> None:
    resources = CONTAINER["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"] == default(COMPOSE["mem_limit"])


def test_tmp_is_that_of_compose() -> None:
    (tmp,) = (volume["emptyDir"] for volume in POD["volumes"] if volume["name"] == "tmp")
    assert [f"/tmp:size={tmp['sizeLimit'].lower()[:-1]},mode=1777", tmp["medium"]] == [*COMPOSE["tmpfs"], "Memory"]  # noqa: S108  # the container's


def test_rights_are_those_of_compose() -> None:
    rights = CONTAINER["securityContext"]
    assert rights["capabilities"]["drop"] == COMPOSE["cap_drop"]
    assert rights["readOnlyRootFilesystem"] is COMPOSE["read_only"]
    assert [f"no-new-privileges:{str(not rights['allowPrivilegeEscalation']).lower()}"] == COMPOSE["security_opt"]


def test_the_user_is_that_of_the_image() -> None:
    context = POD["securityContext"]
    assert f"\nUSER {context['runAsUser']}:{context['runAsGroup']}\n" in IMAGE


def test_the_port_is_that_of_the_image() -> None:
    assert f"\nEXPOSE {CONTAINER['ports'][0]['containerPort']}\n" in IMAGE


def test_requests_in_flight_get_to_end_before_kubernetes_kills() -> None:
    grace = POD["terminationGracePeriodSeconds"]
    assert f"{grace}s" == default(COMPOSE["stop_grace_period"])
    wait = CONTAINER["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert grace > wait + Settings.model_fields["shutdown_timeout"].default


def test_what_is_set_are_settings() -> None:
    names = {variable["name"].removeprefix(ENV_PREFIX).lower() for variable in CONTAINER["env"]}
    assert names <= Settings.model_fields.keys()


def test_every_selector_finds_the_pods() -> None:
    labels = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    for kind, name in (
        ("Deployment", "selector"),
        ("PodDisruptionBudget", "selector"),
        ("NetworkPolicy", "podSelector"),
    ):
        assert OBJECTS[kind]["spec"][name] == {"matchLabels": labels}
