"""Compressed answers: the packages of each coding read back what is sent without one."""

import asyncio
import gzip
import random
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import httpx
import pytest
import zstandard
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.compression import CompressionMiddleware
from service.api.responses import PIECE_BYTES, BufferResponse

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}
CODINGS = list(DECODERS)
SENTENCE = "The+cat+sat+on+the+mat,+and+the+dog+on+the+cat.&seed=3"
DIGITS = random.Random(0).randbytes(2**21).hex().encode()
LARGE = "/attention?sentence=" + "a+" * 400  # over 2 MiB
TEXTS = [
    f"/tokenize?sentence={SENTENCE[:-7]}",
    f"/attention?sentence={SENTENCE}",
    LARGE,
    f"/heatmap?sentence={SENTENCE}&format=svg",
    "/models",
    "/models/synthetic",
    "/docs/static/swagger-ui.css",
    "/docs/static/swagger-ui-bundle.js",
    "/openapi.json",
]
PROBLEMS = {"/attention?d_k=0&d_v=0&d_model=0&seed=x": 422, f"/{'a' * 500}": 404, f"/{'a' * 500}?{'a' * 20_000}": 414}
UNTOUCHED = [
    f"/heatmap?sentence={SENTENCE}",
    f"/attention?sentence={SENTENCE}&format=npy",
    f"/attention?sentence={SENTENCE}&format=safetensors",
    f"{LARGE}&format=npy",
    "/docs/static/favicon.png",
    "/tokenize?sentence=hi",
    "/attention?sentence=hi&d_k=0",
    "/livez",
]


async def fetch(
    client: httpx.AsyncClient, path: str, coding: str, method: str = "GET", **headers: str
) -> tuple[httpx.Response, bytes]:
    """The answer and its bytes as they were sent."""
    headers |= {"accept-encoding": coding, "x-request-id": "a"}
    async with client.stream(method, path, headers=headers) as response:
        return response, b"".join([part async for part in response.aiter_raw()])


@pytest.mark.parametrize("coding", CODINGS)
@pytest.mark.parametrize("path", [*TEXTS, *PROBLEMS], ids=lambda path: path[:40])
async def test_the_decoded_answer_is_the_plain_one(client: httpx.AsyncClient, path: str, coding: str) -> None:
    plain, expected = await fetch(client, path, "identity")
    response, body = await fetch(client, path, coding)
    assert response.status_code == plain.status_code == PROBLEMS.get(path, 200)
    assert (response.headers["content-encoding"], "content-encoding" in plain.headers) == (coding, False)
    assert response.headers["vary"] == plain.headers["vary"] == "Accept, Accept-Encoding"
    assert DECODERS[coding](body) == expected
    assert len(body) < len(expected)
    assert int(response.headers.get("content-length", len(body))) == len(body)


@pytest.mark.parametrize("path", UNTOUCHED, ids=lambda path: path[-40:])
async def test_what_would_hardly_shrink_is_sent_as_it_is(client: httpx.AsyncClient, path: str) -> None:
    plain, expected = await fetch(client, path, "identity")
    response, body = await fetch(client, path, "gzip")
    assert "content-encoding" not in response.headers
    assert (response.headers["content-length"], body) == (plain.headers["content-length"], expected)


async def test_a_post_is_compressed_like_a_get(client: httpx.AsyncClient) -> None:
    fields = {"sentence": "The cat sat on the mat."}
    response = await client.post("/attention", json=fields, headers={"accept-encoding": "br"})
    assert response.headers["content-encoding"] == "br"
    assert response.headers["vary"] == "Accept, Accept-Encoding"
    assert response.content == (await client.post("/attention", json=fields, headers={"accept-encoding": ""})).content


async def test_several_lines_and_qualities_choose_the_coding(client: httpx.AsyncClient) -> None:
    lines = [("accept-encoding", "zstd;q=0.2, br;q=0"), ("accept-encoding", "gzip")]
    assert (await client.get("/models", headers=lines)).headers["content-encoding"] == "gzip"


@pytest.mark.parametrize("path", [*TEXTS, "/info"], ids=lambda path: path[:40])
async def test_each_coding_has_a_tag_of_its_own(client: httpx.AsyncClient, path: str) -> None:
    tags = {(await fetch(client, path, coding))[0].headers["etag"] for coding in (*CODINGS, "identity")}
    assert len(tags) == 4


