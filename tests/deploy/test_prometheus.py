"""Debian's Prometheus with the very files of service/deploy/monitoring asks a real service: every query has data."""

import math
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from urllib.parse import urlsplit

import httpx
import pytest

from tests.conftest import START_SECONDS, poll, serving
from tests.deploy.monitoring import ALERTS, PANELS, PROMETHEUS, figure, queries
from tests.deploy.test_nginx import answers
from tests.models import save
from tests.sockets import free_ports

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus on this machine"),
]

KEY = "a-key-of-some-length"
LIMITS = ("--max-concurrent-requests", "1", "--max-queued-requests", "2", "--request-timeout", "1")
LONG = {"sentence": "a " * 1500}
"""Whose answer is larger than what a socket takes unread."""
CLIENTS = 4


def ask(client: httpx.Client) -> list[int]:
    """One request of each kind, and the statuses of their answers."""
    responses = [
        client.post("/tokenize", json={"sentence": "a word"}),
        client.post("/attention", json={"sentence": "a word", "model": "bert"}),
        client.post("/heatmap", json={"sentence": "a word"}),
        client.post("/tokenize", json={"sentence": ""}),
        client.post("/tokenize", json={"sentence": "a word"}, headers={"authorization": "Bearer nobody"}),
    ]
    return [response.status_code for response in responses]


@contextmanager
def traffic(url: str) -> Iterator[None]:
    """Answers and refusals of every kind, then some requests at a time until the end."""
    ended = Event()

    def go_on() -> None:
        with httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}) as client:
            while not ended.wait(0.01):
                ask(client)

    with (
        httpx.Client(base_url=url, headers={"authorization": f"Bearer {KEY}"}, timeout=START_SECONDS) as client,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        seen = set(ask(client))
        with client.stream("POST", "/attention", json=LONG):  # it keeps the only slot: the others wait, or may not
            seen |= {status for statuses in pool.map(ask, [client] * CLIENTS) for status in statuses}
        assert seen == {200, 401, 422, 429, 504}
        clients = [pool.submit(go_on) for _ in range(CLIENTS)]
        try:
            yield
        finally:
            ended.set()
            for each in clients:
                each.result()


def write_configuration(folder: Path, service: str) -> Path:
    """The files as they are, but for where the service is, how often it is asked, and the key."""
    shutil.copytree(PROMETHEUS, folder, dirs_exist_ok=True)
    path = folder / "prometheus.yml"
    text = path.read_text()
    for old, new in {
        "service:8000": service,
        "scrape_interval: 15s": "scrape_interval: 1s",
        "evaluation_interval: 15s": "evaluation_interval: 1s",
        "# authorization:": "authorization:",
        "#   credentials_file: key": "  credentials_file: key",
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path.write_text(text)
    (folder / "key").write_text(KEY)
    return path


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of Prometheus, which watches a service at work."""
    folder = tmp_path_factory.mktemp("prometheus")
    model = save("bert", folder / "bert")
    with serving("--models", f"bert={model}", *LIMITS, environment={"ATTENTION_API_KEYS": KEY}) as server:
        configuration = write_configuration(folder, urlsplit(server.url).netloc)
        (port,) = free_ports(1)
        address = f"127.0.0.1:{port}"
        command = ["prometheus", "--log.level=warn", f"--config.file={configuration}"]
        options = [f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address={address}"]
        with (
            traffic(server.url),
            subprocess.Popen([*command, *options]) as process,
            httpx.Client(base_url=f"http://{address}", timeout=START_SECONDS) as client,
        ):
            try:
                poll(lambda: answers(client, "/-/ready"), process)
                yield client
            finally:
                process.terminate()


def has_data(prometheus: httpx.Client, query: str) -> bool:
    """Whether a query answers numbers."""
    answer = prometheus.get("/api/v1/query", params={"query": query}).raise_for_status().json()
    return any(not math.isnan(float(series["value"][1])) for series in answer["data"]["result"])


def test_the_service_is_up(prometheus: httpx.Client) -> None:
    poll(lambda: has_data(prometheus, 'up{job="attention-service"} == 1'))


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_of_the_dashboard_has_data(prometheus: httpx.Client, panel: str) -> None:
    for query in queries(panel):
        poll(lambda: has_data(prometheus, query))  # noqa: B023  # it is asked before the next


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_has_data(prometheus: httpx.Client, alert: str) -> None:
    poll(lambda: has_data(prometheus, figure(alert)))


def test_prometheus_evaluates_every_alert(prometheus: httpx.Client) -> None:
    def health() -> dict[str, str]:
        (group,) = prometheus.get("/api/v1/rules").raise_for_status().json()["data"]["groups"]
        return {rule["name"]: rule["health"] for rule in group["rules"]}

    poll(lambda: health() == dict.fromkeys(ALERTS, "ok"))
