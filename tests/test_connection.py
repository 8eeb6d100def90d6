"""What is no request, comes too slowly or is too large, over real sockets: answered, ended, and nobody else harmed."""

import json
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from tests.conftest import START_SECONDS, Server, poll, serving

pytestmark = pytest.mark.slow

TIMEOUTS = ("--header-timeout", "1", "--body-timeout", "1", "--write-timeout", "1", "--request-timeout", "9")
GET = b"GET /tokenize?sentence=hi HTTP/1.1\r\nHost: test\r\n"
POST = b"POST /tokenize HTTP/1.1\r\nHost: test\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(*TIMEOUTS, "--max-connections", "40") as server:
        yield server


def connect(server: Server) -> socket.socket:
    address = urlsplit(server.url)
    return socket.create_connection((address.hostname, address.port or 80), timeout=START_SECONDS)


def answers(server: Server, sent: bytes) -> list[tuple[int, bytes]]:
    """Status and body of each answer to what is `sent`, until the service closes."""
    with connect(server) as connection:
        connection.sendall(sent)
        received = connection.makefile("rb").read()
    found = [answer.partition(b"\r\n\r\n") for answer in re.split(rb"(?=HTTP/1\.1 \d)", received) if answer]
    return [(int(head.split()[1]), body) for head, _, body in found]


def problem(answer: tuple[int, bytes]) -> tuple[int, str]:
    return answer[0], json.loads(answer[1])["type"]


@pytest.mark.parametrize("sent", [b"garbage\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", GET + b"Content-Length: x\r\n\r\n"])
def test_what_is_no_http_is_answered_by_a_problem(server: Server, sent: bytes) -> None:
    [answer] = answers(server, sent)
    assert problem(answer) == (400, "/problems/malformed-request")


def test_requests_before_garbage_are_answered_first(server: Server) -> None:
    first, second = answers(server, GET + b"\r\ngarbage\r\n\r\n")
    assert first[0] == 200
    assert problem(second) == (400, "/problems/malformed-request")


def test_a_malformed_chunk_is_answered_by_a_problem(server: Server) -> None:
    [answer] = answers(server, POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n")
    assert problem(answer) == (400, "/problems/malformed-request")


@pytest.mark.parametrize("sent", [b"x" * 33_000 + b"\r\n\r\n", b"x" * 200_000 + b"\r\n\r\n", b"x" * 200_000])
def test_headers_over_the_limit_are_a_431(server: Server, sent: bytes) -> None:
    [answer] = answers(server, GET + b"X: " + sent)
    assert problem(answer) == (431, "/problems/headers-too-large")


def test_trailers_over_the_limit_are_a_431(server: Server) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: "
    [answer] = answers(server, head + b"x" * 500_000)
    assert problem(answer) == (431, "/problems/headers-too-large")


@pytest.mark.parametrize("size", [33_000, 70_000, 200_000])
def test_an_address_over_the_limit_is_a_414(server: Server, size: int) -> None:
    [answer] = answers(server, b"GET /tokenize?sentence=" + b"x" * size + b" HTTP/1.1\r\nHost: test\r\n\r\n")
    assert problem(answer) == (414, "/problems/query-too-long")


def test_headers_just_below_the_limit_are_fine(server: Server) -> None:
    [answer] = answers(server, GET + b"Connection: close\r\nX: " + b"x" * 32_000 + b"\r\n\r\n")
    assert answer[0] == 200


@pytest.mark.parametrize("sent", [b"GET", GET, GET + b"X: y"])
def test_headers_that_do_not_end_are_a_408(server: Server, sent: bytes) -> None:
    [answer] = answers(server, sent)
    assert problem(answer) == (408, "/problems/request-timeout")


def test_a_connection_that_sends_nothing_is_closed(server: Server) -> None:
    assert answers(server, b"") == []


@pytest.mark.parametrize("length", [b"Content-Length: 100\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
def test_a_body_without_progress_is_a_408(server: Server, length: bytes) -> None:
    [answer] = answers(server, POST + length)
    assert problem(answer) == (408, "/problems/request-timeout")


def test_a_reader_who_takes_nothing_is_cut_off(server: Server) -> None:
    asked = b"GET /attention?num_heads=16&include=scores&sentence=" + b"a+" * 300 + b" HTTP/1.1\r\nHost: test\r\n\r\n"
    with connect(server) as connection:
        connection.sendall(asked)
        poll(lambda: not _is_established(server, connection), server.process)
    assert httpx.get(f"{server.url}/tokenize?sentence=hi").status_code == 200


def _is_established(server: Server, connection: socket.socket) -> bool:
    """Whether the service still has the other end of `connection`."""
    port = connection.getsockname()[1]
    return any(each.raddr and each.raddr.port == port for each in psutil.Process(server.process.pid).net_connections())


def test_beyond_the_most_connections_only_probes_are_answered(server: Server) -> None:
    held = [connect(server) for _ in range(40)]
    try:
        refused = httpx.get(f"{server.url}/tokenize?sentence=hi")
        alive = httpx.get(f"{server.url}/livez")
    finally:
        for connection in held:
            connection.close()
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/too-many-connections")
    assert alive.status_code == 200
