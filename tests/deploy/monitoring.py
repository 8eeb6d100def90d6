"""What service/deploy/monitoring asks Prometheus for."""

import json
import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "service/deploy/monitoring/prometheus"
GRAFANA = ROOT / "service/deploy/monitoring/grafana"
COMPARISON = re.compile(r" (?:==|>=|>) ")

ALERTS: dict[str, dict[str, Any]] = {
    rule["alert"]: rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    for rule in group["rules"]
}
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboard.json").read_text())
PANELS = {panel["title"]: panel for panel in DASHBOARD["panels"] if panel["type"] != "row"}


def figure(alert: str) -> str:
    """What an alert's condition compares with its bound."""
    value, _ = COMPARISON.split(ALERTS[alert]["expr"])
    return value


def bound(alert: str) -> str:
    """What an alert's condition compares with."""
    _, limit = COMPARISON.split(ALERTS[alert]["expr"])
    return limit.strip()


def queries(panel: str) -> list[str]:
    """What a panel draws, with every instance chosen, over ten seconds."""
    texts: list[str] = [target["expr"] for target in PANELS[panel]["targets"]]
    for name, value in {"$__rate_interval": "10s", "$job": ".+", "$instance": ".+"}.items():
        texts = [text.replace(name, value) for text in texts]
    return texts
