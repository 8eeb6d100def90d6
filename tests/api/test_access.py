"""With keys all is closed but what is open on purpose; hosts and origins that are not listed get nothing."""

import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.types import Message

from service import server as server_module
from service.api.explorer import FOLDER
from service.app import create_app
from service.settings import Settings
from tests.api.problems import expect
from tests.conftest import Server, poll, running, serving

KEYS = ("first-key-of-many-letters", "second-key-of-many-letters")
KEY = {"x-api-key": KEYS[0]}
OPEN = ("/livez", "/readyz", "/health", "/", f"{FOLDER}/app.js", f"{FOLDER}/style.css")
CLOSED = (
    "/tokenize?sentence=hi",
    "/attention?sentence=hi",
    "/heatmap?sentence=hi",
    "/models",
    "/models/synthetic",
    "/info",
    "/metrics",
    "/docs",
    "/docs/static/start.js",
    "/openapi.json",
    "/nowhere",
    f"{FOLDER}/nothing.js",
    f"{FOLDER}/",
    "/web/older/app.js",
)
DISGUISES = (
    "/info/",
    "//info",
    "/info%2f",
    "/%69nfo",
    "/INFO",
    "/./info",
    "/livez/../info",
    "/livez%2f..%2finfo",
    "/livez/info",
    "/livez;/info",
    "/livez%00",
    "/livez%3f/info",
    "/info%20",
    f"{FOLDER}/../../info",
    f"{FOLDER}/..%2f..%2finfo",
    f"{FOLDER}/app.js/",
)
"""Ways to write an address that is closed, or one that is close to an open one."""
ORIGIN = "https://pages.test"
PREFLIGHT = {"origin": ORIGIN, "access-control-request-method": "POST"}


@pytest.fixture(scope="module")
def closed_app() -> FastAPI:
    return create_app(
        Settings(api_keys=SecretStr(", ".join(KEYS)), allowed_hosts="test,*.Pages.test", cors_origins=ORIGIN)
    )


