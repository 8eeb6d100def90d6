"""What comes too slowly, is taken too slowly, or over too many connections: ended, and nobody else harmed."""

import socket
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.conftest import Server, poll, serving
from tests.sockets import GET, POST, answers, connect, problem

pytestmark = pytest.mark.slow

TIMEOUTS = ("--header-timeout", "1", "--body-timeout", "1", "--write-timeout", "1", "--request-timeout", "9")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with serving(*TIMEOUTS, "--max-connections", "40") as server:
        yield server


@pytest.mark.parametrize("sent", [b"GET", GET, GET + b"X: y"])
def test_headers_that_do_not_end_are_a_408(server: Server, sent: bytes) -> None:
    [answer] = answers(server.url, sent)
    assert problem(answer) == (408, "/problems/request-timeout")


def test_a_connection_that_sends_nothing_is_closed(server: Server) -> None:
    assert answers(server.url, b"") == []


@pytest.mark.parametrize("length", [b"Content-Length: 100\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"])
def test_a_body_without_progress_is_a_408(server: Server, length: bytes) -> None:
    [answer] = answers(server.url, POST + length)
    assert problem(answer) == (408, "/problems/request-timeout")


def test_a_reader_who_takes_nothing_is_cut_off(server: Server) -> None:
    asked = b"GET /attention?num_heads=16&include=scores&sentence=" + b"a+" * 300 + b" HTTP/1.1\r\nHost: test\r\n\r\n"
    with connect(server.url) as connection:
        connection.sendall(asked)
        poll(lambda: not _is_established(server, connection), server.process)
    assert httpx.get(f"{server.url}/tokenize?sentence=hi").status_code == 200


def _is_established(server: Server, connection: socket.socket) -> bool:
    """Whether the service still has the other end of `connection`."""
    port = connection.getsockname()[1]
    return any(each.raddr and each.raddr.port == port for each in psutil.Process(server.process.pid).net_connections())


def test_beyond_the_most_connections_only_probes_are_answered(server: Server) -> None:
    held = [connect(server.url) for _ in range(40)]
    try:
        refused = httpx.get(f"{server.url}/tokenize?sentence=hi")
        alive = httpx.get(f"{server.url}/livez")
    finally:
        for connection in held:
            connection.close()
    assert (refused.status_code, refused.json()["type"]) == (503, "/problems/too-many-connections")
    assert alive.status_code == 200
