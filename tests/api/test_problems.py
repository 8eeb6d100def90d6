"""Bad requests get a clear problem document, and the service lives on."""

import httpx
import pytest
from fastapi import FastAPI

from service.api.problems import KINDS, ProblemError
from service.app import create_app
from service.settings import Settings
from tests.api.problems import expect


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


@pytest.mark.parametrize(
    ("sentence", "pair", "pointer"), [("a " * 5, "a " * 16, "/sentence_pair"), ("a " * 16, "a " * 5, "/sentence")]
)
async def test_of_a_pair_with_too_many_tokens_the_longer_sentence_is_named(
    small: httpx.AsyncClient, sentence: str, pair: str, pointer: str
) -> None:
    response = await small.post("/tokenize", json={"sentence": sentence, "sentence_pair": pair})
    problem = expect(response, 422, "too-many-tokens")
    assert problem["errors"][0]["pointer"] == pointer
    assert problem["detail"].startswith("sentence and sentence_pair have 21 tokens together, the limit is 20.")


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


@pytest.mark.parametrize("path", ["/tokenize", "/livez", "/nowhere"])
async def test_a_query_over_16_kib_is_a_414(client: httpx.AsyncClient, path: str) -> None:
    problem = expect(await client.get(path, params={"sentence": "a" * 16 * 1024}), 414, "query-too-long")
    assert "16,384" in problem["detail"]


async def test_a_query_that_is_not_utf8_is_a_400(client: httpx.AsyncClient) -> None:
    expect(await client.get("/tokenize?sentence=%ff"), 400, "malformed-query")


@pytest.mark.parametrize(
    ("path", "accept"),
    [("/attention", "image/png"), ("/attention", "application/json;q=0"), ("/heatmap", "text/html"), ("/heatmap", "x")],
)
async def test_an_accept_that_nothing_satisfies_is_a_406(client: httpx.AsyncClient, path: str, accept: str) -> None:
    expect(await client.post(path, json={"sentence": "hi"}, headers={"accept": accept}), 406, "not-acceptable")


@pytest.mark.parametrize(
    "accept", ["*/*", "", "image/*", "IMAGE/PNG", "image/png, foo", "text/html, image/avif, image/png;q=0.1"]
)
async def test_an_accept_that_covers_the_answer_is_fine(client: httpx.AsyncClient, accept: str) -> None:
    assert (await client.get("/heatmap?sentence=hi", headers={"accept": accept})).is_success


async def test_the_format_field_beats_accept(client: httpx.AsyncClient) -> None:
    assert (await client.get("/heatmap?sentence=hi&format=png", headers={"accept": "text/html"})).is_success


@pytest.mark.parametrize("path", ["/nowhere", "/tokenize/", "//tokenize", "/models/gpt-5", "/docs/static/nothing.js"])
async def test_an_unknown_address_is_a_404(client: httpx.AsyncClient, path: str) -> None:
    expect(await client.get(f"{str(client.base_url).rstrip('/')}{path}"), 404, "not-found")


@pytest.mark.parametrize("path", ["/nowhere%3Fx", "/nowhere%23x", "/nowhere%0A", "/nowhere%25", "/models/%C3%BC"])
async def test_a_problem_names_the_path_as_it_was_sent(client: httpx.AsyncClient, path: str) -> None:
    assert expect(await client.get(path), 404, "not-found")["instance"] == path


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
        assert "loading the libraries" in expect(response, 503, "not-ready")["detail"]
        assert response.headers["retry-after"] == "1"
        assert (await client.get("/livez")).json() == {"status": "alive"}


async def test_a_hundred_thousand_combining_marks_are_one_token(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/tokenize", json={"sentence": "a" + "\u0301" * 100_000})).json()
    assert answer["tokens"] == ["a"]


async def test_a_nul_in_a_sentence_is_dropped(client: httpx.AsyncClient) -> None:
    assert (await client.post("/tokenize", json={"sentence": "a\0b"})).json()["tokens"] == ["ab"]


def test_every_kind_of_problem_says_what_it_is() -> None:
    assert all(kind.title and kind.description and 400 <= kind.status < 600 for kind in KINDS.values())


def test_a_problem_error_reads_as_its_detail() -> None:
    assert str(ProblemError("not-found", "nothing here")) == "nothing here"
