"""What is no request, or is too large, over real sockets: answered by a problem, after what was asked before."""

import pytest

from tests.sockets import GET, POST, answers, problem


@pytest.mark.parametrize("sent", [b"garbage\r\n\r\n", b"\x16\x03\x01\x02\x00\x01", GET + b"Content-Length: x\r\n\r\n"])
def test_what_is_no_http_is_answered_by_a_problem(server_url: str, sent: bytes) -> None:
    [answer] = answers(server_url, sent)
    assert problem(answer) == (400, "/problems/malformed-request")


def test_requests_before_garbage_are_answered_first(server_url: str) -> None:
    first, second = answers(server_url, GET + b"\r\ngarbage\r\n\r\n")
    assert first[0] == 200
    assert problem(second) == (400, "/problems/malformed-request")


def test_a_malformed_chunk_is_answered_by_a_problem(server_url: str) -> None:
    [answer] = answers(server_url, POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n")
    assert problem(answer) == (400, "/problems/malformed-request")


@pytest.mark.parametrize("sent", [b"x" * 33_000 + b"\r\n\r\n", b"x" * 200_000 + b"\r\n\r\n", b"x" * 200_000])
def test_headers_over_the_limit_are_a_431(server_url: str, sent: bytes) -> None:
    [answer] = answers(server_url, GET + b"X: " + sent)
    assert problem(answer) == (431, "/problems/headers-too-large")


def test_trailers_over_the_limit_are_a_431(server_url: str) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\nX: "
    [answer] = answers(server_url, head + b"x" * 500_000)
    assert problem(answer) == (431, "/problems/headers-too-large")


@pytest.mark.parametrize("size", [33_000, 70_000, 200_000])
def test_an_address_over_the_limit_is_a_414(server_url: str, size: int) -> None:
    [answer] = answers(
        server_url, b"GET /tokenize?sentence=" + b"x" * size + b" HTTP/1.1\r\nConnection: close\r\nHost: test\r\n\r\n"
    )
    assert problem(answer) == (414, "/problems/query-too-long")


def test_headers_just_below_the_limit_are_fine(server_url: str) -> None:
    [answer] = answers(server_url, GET + b"Connection: close\r\nX: " + b"x" * 32_000 + b"\r\n\r\n")
    assert answer[0] == 200
