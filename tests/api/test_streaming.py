"""Bulk over HTTP: streamed both ways at once, stopped by a reader who stops, ended by one who leaves."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message

from service.api.streaming import Body, split_lines
from tests.api.problems import expect
from tests.conftest import Server, poll, serving

LINES = {"content-type": "application/x-ndjson"}
PATHS = ["/tokenize", "/attention"]
LIMIT = 64 * 1024
"""MAX_BODY_BYTES of the server under load."""
SECONDS = 60


def line(number: int) -> bytes:
    return b'{"id": "%d", "sentence": "Sentence number %d."}\n' % (number, number)


async def split(chunks: Sequence[bytes], most_bytes: int = 100) -> list[bytes]:
    messages = iter([{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks])

    async def receive() -> Message:
        return next(messages, {"type": "http.request", "body": b"", "more_body": False})

    with closing(Body(receive, asyncio.Event())) as body:
        return [found async for found in split_lines(body, most_bytes)]


@given(st.lists(st.text("ab \r", max_size=30).map(str.encode), max_size=20), st.data())
async def test_chunks_may_end_anywhere(lines: list[bytes], data: st.DataObject) -> None:
    body = b"\n".join(lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=20)))
    chunks = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    found = await split(chunks)
    assert [part for part in found if part.strip()] == [part for part in lines if part.strip()]


@given(st.integers(1, 50))
async def test_of_a_line_over_the_limit_only_the_beginning_is_kept(size: int) -> None:
    body = b"a\n" + b"x" * 5000 + b"\nb\n"
    first, long, last = await split([body[start : start + size] for start in range(0, len(body), size)], 100)
    assert (first, last) == (b"a", b"b")
    assert 100 < len(long) <= 150


@pytest.mark.parametrize("path", PATHS)
async def test_lines_are_answered_with_lines(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(
        path, content=b"".join(map(line, range(200))) + b"\n\r\n" + line(200)[:-1], headers=LINES
    )
    assert (response.status_code, response.headers["content-type"]) == (200, "application/x-ndjson")
    assert {"content-length", "server-timing"}.isdisjoint(response.headers)
    answers = [json.loads(answer) for answer in response.content.splitlines()]
    assert [answer["id"] for answer in answers] == [str(number) for number in range(201)]
    assert [answer["tokens"][2] for answer in answers] == [str(number) for number in range(201)]


async def test_a_problem_in_place_tells_of_its_exchange(client: httpx.AsyncClient) -> None:
    response = await client.post("/tokenize", content=b"{}", headers=LINES)
    problem = response.json()
    assert (problem["request_id"], problem["instance"]) == (response.headers["x-request-id"], "/tokenize")


async def test_no_lines_are_no_answers(client: httpx.AsyncClient) -> None:
    response = await client.post("/tokenize", content=b"\n \r\n", headers=LINES)
    assert (response.status_code, response.content) == (200, b"")


@pytest.mark.parametrize("path", PATHS)
async def test_an_accept_without_lines_is_a_406(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(path, content=line(1), headers=LINES | {"accept": "application/json"})
    assert "application/x-ndjson" in expect(response, 406, "not-acceptable")["detail"]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "application/*", "text/html, */*;q=0.1"])
async def test_an_accept_that_covers_lines_gets_them(client: httpx.AsyncClient, accept: str) -> None:
    assert (await client.post("/tokenize", content=line(1), headers=LINES | {"accept": accept})).status_code == 200


async def test_lines_for_pictures_are_a_415_that_says_what_is_taken(client: httpx.AsyncClient) -> None:
    response = await client.post("/heatmap", content=line(1), headers=LINES)
    expect(response, 415, "unsupported-media-type")
    assert response.headers["accept"] == "application/json, text/plain"


@pytest.mark.parametrize(
    "headers",
    [{"content-encoding": "gzip"}, {"content-type": "application/x-ndjson; charset=latin-1"}],
    ids=str,
)
async def test_lines_that_are_compressed_or_no_utf8_are_a_415(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.post("/attention", content=line(1), headers=LINES | headers)
    expect(response, 415, "unsupported-media-type")
    assert response.headers["accept"] == "application/json, application/x-ndjson, text/plain"


async def test_a_query_beside_lines_is_a_422(client: httpx.AsyncClient) -> None:
    response = await client.post("/tokenize?model=synthetic", content=line(1), headers=LINES)
    assert expect(response, 422, "invalid-fields")["errors"][0]["in"] == "query"


async def test_limits_count_for_each_line(small: httpx.AsyncClient) -> None:
    lines = [line(1), b'{"sentence": "' + b"x" * 3000 + b'"}\n', line(2) * 20]
    response = await small.post("/tokenize", content=b"".join(lines), headers=LINES)
    statuses = [json.loads(answer).get("status") for answer in response.content.splitlines()]
    assert statuses == [None, 413, *[None] * 20]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server that reads 64 KiB of a body before it answers."""
    with serving("--max-body-bytes", str(LIMIT), "--log-level", "debug") as server:
        yield server


