"""A real process and real sockets: start, shutdown, and clients that go away."""

import http.client
import json
import logging
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
import pytest

from service.logs import JsonFormatter
from tests.api.problems import expect
from tests.conftest import START_SECONDS, poll, serving
from tests.sockets import connect

LARGE = json.dumps(
    {"sentence": "attention " * 1500, "num_heads": 8, "d_k": 64, "include": ["output"], "decimals": 3}
).encode()
BULKY = "/attention?num_heads=16&include=scores&sentence=" + "a+" * 300
"""Asks for an answer of tens of megabytes, far more than a socket's buffers hold."""


@contextmanager
def begun_post(url: str, body: bytes) -> Iterator[socket.socket]:
    """A POST to /attention that the service waits to read the body of."""
    with connect(url) as connection:
        head = f"POST /attention HTTP/1.1\r\nHost: test\r\nContent-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        yield connection


@pytest.fixture
def connection(server_url: str) -> Iterator[http.client.HTTPConnection]:
    """A connection that is kept alive."""
    address = urlsplit(server_url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=START_SECONDS)
    yield connection
    connection.close()


@dataclass(frozen=True)
class Start:
    """A process that was asked for /livez once its port was open, got SIGHUP, and, while it loaded, SIGTERM."""

    livez: httpx.Response
    livez_after_sighup: httpx.Response
    exit_code: int
    log: str


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Start:
    log = tmp_path_factory.mktemp("start") / "log"
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--log-format", "json"]
    with log.open("w") as errors, subprocess.Popen(command, stderr=errors) as process:
        try:
            url = poll(lambda: "".join(re.findall(r"listening on ([^\"]+)\"", log.read_text())), process)
            livez = httpx.get(f"{url}/livez", timeout=START_SECONDS)
            process.send_signal(signal.SIGHUP)
            after = httpx.get(f"{url}/livez", timeout=START_SECONDS)
        finally:
            process.terminate()
    return Start(livez, after, process.returncode, log.read_text())


def test_livez_answers_as_soon_as_the_port_is_open(start: Start) -> None:
    assert (start.livez.status_code, start.livez.json()) == (200, {"status": "alive"})


def test_sighup_ends_nothing(start: Start) -> None:
    assert start.livez_after_sighup.status_code == 200


def test_a_signal_while_loading_ends_with_0(start: Start) -> None:
    assert start.exit_code == 0


def test_json_logs_have_one_object_a_line(start: Start) -> None:
    assert all(json.loads(line).keys() == {"time", "level", "logger", "message"} for line in start.log.splitlines())


@pytest.mark.parametrize("path", ["/tokenize", "/attention", "/heatmap"])
def test_the_endpoints_answer_over_a_socket_as_in_process(server_url: str, path: str) -> None:
    posted = httpx.post(f"{server_url}{path}", json={"sentence": "hi there"})
    got = httpx.get(f"{server_url}{path}?sentence=hi+there")
    assert posted.status_code == 200
    assert posted.content == got.content


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_with_0_after_requests_in_flight_are_answered(number: signal.Signals) -> None:
    with serving() as server, begun_post(server.url, LARGE) as connection:
        server.process.send_signal(number)
        poll(lambda: httpx.get(f"{server.url}/readyz").status_code == 503, server.process)
        connection.sendall(LARGE)
        response = http.client.HTTPResponse(connection)
        response.begin()
        output = json.loads(response.read())["output"]
        code = server.process.wait(timeout=START_SECONDS)
    assert (response.status, code) == (200, 0)
    assert (len(output[0]), len(output[0][7])) == (8, 1500)


@pytest.mark.slow
def test_while_it_shuts_down_new_requests_are_told_to_come_back_over_another_connection() -> None:
    with serving() as server, begun_post(server.url, LARGE) as connection:
        server.process.terminate()
        poll(lambda: httpx.get(f"{server.url}/readyz").status_code == 503, server.process)
        refused = httpx.get(f"{server.url}/tokenize?sentence=hi")
        alive = httpx.get(f"{server.url}/livez")
        connection.sendall(LARGE)
        assert connection.recv(1024).startswith(b"HTTP/1.1 200")
    expect(refused, 503, "shutting-down")
    assert (refused.headers["connection"], refused.headers["retry-after"]) == ("close", "1")
    assert alive.status_code == 200


