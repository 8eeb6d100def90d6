"""Bad requests get a clear problem document, and the service lives on."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from service.api.problems import KINDS, Problem, ProblemError
from service.app import create_app
from service.settings import Settings
from tests.conftest import running


@pytest.fixture(scope="module")
async def small() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with low limits."""
    async with running(create_app(Settings(max_tokens=20, max_body_bytes=1024, max_response_bytes=20_000))) as client:
        yield client


def expect(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The problem document of `response`, which must be whole and have this status and code."""
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = response.json()
    Problem.model_validate(problem)
    assert (response.status_code, problem["status"], problem["type"]) == (status, status, f"/problems/{code}")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert ("errors" in problem) == (status == 422)
    return problem


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


@pytest.mark.parametrize("sentence", ["", "   ", "\n\t", "\0", "\x01\x02", "\u0301"])
@pytest.mark.parametrize("path", ["/tokenize", "/attention", "/heatmap"])
async def test_a_sentence_without_tokens_is_a_422(client: httpx.AsyncClient, path: str, sentence: str) -> None:
    problem = expect(await client.post(path, json={"sentence": sentence}), 422, "no-tokens")
    assert problem["errors"][0]["pointer"] == "/sentence"


async def test_an_empty_second_sentence_is_a_422(client: httpx.AsyncClient) -> None:
    problem = expect(await client.post("/tokenize", json={"sentence": "hi", "sentence_pair": ""}), 422, "no-tokens")
    assert problem["errors"][0]["pointer"] == "/sentence_pair"


@pytest.mark.parametrize("path", ["/tokenize", "/attention", "/heatmap"])
async def test_too_many_tokens_is_a_422_with_both_numbers(small: httpx.AsyncClient, path: str) -> None:
    problem = expect(await small.post(path, json={"sentence": "a " * 21}), 422, "too-many-tokens")
    assert "21 tokens" in problem["detail"]
    assert "the limit is 20" in problem["detail"]


async def test_an_answer_that_would_be_too_large_is_a_422_that_says_what_would_do(small: httpx.AsyncClient) -> None:
    fields = {"sentence": "a " * 20, "num_heads": 8, "include": ["attentions"]}
    problem = expect(await small.post("/attention", json=fields), 422, "response-too-large")
    assert "the limit is 20,000" in problem["detail"]
    advised = int(problem["detail"].partition("at most ")[2].split()[0])
    assert (await small.post("/attention", json=fields | {"sentence": "a " * advised})).is_success


async def test_an_answer_too_large_by_its_weights_asks_for_fewer_tensors(client: httpx.AsyncClient) -> None:
    fields = {"sentence": "a", "d_model": 4096, "d_k": 4096, "include": ["query_weights"]}
    problem = expect(await client.post("/attention", json=fields), 422, "response-too-large")
    assert "Ask for fewer tensors" in problem["detail"]


@pytest.mark.parametrize("content_length", [True, False], ids=["declared", "chunked"])
async def test_a_body_over_the_limit_is_a_413(small: httpx.AsyncClient, content_length: bool) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b" " * 1000
        yield b" " * 1000

    response = await small.post("/tokenize", content=b" " * 2000 if content_length else chunks())
    assert "1,024" in expect(response, 413, "body-too-large")["detail"]


@pytest.mark.parametrize("path", ["/tokenize", "/livez", "/nowhere"])
async def test_a_query_over_16_kib_is_a_414(client: httpx.AsyncClient, path: str) -> None:
    problem = expect(await client.get(path, params={"sentence": "a" * 16 * 1024}), 414, "query-too-long")
    assert "16,384" in problem["detail"]


async def test_a_query_that_is_not_utf8_is_a_400(client: httpx.AsyncClient) -> None:
    expect(await client.get("/tokenize?sentence=%ff"), 400, "malformed-query")


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"},
        {"content-type": "application/x-ndjson"},
        {"content-type": "application/json; charset=latin-1"},
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
    assert response.headers["accept"] == "application/json"


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8", None])
async def test_json_and_a_missing_content_type_are_read_as_json(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    assert (await client.post("/tokenize", content=b'{"sentence": "hi"}', headers=headers)).is_success


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/attention", "image/png"), ("/attention", "application/json;q=0"), ("/heatmap", "text/html"), ("/heatmap", "x")],
)
async def test_an_accept_that_nothing_satisfies_is_a_406(client: httpx.AsyncClient, path: str, accept: str) -> None:
    expect(await client.post(path, json={"sentence": "hi"}, headers={"accept": accept}), 406, "not-acceptable")


@pytest.mark.parametrize("accept", ["*/*", "", "image/*", "text/html, image/avif, image/png;q=0.1"])
async def test_an_accept_that_covers_the_answer_is_fine(client: httpx.AsyncClient, accept: str) -> None:
    assert (await client.get("/heatmap?sentence=hi", headers={"accept": accept})).is_success


async def test_the_format_field_beats_accept(client: httpx.AsyncClient) -> None:
    assert (await client.get("/heatmap?sentence=hi&format=png", headers={"accept": "text/html"})).is_success


async def test_a_query_beside_a_body_is_a_422(client: httpx.AsyncClient) -> None:
    problem = expect(await client.post("/tokenize?seed=1", json={"sentence": "hi"}), 422, "invalid-fields")
    assert problem["errors"][0]["in"] == "query"


@pytest.mark.parametrize("path", ["/nowhere", "/tokenize/", "//tokenize", "/models/gpt-5", "/docs/static/nothing.js"])
async def test_an_unknown_address_is_a_404(client: httpx.AsyncClient, path: str) -> None:
    expect(await client.get(f"http://test{path}"), 404, "not-found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [("PUT", "/attention", "GET, HEAD, POST"), ("DELETE", "/models", "GET, HEAD"), ("OPTIONS", "/livez", "GET, HEAD")],
)
async def test_another_method_is_a_405_that_lists_those_allowed(
    client: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await client.request(method, path)
    expect(response, 405, "method-not-allowed")
    assert response.headers["allow"] == allow


async def test_a_failure_is_a_500_without_a_trace_and_the_service_lives_on(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(app.state.operations().engine, "tokenize", None)  # calling it raises a TypeError
        response = await client.post("/tokenize", json={"sentence": "secret"})
    problem = expect(response, 500, "internal-error")
    assert "TypeError" not in response.text
    assert problem["request_id"] in caplog.text
    assert (await client.post("/tokenize", json={"sentence": "hi"})).is_success


@pytest.mark.parametrize("path", ["/readyz", "/health", "/tokenize?sentence=hi", "/models", "/info"])
async def test_before_the_models_are_loaded_the_answer_is_a_503_to_come_back(path: str) -> None:
    transport = httpx.ASGITransport(create_app(Settings()))  # the lifespan, which loads them, is not entered
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        response = await client.get(path)
        expect(response, 503, "not-ready")
        assert response.headers["retry-after"] == "1"
        assert (await client.get("/livez")).json() == {"status": "alive"}


@given(st.binary(max_size=200))
async def test_no_body_makes_the_service_fail(client: httpx.AsyncClient, body: bytes) -> None:
    assert (await client.post("/attention", content=body)).status_code in {200, 400, 422}


async def test_a_hundred_thousand_combining_marks_are_one_token(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/tokenize", json={"sentence": "a" + "\u0301" * 100_000})).json()
    assert answer["tokens"] == ["a"]


async def test_a_nul_in_a_sentence_is_dropped(client: httpx.AsyncClient) -> None:
    assert (await client.post("/tokenize", json={"sentence": "a\0b"})).json()["tokens"] == ["ab"]


def test_every_kind_of_problem_says_what_it_is() -> None:
    assert all(kind.title and kind.description and 400 <= kind.status < 600 for kind in KINDS.values())


def test_a_problem_error_reads_as_its_detail() -> None:
    assert str(ProblemError("not-found", "nothing here")) == "nothing here"