class Stream:
    """A client that writes a chunked body and reads the answer, as it likes."""

    def __init__(self, server: Server, path: str = "/tokenize") -> None:
        address = urlsplit(server.url)
        self.socket = socket.create_connection((str(address.hostname), address.port or 0), timeout=SECONDS)
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\n"
        self.socket.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        self.reading = self.socket.makefile("rb")

    def write(self, lines: bytes) -> None:
        self.socket.sendall(b"%x\r\n%b\r\n" % (len(lines), lines))

    def end(self) -> None:
        self.socket.sendall(b"0\r\n\r\n")

    def head(self) -> bytes:
        return b"".join(iter(self.reading.readline, b"\r\n"))

    def chunks(self) -> Iterator[bytes]:
        while size := int(self.reading.readline(), 16):
            yield self.reading.read(size)
            self.reading.readline()

    def close(self) -> None:
        self.reading.close()
        self.socket.close()


def resident(server: Server) -> int:
    """Bytes of memory."""
    return int(psutil.Process(server.process.pid).memory_info().rss)


@pytest.mark.parametrize("path", PATHS)
def test_beyond_the_limit_of_bodies_answers_come_while_lines_go(server: Server, path: str) -> None:
    with closing(Stream(server, path)) as stream:
        count = LIMIT // len(line(0)) + 1
        stream.write(b"".join(map(line, range(count))))
        assert stream.head().startswith(b"HTTP/1.1 200 ")
        chunks = stream.chunks()
        answered = b""
        while answered.count(b"\n") < count:
            answered += next(chunks)
        for number in range(count, count + 3):  # one by one, each answered before the next is sent
            stream.write(line(number))
            answered = next(chunks)
            assert json.loads(answered)["id"] == str(number)
        stream.end()
        assert list(chunks) == []


def test_up_to_the_limit_of_bodies_nothing_is_sent_before_all_is_read(server: Server) -> None:
    with closing(Stream(server)) as stream:
        stream.write(line(0) * 10)
        stream.socket.settimeout(0.2)
        with pytest.raises(TimeoutError):
            stream.socket.recv(1)


def departures(server: Server) -> int:
    return server.log.read_text().count("client went away")


def test_who_leaves_while_the_body_arrives_ends_the_work(server: Server) -> None:
    before = departures(server)
    with closing(Stream(server)) as stream:
        for _ in range(20):
            stream.write(b"".join(map(line, range(200))))
        stream.head()
    poll(lambda: departures(server) > before, server.process)


def test_who_leaves_after_the_body_was_read_ends_the_work(server: Server) -> None:
    before = departures(server)
    with closing(Stream(server, "/attention")) as stream:
        stream.write(b'{"sentence": "a b c d e f", "num_heads": 64}\n' * (LIMIT // 50))
        stream.end()
        stream.head()
    poll(lambda: departures(server) > before, server.process)


@pytest.mark.slow
@pytest.mark.parametrize("path", PATHS)
def test_fifty_thousand_lines_take_no_more_memory_than_some(server: Server, path: str) -> None:
    count = 50_000
    with closing(Stream(server, path)) as stream:

        def write() -> None:
            for start in range(0, count, 500):
                stream.write(b"".join(map(line, range(start, start + 500))))
            stream.end()

        writing = threading.Thread(target=write)
        writing.start()
        stream.head()
        number = before = 0
        rest = b""
        for chunk in stream.chunks():
            *answers, rest = (rest + chunk).split(b"\n")
            for answer in answers:
                assert answer.startswith(b'{"id":"%d",' % number)
                number += 1
            before = before or (resident(server) if number > count // 10 else 0)
        writing.join()
    assert (number, rest) == (count, b"")
    assert resident(server) - before < 16 * 2**20


def write_much(stream: Stream) -> None:
    for _ in range(5000):
        stream.write(b"".join(map(line, range(2000))))


@pytest.mark.slow
def test_a_reader_who_stops_stops_the_sender_too(server: Server) -> None:
    before = resident(server)
    with closing(Stream(server, "/attention")) as stream:
        stream.socket.settimeout(3)
        with pytest.raises(TimeoutError):
            write_much(stream)
    assert resident(server) - before < 32 * 2**20