@pytest.mark.slow
def test_what_is_still_at_work_after_the_shutdown_timeout_is_answered_503_and_the_exit_code_is_0() -> None:
    with serving("--shutdown-timeout", "1") as server, begun_post(server.url, LARGE) as connection:
        server.process.terminate()
        answer = connection.makefile("rb").read()
        assert server.process.wait(START_SECONDS) == 0
        log = server.log.read_text()
    assert b"/problems/shutting-down" in answer
    assert re.search(r"INFO service.requests: POST /attention 503 .* problem=shutting-down", log)


@pytest.mark.slow
def test_a_second_signal_ends_at_once() -> None:
    with serving() as server, begun_post(server.url, LARGE):
        server.process.terminate()
        poll(lambda: httpx.get(f"{server.url}/readyz").status_code == 503, server.process)
        server.process.terminate()
        assert server.process.wait(START_SECONDS) == 128 + signal.SIGTERM


@pytest.mark.slow
def test_a_stream_ends_with_a_503_line_when_the_service_shuts_down() -> None:
    line = b'{"sentence": "hi"}\n'
    head = b"POST /tokenize HTTP/1.1\r\nHost: test\r\nContent-Type: application/x-ndjson\r\n"
    with serving() as server, connect(server.url) as connection:
        connection.sendall(head + b"Content-Length: 999999999\r\n\r\n" + line)
        received = connection.makefile("rb")
        while b'"tokens"' not in received.readline():
            pass
        server.process.terminate()
        last = received.read()
        assert server.process.wait(START_SECONDS) == 0
    assert b"/problems/shutting-down" in last


def test_clients_that_go_away_harm_nobody_and_are_no_errors() -> None:
    with serving("--log-level", "debug") as server:
        with begun_post(server.url, LARGE) as connection:
            connection.sendall(LARGE[: len(LARGE) // 2])
        poll(lambda: "client went away" in server.log.read_text(), server.process)
        with connect(server.url) as connection:
            connection.sendall(f"GET {BULKY} HTTP/1.1\r\nHost: test\r\n\r\n".encode())
            assert connection.recv(1024).startswith(b"HTTP/1.1 200")
        assert httpx.get(f"{server.url}/tokenize?sentence=hi").status_code == 200
        server.process.terminate()
        server.process.wait(timeout=START_SECONDS)
        log = server.log.read_text()
    assert not re.findall(r".*(?:WARNING|ERROR|CRITICAL|Traceback).*", log)
    assert len(re.findall(r"INFO service.requests: POST /attention 499 ", log)) == 1


def test_a_json_log_line_is_one_object_even_with_a_traceback() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "a %s", ("ü\n",), sys.exc_info())
    line = JsonFormatter().format(record)
    entry = json.loads(line)
    assert "\n" not in line
    assert (entry["level"], entry["logger"], entry["message"]) == ("error", "x", "a ü\n")
    assert entry["exception"].endswith("ValueError: two\nlines")


def test_head_has_the_length_of_get_and_no_body(server_url: str) -> None:
    plain = {"accept-encoding": "identity"}  # as the connection asks below
    length = httpx.get(f"{server_url}/attention?sentence=hi", headers=plain).headers["content-length"]
    with connect(server_url) as connection:
        connection.sendall(b"HEAD /attention?sentence=hi HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        head, _, body = connection.makefile("rb").read().partition(b"\r\n\r\n")
    assert f"content-length: {length}" in head.decode().lower().splitlines()
    assert body == b""


@pytest.mark.parametrize("body", ["{}", "no json", '{"sentence": "a", "d_k": 0}', '{"sentence": " "}'])
def test_a_connection_outlives_a_refused_request(connection: http.client.HTTPConnection, body: str) -> None:
    connection.request("POST", "/attention", body)
    refused = connection.getresponse()
    refused.read()
    kept = connection.sock
    connection.request("GET", "/attention?sentence=hi")
    assert (refused.status // 100, connection.getresponse().status) == (4, 200)
    assert connection.sock is kept


def test_a_client_goes_on_after_a_body_too_large(server_url: str) -> None:
    with httpx.Client(base_url=server_url) as client:
        statuses = [client.post("/tokenize", content=b"x" * size).status_code for size in (2**21 + 1, 2**23, 1)]
    assert statuses == [413, 413, 400]
