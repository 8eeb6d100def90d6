"""What a cluster's settings become: options of Ray Serve, settings of replicas, the environment of nodes."""

import os
import signal
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from service import cli
from service.api.problems import NotReadyError
from service.app import create_app
from service.deploy.cluster import Replica, from_config, options
from service.deploy.cluster_settings import ClusterSettings
from service.deploy.environment import environment, prepare
from service.deploy.errors import ClusterError
from service.deploy.middleware import RayMiddleware
from service.deploy.nodes import make_token, own_address
from service.deploy.signals import NUMBERS, end_on_signals
from service.settings import Settings
from tests.conftest import running
from tests.test_cli import complaint


@given(concurrent=st.integers(1, 4096), queued=st.integers(0, 65536))
def test_a_replica_takes_more_than_it_admits_so_that_it_refuses_itself(concurrent: int, queued: int) -> None:
    settings = ClusterSettings(max_concurrent_requests=concurrent, max_queued_requests=queued)
    assert settings.at_once > 2 * (concurrent + queued)  # as many as work and wait may take long beside them


def test_a_replica_has_the_settings_of_the_service_and_no_workers() -> None:
    settings = ClusterSettings(max_tokens=77, workers=4, replicas=3)
    assert settings.of_a_replica == Settings(max_tokens=77, workers=1, num_threads=1)


@pytest.mark.parametrize(
    ("given", "threads"), [({"replica_cpus": 4}, 4), ({"replica_cpus": 0.5}, 1), ({"num_threads": 3}, 3)]
)
def test_a_replica_computes_with_what_it_reserves(given: dict[str, float], threads: int) -> None:
    assert ClusterSettings.model_validate(given).of_a_replica.num_threads == threads


def test_fewer_replicas_at_most_than_at_least_are_refused() -> None:
    with pytest.raises(ValidationError, match="should be at least REPLICAS"):
        ClusterSettings(replicas=3, max_replicas=2)


def test_what_the_environment_says_to_ray_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "1")
    assert environment(ClusterSettings())["RAY_USAGE_STATS_ENABLED"] == "1"


def test_nodes_are_guarded_by_a_token_and_tell_nobody_of_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAY_AUTH_MODE", "RAY_USAGE_STATS_ENABLED"):
        monkeypatch.delenv(name, raising=False)
    made = environment(ClusterSettings())
    assert (made["RAY_AUTH_MODE"], made["RAY_USAGE_STATS_ENABLED"]) == ("token", "0")


def test_a_service_for_this_machine_alone_has_a_cluster_of_this_machine_alone() -> None:
    assert (
        own_address(ClusterSettings(host="127.0.0.1")) == own_address(ClusterSettings(host="localhost")) == "127.0.0.1"
    )


def test_a_token_is_made_once_and_for_its_owner_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "of the cluster" / "token"
    monkeypatch.delenv("RAY_AUTH_TOKEN", raising=False)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(file))
    make_token()
    token = file.read_text()
    make_token()
    assert (file.read_text(), len(token), file.stat().st_mode & 0o777) == (token, 64, 0o600)


def test_replicas_are_as_many_as_load_demands_where_there_may_be_more() -> None:
    scaling = options(ClusterSettings(replicas=2, max_replicas=5, max_concurrent_requests=16))["autoscaling_config"]
    assert (scaling.min_replicas, scaling.max_replicas, scaling.target_ongoing_requests) == (2, 5, 8)


def test_replicas_are_always_as_many_where_nothing_else_is_said() -> None:
    made = options(ClusterSettings(replicas=2))
    assert (made["num_replicas"], "autoscaling_config" in made) == (2, False)


def test_an_application_can_be_made_of_the_settings_in_a_file() -> None:
    assert from_config({"max_tokens": 77, "replicas": 3})


async def test_a_replica_is_healthy_once_it_is_ready() -> None:
    replica = Replica()
    replica.app = create_app(Settings(device="cpu"))
    with pytest.raises(NotReadyError):
        await replica.check_health()
    async with running(replica.app):
        await replica.check_health()


async def test_an_answer_has_the_one_id_that_ray_and_the_app_took() -> None:
    seen: list[str] = []

    async def ray(scope: Scope, receive: Receive, send: Send) -> None:
        """Answers with the request's id, as the app does, and with it once more, as Ray does."""
        seen.append(Headers(scope=scope)["x-request-id"])
        await Response(headers={"x-request-id": seen[-1]})(scope, receive, send)

    transport = httpx.ASGITransport(RayMiddleware(ray))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answers = [
            await client.get("/", headers=given) for given in ({"x-request-id": "mine"}, {}, {"x-request-id": " "})
        ]
    assert [answer.headers.get_list("x-request-id") for answer in answers] == [[request_id] for request_id in seen]
    assert seen[0] == "mine"


