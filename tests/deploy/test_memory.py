"""The shipped defaults fit the container's memory."""

import re

import httpx
import psutil
import pytest

from service.settings import Settings
from tests.conftest import serving
from tests.deploy.monitoring import ROOT

UNITS = {"m": 1024**2, "g": 1024**3}


def container_bytes() -> int:
    """The memory that docker-compose.yml gives the service."""
    ((size, unit),) = re.findall(
        r"mem_limit: \$\{ATTENTION_MEMORY:-(\d+)([mg])\}", (ROOT / "docker-compose.yml").read_text()
    )
    return int(size) * UNITS[unit]


@pytest.mark.slow
def test_the_largest_answers_to_all_requests_at_work_fit_beside_what_an_idle_process_holds() -> None:
    defaults = Settings.model_fields
    answers = defaults["max_concurrent_requests"].default * defaults["max_response_bytes"].default
    with serving() as server:
        for path in ("tokenize", "attention", "heatmap"):
            httpx.get(f"{server.url}/{path}", params={"sentence": "a word"}).raise_for_status()
        idle = psutil.Process(server.process.pid).memory_info().rss
    assert idle + answers < container_bytes()
