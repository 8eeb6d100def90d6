"""The files of Prometheus and Grafana: right by promtool, and of this service."""

import re
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest
import yaml  # type: ignore[import-untyped, unused-ignore]

from service.api.problems import KINDS
from tests.deploy.monitoring import ALERTS, DASHBOARD, GRAFANA, PANELS, PROMETHEUS, ROOT, bound, figure, queries

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
README = (ROOT / "README.md").read_text()
NAME = re.compile(r"\battention_\w+")
QUERIES = "\n".join([*map(figure, ALERTS), *(query for panel in PANELS for query in queries(panel))])
PARTS = re.compile(r"_(bucket|sum|count)\b")
"""What a histogram's series are called beyond its name."""


async def names_of(client: httpx.AsyncClient) -> set[str]:
    """The metrics that the service has."""
    answer = await client.get("/metrics")
    return set(re.findall(r"^# TYPE (attention_\w+)", answer.text, re.MULTILINE))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on this machine")
@pytest.mark.parametrize(
    "arguments",
    ["check config prometheus.yml", "check rules --lint-fatal alerts.yml", "test rules alerts_test.yml"],
)
def test_promtool_accepts(arguments: str) -> None:
    process = subprocess.run(
        ["promtool", *arguments.split()], cwd=PROMETHEUS, capture_output=True, check=False, text=True, timeout=60
    )
    assert process.returncode == 0, process.stdout + process.stderr


async def test_every_metric_that_is_asked_for_is_there(client: httpx.AsyncClient) -> None:
    asked = {PARTS.sub("", name) for name in NAME.findall(QUERIES)}
    assert asked - await names_of(client) == set()


async def test_the_dashboard_shows_every_metric(client: httpx.AsyncClient) -> None:
    shown = {PARTS.sub("", name) for panel in PANELS for query in queries(panel) for name in NAME.findall(query)}
    assert {name for name in await names_of(client) if not name.endswith("_created")} - shown == set()


def test_every_alert_has_a_unit_test() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    assert {case["alertname"] for test in tests for case in test["alert_rule_test"]} == ALERTS.keys()


@pytest.mark.parametrize("alert", ALERTS)
def test_every_alert_names_its_paragraph_of_the_readme(alert: str) -> None:
    page, heading = ALERTS[alert]["annotations"]["runbook"].split("#")
    assert (page, heading) == ("README.md", alert.lower())
    assert f"\n#### {alert}\n" in README


def test_rejections_are_problems_of_the_service() -> None:
    (codes,) = re.findall(r'reason=~"(.+?)"', figure("AttentionRejections"))
    assert set(codes.split("|")) <= KINDS.keys()


def test_the_memory_is_that_of_the_container() -> None:
    assert COMPOSE["service"]["mem_limit"] == "${ATTENTION_MEMORY:-2g}"
    assert bound("AttentionMemoryNearLimit").endswith(" * 2 * 1024^3")


def test_the_dashboard_lays_no_panel_over_another() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


@pytest.mark.parametrize("service", ["prometheus", "grafana"])
def test_what_compose_mounts_is_there_and_cannot_be_written(service: str) -> None:
    mounts = [volume for volume in COMPOSE[service]["volumes"] if volume.startswith("./")]
    assert [volume for volume in mounts if not volume.endswith(":ro")] == []
    assert [volume for volume in mounts if not (ROOT / volume.split(":")[0]).exists()] == []


def test_prometheus_asks_the_service_of_compose() -> None:
    (job,) = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())["scrape_configs"]
    port = COMPOSE["service"]["ports"][0].rsplit(":", 1)[1]
    assert job["static_configs"] == [{"targets": [f"service:{port}"]}]


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    (source,) = yaml.safe_load((GRAFANA / "datasource.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((GRAFANA / "dashboards.yml").read_text())["providers"]
    folders = [Path(volume.split(":")[1]).parent for volume in COMPOSE["grafana"]["volumes"] if ".json:" in volume]
    assert source["url"] == "http://prometheus:9090"
    assert folders == [Path(provider["options"]["path"])]
