"""The files for clusters that others run: KubeRay's and `serve deploy`'s."""

from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]
from ray.serve.schema import ServeDeploySchema

from service.deploy.cluster import from_config
from service.deploy.cluster_settings import ClusterSettings
from service.deploy.environment import environment
from tests.deploy.test_kubernetes import OLDEST

ROOT = Path(__file__).parents[2]
SERVE: dict[str, Any] = yaml.safe_load((ROOT / "service/deploy/serve.yaml").read_text())
SERVICE: dict[str, Any] = yaml.safe_load((ROOT / "service/deploy/kuberay.yaml").read_text())
CLUSTER = SERVICE["spec"]["rayClusterConfig"]
TEMPLATES = [CLUSTER["headGroupSpec"]["template"], *(group["template"] for group in CLUSTER["workerGroupSpecs"])]


def test_both_deploy_the_same() -> None:
    assert yaml.safe_load(SERVICE["spec"]["serveConfigV2"]) == SERVE


def test_ray_accepts_what_is_deployed() -> None:
    assert ServeDeploySchema.model_validate(SERVE)


def test_the_service_accepts_its_settings() -> None:
    (application,) = SERVE["applications"]
    assert from_config(application["args"])


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
@pytest.mark.parametrize("template", TEMPLATES, ids=["head", "worker"])
def test_each_pod_fits_kubernetes_schema(template: dict[str, Any], version: str) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one"}, "spec": template["spec"]}
    kubernetes_validate.validate(pod, version, strict=True)


@pytest.mark.parametrize("template", TEMPLATES, ids=["head", "worker"])
def test_each_node_has_the_environment_that_the_command_gives_ray(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.environ", {})
    (container,) = template["spec"]["containers"]
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    wanted = environment(ClusterSettings()) | {"RAY_AUTH_MODE": None}  # which KubeRay's authOptions decide
    assert {name: given.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("template", TEMPLATES, ids=["head", "worker"])
def test_each_node_is_probed_by_a_program_that_the_image_has(template: dict[str, Any]) -> None:
    (container,) = template["spec"]["containers"]
    commands = [container[probe]["exec"]["command"] for probe in ("livenessProbe", "readinessProbe")]
    assert [command[:2] for command in commands] == [["python", "-c"]] * 2
    for _, _, program in commands:
        compile(program, "probe", "exec")


def test_ray_is_the_version_of_the_image() -> None:
    pinned = (ROOT / "service/deploy/requirements-cluster.txt").read_text()
    assert f"\nray=={CLUSTER['rayVersion']} " in pinned
