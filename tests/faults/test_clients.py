"""Clients that harm the service, or try to: its memory stays bounded, and others are answered meanwhile."""

import json
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import psutil
import pytest

from tests.conftest import Server, poll, serving
from tests.sockets import connect

pytestmark = pytest.mark.slow

MB = 1_000_000
FIELDS = {"sentence": "a " * 1000, "num_heads": 16, "include": ["scores"], "format": "safetensors"}
LARGE = json.dumps(FIELDS).encode()
"""Asks for an answer of 64 megabytes."""


@pytest.fixture
def server() -> Iterator[Server]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for both sides of thousands of connections
    with serving() as server:
        assert others_are_answered(server)
        yield server
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def post(path: str, length: int) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n".encode()


def others_are_answered(server: Server) -> bool:
    return all(httpx.post(f"{server.url}/attention", json={"sentence": f"Hi {n}."}).is_success for n in range(20))


def held(server: Server) -> int:
    """Bytes of memory."""
    size: int = psutil.Process(server.process.pid).memory_info().rss
    return size


def connections(server: Server) -> int:
    return len(psutil.Process(server.process.pid).net_connections())


def test_ten_readers_who_take_nothing_of_64_megabytes_cost_less_than_200(server: Server) -> None:
    before = held(server)
    most = before
    with ExitStack() as stack:
        for _ in range(10):
            reader = stack.enter_context(connect(server.url))
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.sendall(post("/attention", len(LARGE)) + LARGE)
            assert reader.recv(12) in {b"HTTP/1.1 200", b"HTTP/1.1 429"}
            most = max(most, held(server))
        assert others_are_answered(server)
        most = max(most, held(server))
    print(f"{(most - before) / MB:.0f} MB more")  # noqa: T201  # the figure
    assert most - before < 200 * MB


def test_two_thousand_idle_connections_harm_nobody(server: Server) -> None:
    before = held(server)
    with ExitStack() as stack:
        for _ in range(2000):
            stack.enter_context(connect(server.url))
        poll(lambda: connections(server) > 2000, server.process)
        assert others_are_answered(server)
        assert held(server) - before < 100 * MB


def test_slow_senders_harm_nobody(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(connect(server.url)).sendall(post("/attention", 1000) + b'{"sentence": "')
        poll(lambda: connections(server) > 200, server.process)
        assert others_are_answered(server)


def test_half_closed_connections_are_ended(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            connection = stack.enter_context(connect(server.url))
            connection.sendall(post("/attention", 1000) + b'{"sentence": "')
            connection.shutdown(socket.SHUT_WR)
        poll(lambda: connections(server) == 1, server.process)
        assert others_are_answered(server)


def test_of_headers_of_200_megabytes_little_is_read(server: Server) -> None:
    before = held(server)
    with connect(server.url) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        with pytest.raises(ConnectionError):
            connection.sendall(b"x" * 200 * MB)
    assert held(server) - before < 20 * MB
    assert others_are_answered(server)
