"""Bodies that are no JSON, of another type, too large or full of errors get a clear problem document."""

from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.api.problems import expect


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"sentence=hi",
        b'{"sentence": "hi"',
        b'{"sentence": "hi"} trailing',
        b'{"sentence": "\xff"}',
        b'\xff\xfe{"sentence": "hi"}',
        b'{"sentence": "\\ud800"}',
        b'{"sentence": "\\udc00\\ud800"}',
        b"[" * 10_000,
        b'{"sentence": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
    ids=lambda body: repr(body[:24]),
)
async def test_a_body_that_is_not_json_is_a_400(client: httpx.AsyncClient, body: bytes) -> None:
    expect(await client.post("/attention", content=body), 400, "malformed-json")


@pytest.mark.parametrize("body", [b"[]", b"3", b"null", b'"hi"', b"true"])
async def test_json_that_is_no_object_is_a_422(client: httpx.AsyncClient, body: bytes) -> None:
    problem = expect(await client.post("/attention", content=body), 422, "invalid-fields")
    assert problem["errors"][0]["pointer"] == ""


@pytest.mark.parametrize("content_length", [True, False], ids=["declared", "chunked"])
async def test_a_body_over_the_limit_is_a_413(small: httpx.AsyncClient, content_length: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b" " * 1000
        yield b" " * 1000

    response = await small.post("/tokenize", content=b" " * 2000 if content_length else chunks())
    assert "1,024" in expect(response, 413, "body-too-large")["detail"]


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/html"},
        {"content-type": "text/plain; charset=latin-1"},
        {"content-type": "application/json; charset=latin-1"},
        {"content-type": "application/json; x=1; charset=latin-1; y=1"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-encoding": "gzip"},
    ],
    ids=str,
)
async def test_another_type_of_body_is_a_415_that_says_what_is_taken(
    client: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    response = await client.post("/tokenize", content=b'{"sentence": "hi"}', headers=headers)
    expect(response, 415, "unsupported-media-type")
    assert response.headers["accept"] == "application/json, application/x-ndjson, text/plain"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "Application/JSON; charset=UTF-8",
        'application/json; charset="utf-8"; x=1',
        "application/json; x=y; charset=utf-8; z=1",
        None,
    ],
)
async def test_json_and_a_missing_content_type_are_read_as_json(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    assert (await client.post("/tokenize", content=b'{"sentence": "hi"}', headers=headers)).is_success


async def test_a_query_beside_a_body_is_a_422(client: httpx.AsyncClient) -> None:
    problem = expect(await client.post("/tokenize?seed=1", json={"sentence": "hi"}), 422, "invalid-fields")
    assert problem["errors"][0]["in"] == "query"


async def test_a_query_without_a_body_is_told_of_get(client: httpx.AsyncClient) -> None:
    detail = expect(await client.post("/attention?sentence=hi"), 422, "invalid-fields")["detail"]
    assert detail.startswith("POST takes its fields as a JSON body, and its query must be empty")
    assert "use GET, or send the sentence alone as text/plain" in detail


@given(st.binary(max_size=200))
async def test_no_body_makes_the_service_fail(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await client.post("/attention", content=body)).status_code in {200, 400, 422}


async def test_a_million_wrong_items_are_one_error(client: httpx.AsyncClient) -> None:
    body = b'{"sentence": "hi", "include": [' + b"0," * 999_999 + b"0]}"
    problem = expect(await client.post("/attention", content=body), 422, "invalid-fields")
    assert [error["code"] for error in problem["errors"]] == ["too_long"]