@pytest.fixture
def own_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """An environment, and a folder of temporary files, that a test may change."""
    monkeypatch.setattr("os.environ", os.environ.copy())
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return os.environ  # type: ignore[return-value]  # the copy is a dict


def test_a_process_is_prepared_for_ray_by_its_environment(own_environment: dict[str, str]) -> None:
    own_environment |= {"PROMETHEUS_MULTIPROC_DIR": "/nowhere", "RAY_AUTH_MODE": "disabled"}
    prepare(ClusterSettings())
    assert "PROMETHEUS_MULTIPROC_DIR" not in own_environment
    assert own_environment["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
    assert own_environment["RAY_AUTH_MODE"] == "disabled", "what is there already stays"
    folder = Path(own_environment["RAY_SERVE_HAPROXY_SOCKET_PATH"]).parent
    assert folder.stat().st_mode & 0o777 == 0o700, "who writes to its socket commands HAProxy"


@pytest.mark.usefixtures("own_environment")
def test_a_folder_of_somebody_else_is_not_used_for_haproxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.getuid", lambda: 12345)
    with pytest.raises(ClusterError, match="belongs to somebody else: remove it"):
        prepare(ClusterSettings())


@pytest.mark.usefixtures("own_environment")
def test_without_ray_how_to_get_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "sentences.txt").write_text("hi\n")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "ray" else find_spec(name))
    line = complaint(capsys, "bulk", str(tmp_path / "sentences.txt"), "-o", "a.parquet", "--engine", "ray")
    assert line == "attention-service: a cluster needs Ray: python -m pip install 'attention-service[cluster]'"


@pytest.mark.parametrize("number", NUMBERS)
def test_a_first_signal_ends_and_a_second_is_ignored(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in NUMBERS}
    try:
        end_on_signals()
        with pytest.raises(SystemExit) as ending:
            signal.raise_signal(number)
        signal.raise_signal(number)
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert ending.value.code == 0


def test_a_node_address_that_does_not_exist_is_told() -> None:
    with pytest.raises(ClusterError, match=r"NODE_ADDRESS: no\.such\.host\.invalid: "):
        own_address(ClusterSettings(node_address="no.such.host.invalid"))


@pytest.mark.parametrize("given", [{"host": "192.0.2.1"}, {"host": "::"}, {"port": 0}])
def test_an_address_that_not_every_node_can_have_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="should be"):
        ClusterSettings.model_validate(given)


async def test_clients_give_ray_no_orders() -> None:
    given = {"x-request-timeout-seconds": "1", "x-request-disconnect-disabled": "?1", "accept": "*/*"}
    seen: list[list[str]] = []

    async def ray(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(Headers(scope=scope).keys())
        await Response()(scope, receive, send)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(RayMiddleware(ray)), base_url="http://test") as client:
        await client.get("/", headers=given)
    assert "accept" in seen[0]
    assert not set(given) - {"accept"} & set(seen[0])


async def test_where_ray_has_no_replica_the_service_is_not_ready() -> None:
    async def ray(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("Path '/attention' not found.", 404)(scope, receive, send)

    transport = httpx.ASGITransport(RayMiddleware(ray))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/attention", headers={"x-request-id": "mine"})
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/not-ready")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "mine"
    assert int(answer.headers["retry-after"]) > 0


async def test_a_problem_of_the_app_stays_what_it_is() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(b"{}", 404, media_type="application/problem+json")(scope, receive, send)

    transport = httpx.ASGITransport(RayMiddleware(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await client.get("/nowhere")
    assert (answer.status_code, answer.content) == (404, b"{}")


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--replicas", "2", "--max-replicas", "1"], "--max-replicas: should be at least REPLICAS; it is '1'"),
        (["--host", "192.0.2.1"], "--host: should be 0.0.0.0, "),
        (["--workers", "2"], "unrecognized arguments: --workers 2"),
    ],
)
def test_what_is_wrong_with_a_flag_is_told_in_a_line(
    flags: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        cli.main(["cluster", *flags])
    error = capsys.readouterr().err
    assert (ending.value.code, len(error.splitlines())) == (2, 1)
    assert error.startswith(f"attention-service: {says}")