@pytest.fixture(scope="module")
async def closed(closed_app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client, so far without a key, of a service with keys, hosts and origins."""
    async with running(closed_app) as client:
        yield client


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
async def test_without_a_key_an_address_is_closed(closed: httpx.AsyncClient, path: str, method: str) -> None:
    response = await closed.request(method, path)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("target", DISGUISES)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_no_other_spelling_opens_an_address(closed: httpx.AsyncClient, target: str, method: str) -> None:
    url = httpx.URL("http://test", raw_path=target.encode())  # as it is, not as httpx would write it
    assert (await closed.send(httpx.Request(method, url))).status_code == 401


@pytest.mark.parametrize("path", OPEN)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_probes_and_the_page_need_no_key(closed: httpx.AsyncClient, path: str, method: str) -> None:
    assert (await closed.request(method, path)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        *({"x-api-key": key} for key in KEYS),
        *({"authorization": f"Bearer {key}"} for key in KEYS),
        {"authorization": f"bearer  {KEYS[0]}"},
        {"authorization": "Basic eDp5", "x-api-key": KEYS[1]},
        {"authorization": "Bearer another-key-of-letters", "x-api-key": KEYS[1]},
    ],
)
async def test_any_of_the_keys_opens_by_either_header(closed: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await closed.get("/tokenize?sentence=hi", headers=headers)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": KEYS[0]},
        {"authorization": f"Basic {KEYS[0]}"},
        {"authorization": f"Bearer {KEYS[0].upper()}"},
        {"authorization": f"Bearer {KEYS[0]}, {KEYS[1]}"},
        {"x-api-key": ", ".join(KEYS)},
        {"x-api-key": KEYS[0][:-1]},
        {"x-api-key": f"{KEYS[0]}x"},
        {"x-api-key": "ÿ"},
    ],
)
async def test_nothing_else_opens(closed: httpx.AsyncClient, headers: dict[str, str]) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    assert (await closed.get("/tokenize?sentence=hi", headers=raw)).status_code == 401


async def test_a_missing_key_is_a_problem_that_says_how_to_send_one(closed: httpx.AsyncClient) -> None:
    problem = expect(await closed.get("/tokenize?sentence=hi"), 401, "unauthorized")
    assert "Bearer" in problem["detail"]
    assert "X-API-Key" in problem["detail"]


async def test_refused_requests_are_counted_by_reason(closed_app: FastAPI, closed: httpx.AsyncClient) -> None:
    before = closed_app.state.keys.failures.copy()
    for headers in ({}, {"x-api-key": "wrong"}, {"authorization": "Bearer wrong"}, KEY):
        await closed.get("/info", headers=headers)
    assert closed_app.state.keys.failures - before == {"missing": 1, "wrong": 2}


async def test_a_refused_key_is_neither_logged_nor_echoed(
    closed: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", logger="service")
    response = await closed.get("/info", headers={"x-api-key": "a-wrong-but-secret-key"})
    assert "a-wrong-but" not in response.text + str(response.headers) + caplog.text


@pytest.mark.parametrize("path", ["/tokenize?sentence=hi", "/models", "/docs", "/openapi.json"])
async def test_with_keys_only_the_client_itself_may_keep_an_answer(closed: httpx.AsyncClient, path: str) -> None:
    headers = (await closed.get(path, headers=KEY)).headers
    assert headers["cache-control"] == "private, max-age=3600"
    assert headers["vary"] == "Accept, Accept-Encoding, Authorization, X-API-Key, Origin"


async def test_a_304_is_private_as_well(closed: httpx.AsyncClient) -> None:
    tag = (await closed.get("/models", headers=KEY)).headers["etag"]
    response = await closed.get("/models", headers=KEY | {"if-none-match": tag})
    assert (response.status_code, response.headers["cache-control"]) == (304, "private, max-age=3600")


@pytest.mark.parametrize(
    "host", ["other.test", "pages.test", "", "test:x", "a.pages.test.other", ".pages.test", "[::1]"]
)
async def test_another_host_is_refused_before_the_key_is_looked_at(closed: httpx.AsyncClient, host: str) -> None:
    expect(await closed.get("/info", headers={"host": host}), 400, "host-not-allowed")


@pytest.mark.parametrize("host", ["test", "TEST:8000", "a.pages.test", "b.A.Pages.test:1"])
async def test_an_allowed_host_is_served(closed: httpx.AsyncClient, host: str) -> None:
    assert (await closed.get("/info", headers=KEY | {"host": host})).status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health"])
async def test_probes_may_use_an_address_for_host(closed: httpx.AsyncClient, path: str) -> None:
    assert (await closed.get(path, headers={"host": "10.0.0.7:8000"})).status_code == 200


async def test_a_preflight_is_answered_before_the_key_is_looked_at(closed: httpx.AsyncClient) -> None:
    asked = PREFLIGHT | {"access-control-request-headers": "authorization,content-type,x-api-key,x-request-id"}
    response = await closed.options("/attention", headers=asked)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == ORIGIN
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["x-request-id"]


@pytest.mark.parametrize(
    "headers",
    [
        PREFLIGHT | {"origin": "https://other.test"},
        PREFLIGHT | {"origin": "null"},
        PREFLIGHT | {"access-control-request-method": "DELETE"},
        PREFLIGHT | {"access-control-request-headers": "x-other"},
    ],
)
@pytest.mark.parametrize("path", ["/attention", "/nowhere"])
async def test_a_preflight_that_is_not_allowed_tells_nothing(
    closed: httpx.AsyncClient, headers: dict[str, str], path: str
) -> None:
    response = await closed.options(path, headers=headers)
    assert (response.status_code, response.content) == (204, b"")
    assert {name.lower() for name in response.headers} == {"vary", "x-request-id"}


@pytest.mark.parametrize(
    ("path", "status"), [("/tokenize?sentence=hi", 200), ("/tokenize?sentence=", 422), ("/nowhere", 404)]
)
async def test_a_page_of_a_listed_origin_may_read_answers_and_errors(
    closed: httpx.AsyncClient, path: str, status: int
) -> None:
    response = await closed.get(path, headers=KEY | {"origin": ORIGIN})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (status, ORIGIN)
    exposed = response.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "X-Request-Id", "Server-Timing", "Retry-After"} <= set(exposed)


async def test_a_page_of_a_listed_origin_may_read_that_its_key_is_wrong(closed: httpx.AsyncClient) -> None:
    response = await closed.get("/info", headers={"origin": ORIGIN})
    assert (response.status_code, response.headers["access-control-allow-origin"]) == (401, ORIGIN)


async def test_a_page_of_another_origin_may_read_nothing(closed: httpx.AsyncClient) -> None:
    response = await closed.get("/info", headers=KEY | {"origin": "https://other.test"})
    assert "access-control-allow-origin" not in response.headers


async def test_every_page_may_read_answers_where_all_origins_are_listed() -> None:
    app = create_app(Settings(cors_origins="*"))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        headers = (await client.get("/livez", headers={"origin": "https://any.test", "cookie": "a=b"})).headers
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("path", ["/livez", "/tokenize?sentence=hi"])
async def test_by_default_no_page_of_another_origin_reads_anything(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path, headers={"origin": ORIGIN})).headers
    assert not [name for name in headers if name.startswith("access-control")]
    assert (await client.options(path, headers=PREFLIGHT)).status_code == 405


@pytest.mark.parametrize(
    ("proxies", "scheme", "client"),
    [(None, "http", "10.0.0.1"), ("10.0.0.0/8", "https", "1.2.3.4"), ("192.0.2.1", "http", "10.0.0.1")],
)
async def test_only_a_listed_proxy_is_believed_who_asks(
    monkeypatch: pytest.MonkeyPatch, proxies: str | None, scheme: str, client: str
) -> None:
    configs: list[uvicorn.Config] = []

    class ServerThatServesNothing:
        force_exit = False

        def __init__(self, config: uvicorn.Config, *_: object) -> None:
            configs.append(config)

        def run(self, sockets: list[socket.socket]) -> None:
            pass

    monkeypatch.setattr(server_module, "Server", ServerThatServesNothing)
    with socket.socket() as listener:
        server_module.run(Settings(forwarded_allow_ips=proxies), listener)
    configs[0].load()
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/livez",
        "query_string": b"",
        "headers": [(b"x-forwarded-for", b"1.2.3.4"), (b"x-forwarded-proto", b"https")],
        "scheme": "http",
        "client": ("10.0.0.1", 1),
    }
    outermost: Any = configs[0].loaded_app
    await outermost(scope, receive_nothing, send_nowhere)
    assert (scope["scheme"], scope["client"][0]) == (scheme, client)


async def receive_nothing() -> Message:
    return {"type": "http.disconnect"}


async def send_nowhere(message: Message) -> None:
    pass


@pytest.fixture(scope="module")
def key_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("keys") / "keys"
    file.write_text(f"# of today\n{KEYS[0]}\n")
    return file


@pytest.fixture(scope="module")
def server(key_file: Path) -> Iterator[Server]:
    """A real server process with a file of keys, behind a proxy that strips /under."""
    with serving("--api-keys-file", str(key_file), "--root-path", "/under") as server:
        yield server


def opens(server: Server, key: str) -> bool:
    return httpx.get(f"{server.url}/info", headers={"x-api-key": key}).status_code == 200


def errors(server: Server) -> list[str]:
    return [line for line in server.log.read_text().splitlines() if " ERROR " in line]


def test_a_changed_file_of_keys_is_read_again_without_a_signal(server: Server, key_file: Path) -> None:
    key_file.write_text(f"{KEYS[0]}\n{KEYS[1]}  # of tomorrow\n")
    poll(lambda: opens(server, KEYS[1]), server.process)
    assert opens(server, KEYS[0])


def test_sighup_reads_the_file_of_keys_again_and_ends_nothing(server: Server, key_file: Path) -> None:
    replacement = key_file.with_name("new")
    replacement.write_text("another-key-of-many-letters\n")
    replacement.rename(key_file)
    server.process.send_signal(signal.SIGHUP)
    poll(lambda: opens(server, "another-key-of-many-letters"), server.process)
    assert not any(opens(server, key) for key in KEYS)
    assert server.process.poll() is None


def test_an_unreadable_file_keeps_the_old_keys_and_logs_one_error(server: Server, key_file: Path) -> None:
    key_file.write_text("kept-key-of-many-letters")
    server.process.send_signal(signal.SIGHUP)
    poll(lambda: opens(server, "kept-key-of-many-letters"), server.process)
    before = len(errors(server))
    key_file.unlink()
    for _ in range(3):
        server.process.send_signal(signal.SIGHUP)
        assert opens(server, "kept-key-of-many-letters")
    poll(lambda: len(errors(server)) > before, server.process)
    assert len(errors(server)) == before + 1
    assert "cannot be read: No such file or directory" in errors(server)[-1]


@pytest.mark.parametrize("target", [*DISGUISES, "\\info", "*", "info", "http://test/info", "/livez#/../../info"])
def test_no_disguise_opens_a_closed_address_of_a_real_server(server: Server, target: str) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port or 80)) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read()
    assert b"cpu_capability" not in answer
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 401") if "#" not in target else b"HTTP/1.1 200")


def test_under_a_path_of_a_proxy_errors_name_the_address_that_was_asked_for(server: Server) -> None:
    assert httpx.get(f"{server.url}/info").json()["instance"] == "/under/info"


@pytest.mark.parametrize("begin", ["GET /livez HTTP/1.1", "GET /nowhere HTTP/1.1", "GET /%zz HTTP/1.1", "garbage"])
def test_no_answer_names_the_server(server: Server, begin: str) -> None:
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port or 80)) as connection:
        connection.sendall(f"{begin}\r\nHost: test\r\nConnection: close\r\n\r\n".encode())
        answer = connection.makefile("rb").read().lower()
    assert answer.startswith(b"http/1.1 ")
    assert b"server:" not in answer
    assert b"uvicorn" not in answer