@pytest.mark.parametrize("path", [*TEXTS, "/info"], ids=lambda path: path[:40])
async def test_a_copy_in_another_coding_is_no_fresh_one(client: httpx.AsyncClient, path: str) -> None:
    tag = (await fetch(client, path, "br"))[0].headers["etag"]
    again, nothing = await fetch(client, path, "br", **{"if-none-match": tag})
    other, _ = await fetch(client, path, "gzip", **{"if-none-match": tag})
    assert (again.status_code, nothing, again.headers["etag"], other.status_code) == (304, b"", tag, 200)
    assert again.headers["vary"] == other.headers["vary"] == "Accept, Accept-Encoding"
    assert "content-encoding" not in again.headers


@pytest.mark.parametrize("path", [*TEXTS, *PROBLEMS, *UNTOUCHED], ids=lambda path: path[-40:])
async def test_head_tells_the_headers_of_get(client: httpx.AsyncClient, path: str) -> None:
    got, _ = await fetch(client, path, "br")
    head, body = await fetch(client, path, "br", "HEAD")
    of_a_moment = {"date", "server-timing", "transfer-encoding"}
    both = [{name: value for name, value in each.headers.items() if name not in of_a_moment} for each in (got, head)]
    assert (both[0], body) == (both[1], b"")


@pytest.mark.parametrize("path", [TEXTS[1], LARGE], ids=["whole", "in pieces"])
async def test_a_gzip_does_not_tell_the_time(client: httpx.AsyncClient, path: str) -> None:
    _, body = await fetch(client, path, "gzip")
    assert body[4:8] == bytes(4)


async def exchange(app: ASGIApp, coding: str, send: Send) -> None:
    """Let `app`, compressed, answer a request."""

    async def receive() -> Message:
        return {"type": "http.request"}

    scope = {"type": "http", "headers": [(b"accept-encoding", coding.encode())]}
    await CompressionMiddleware(app)(scope, receive, send)


def start(media_type: bytes) -> Message:
    return {"type": "http.response.start", "status": 200, "headers": [(b"content-type", media_type)]}


@pytest.mark.parametrize("coding", CODINGS)
async def test_the_event_loop_turns_while_a_large_piece_is_compressed(coding: str) -> None:
    turns = during = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        nonlocal during
        await send(start(b"application/json"))
        before = turns
        await send({"type": "http.response.body", "body": DIGITS})
        during = turns - before

    async def send(message: Message) -> None:
        pass

    turning = asyncio.create_task(turn())
    await exchange(app, coding, send)
    turning.cancel()
    assert during > 10  # a turn takes microseconds, four megabytes take a thousand times that


@pytest.mark.parametrize("coding", CODINGS)
async def test_each_line_of_a_stream_arrives_at_once(coding: str) -> None:
    make: dict[str, Callable[[], Any]] = {
        "zstd": lambda: zstandard.ZstdDecompressor().decompressobj().decompress,
        "br": lambda: brotli.Decompressor().process,
        "gzip": lambda: zlib.decompressobj(31).decompress,
    }
    decode, arrived, begun = make[coding](), b"", False
    lines = [b'{"tokens":["a"]}\n', b"{}\n", DIGITS + b"\n"]

    async def send(message: Message) -> None:
        nonlocal arrived, begun
        begun = True
        arrived += decode(message.get("body", b""))

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send(start(b"application/x-ndjson"))
        assert begun
        for number, line in enumerate(lines, start=1):
            await send({"type": "http.response.body", "body": line, "more_body": True})
            assert arrived == b"".join(lines[:number])
        await send({"type": "http.response.body", "body": b""})

    await exchange(app, coding, send)
    assert arrived == b"".join(lines)


@pytest.mark.parametrize("coding", CODINGS)
async def test_a_large_answer_leaves_piece_by_piece(coding: str) -> None:
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))

    await exchange(BufferResponse([DIGITS], [(b"content-type", b"application/json")]), coding, send)
    assert DECODERS[coding](b"".join(sent)) == DIGITS
    assert max(map(len, sent)) <= 4 * PIECE_BYTES
