"""What surrounds the answers: ids, timings, tags, forms, HEAD, and independence of neighbours."""

import asyncio
import re
from dataclasses import replace
from time import perf_counter
from typing import Any

import httpx
import pytest
import torch
from fastapi import FastAPI

from service import __version__
from service.api.answers import AttentionAnswer, TokenizeAnswer
from service.api.requests import TokenizeRequest
from service.api.service_answers import Info, ModelDescription, ModelList
from service.app import create_app
from service.settings import Settings
from tests import notebook
from tests.conftest import running

GET_PATHS = [
    "/tokenize?sentence=hi",
    "/attention?sentence=hi",
    "/heatmap?sentence=hi",
    "/models",
    "/models/synthetic",
    "/info",
    "/docs",
    "/docs/static/favicon.png",
    "/docs/static/swagger-ui-bundle.js",
    "/openapi.json",
]


@pytest.mark.parametrize("path", [*GET_PATHS, "/livez", "/nowhere"])
async def test_a_sane_request_id_is_echoed(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path, headers={"x-request-id": "abc-1.2_3"})
    assert response.headers["x-request-id"] == "abc-1.2_3"


async def test_every_request_without_an_id_gets_its_own(client: httpx.AsyncClient) -> None:
    ids = {(await client.get("/livez")).headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("given", ["", "a b", "x" * 200, "ü", 'a"b'])
async def test_an_insane_request_id_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/livez", headers=[(b"x-request-id", given.encode())])
    assert re.fullmatch(r"[0-9a-f]{32}", response.headers["x-request-id"])


@pytest.mark.parametrize(
    ("path", "stages"),
    [
        ("/tokenize?sentence=hi", ["tokenize", "encode"]),
        ("/attention?sentence=hi", ["tokenize", "compute", "encode"]),
        ("/heatmap?sentence=hi", ["tokenize", "compute", "encode"]),
        ("/heatmap?sentence=hi&width=3000&height=3000", ["tokenize", "compute", "encode", "queue"]),
    ],
)
async def test_server_timing_has_the_stages_that_ran(client: httpx.AsyncClient, path: str, stages: list[str]) -> None:
    timing = (await client.get(path)).headers["server-timing"]
    assert re.findall(r"(\w+);dur=\d+\.\d+", timing) == stages


@pytest.mark.parametrize("path", GET_PATHS)
async def test_a_get_is_tagged_and_may_be_cached(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert re.fullmatch(r'"[0-9a-f]{32}"', headers["etag"])
    assert headers["cache-control"] == "public, max-age=3600"
    assert headers["vary"] == "Accept, Accept-Encoding"


@pytest.mark.parametrize("path", GET_PATHS)
@pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}'])
async def test_a_fresh_copy_is_answered_304_without_a_body(client: httpx.AsyncClient, path: str, form: str) -> None:
    tag = (await client.get(path)).headers["etag"]
    response = await client.get(path, headers={"if-none-match": form.format(tag)})
    assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", tag)


async def test_server_timing_is_in_milliseconds(client: httpx.AsyncClient) -> None:
    started = perf_counter()
    timing = (await client.get("/heatmap?sentence=hi&width=2000&height=2000")).headers["server-timing"]
    milliseconds = sum(float(duration) for duration in re.findall(r"dur=([\d.]+)", timing))
    assert 1 < milliseconds < (perf_counter() - started) * 1e3


@pytest.mark.parametrize("path", ["/tokenize?sentence=%20", "/heatmap?sentence=hi&head=9"])
async def test_a_failure_says_what_ran_until_then(client: httpx.AsyncClient, path: str) -> None:
    assert "tokenize;dur=" in (await client.get(path)).headers["server-timing"]


async def test_several_lines_of_a_header_count_as_one(client: httpx.AsyncClient) -> None:
    lines = [("accept", "text/html"), ("accept", "image/svg+xml")]
    response = await client.get("/heatmap?sentence=hi", headers=lines)
    again = [*lines, ("if-none-match", '"other"'), ("if-none-match", response.headers["etag"])]
    assert response.headers["content-type"] == "image/svg+xml"
    assert (await client.get("/heatmap?sentence=hi", headers=again)).status_code == 304


async def test_other_software_has_other_tags(
    client: httpx.AsyncClient, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (await client.get("/tokenize?sentence=hi")).headers["etag"]
    software = app.state.operations().software
    assert all(part in software for part in (__version__, torch.__version__, "Pillow", "cpu", "threads"))
    monkeypatch.setattr(app.state.operations(), "software", software.replace("cpu", "cuda:0"))
    assert (await client.get("/tokenize?sentence=hi")).headers["etag"] != before


async def test_a_text_that_another_limit_cuts_elsewhere_has_another_tag(app: FastAPI) -> None:
    request = TokenizeRequest(sentence="hi", truncate=True)
    operations = app.state.operations()
    before = operations.normalize(request)
    model = operations.engine.model("synthetic")
    changed, model.facts = model.facts, replace(model.facts, max_tokens=5)
    after = operations.normalize(request)
    model.facts = changed
    assert before != after


async def test_limits_below_the_warm_ups_texts_do_not_keep_the_service_from_starting() -> None:
    async with running(create_app(Settings(device="cpu", max_tokens=1, max_response_bytes=1024))) as client:
        assert (await client.get("/tokenize?sentence=hi")).json()["tokens"] == ["hi"]


async def test_the_limits_in_force_are_told() -> None:
    settings = Settings(device="cpu", max_tokens=7, max_body_bytes=2000, max_response_bytes=3000)
    async with running(create_app(settings)) as client:
        limits = (await client.get("/info")).json()["limits"]
    assert limits == limits | {"MAX_TOKENS": 7, "MAX_BODY_BYTES": 2000, "MAX_RESPONSE_BYTES": 3000}


@pytest.mark.parametrize("path", GET_PATHS)
async def test_any_copy_will_do_for_a_star(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path, headers={"if-none-match": "*"})).status_code == 304


async def test_a_star_does_not_hide_an_error(client: httpx.AsyncClient) -> None:
    assert (await client.get("/tokenize?sentence=%20", headers={"if-none-match": "*"})).status_code == 422


async def test_another_request_has_another_tag(client: httpx.AsyncClient) -> None:
    paths = [f"/attention?sentence=hi{rest}" for rest in ("", "&seed=1", "&decimals=3", "&include=query", "&d_k=5")]
    tags = {(await client.get(path)).headers["etag"] for path in [*paths, *GET_PATHS[:3:2]]}
    assert len(tags) == len(paths) + 2


async def test_defaults_written_out_keep_the_tag(client: httpx.AsyncClient) -> None:
    written_out = "&seed=0&d_k=4&mask=none&add_special_tokens=false&include=attentions,output&format=json"
    short, long = [await client.get(f"/attention?sentence=hi{rest}") for rest in ("", written_out)]
    assert short.headers["etag"] == long.headers["etag"]


@pytest.mark.parametrize("path", [*GET_PATHS, "/livez", "/readyz", "/docs", "/openapi.json", "/nowhere"])
async def test_head_is_get_without_the_body(client: httpx.AsyncClient, path: str) -> None:
    got, head = await client.get(path), await client.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/health"])
async def test_probes_are_never_cached(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert (response.status_code, response.headers["cache-control"]) == (200, "no-store")


async def test_a_filename_is_offered_to_the_browser(client: httpx.AsyncClient) -> None:
    response = await client.get("/heatmap", params={"sentence": "hi", "filename": "Bild ü.png"})
    assert response.headers["content-disposition"] == "attachment; filename*=UTF-8''Bild%20%C3%BC.png"


async def test_answers_have_the_documented_shapes(client: httpx.AsyncClient) -> None:
    fields: dict[str, Any] = {"sentence": "hi there", "mask": "causal", "num_heads": 2}
    every = list(ModelDescription.model_validate((await client.get("/models/synthetic")).json()).tensors)
    TokenizeAnswer.model_validate((await client.post("/tokenize", json={"sentence": "hi"})).json())
    AttentionAnswer.model_validate((await client.post("/attention", json=fields | {"include": every})).json())
    ModelList.model_validate((await client.get("/models")).json())
    Info.model_validate((await client.get("/info")).json())


async def test_fifty_concurrent_mixed_requests_answer_as_if_alone(client: httpx.AsyncClient) -> None:
    """Small ones on the event loop, large ones on the worker's thread, each byte for byte."""
    requests: list[tuple[str, dict[str, Any]]] = []
    for number in range(17):
        requests.append(("/tokenize", {"sentence": f"{notebook.SENTENCE} {number}"}))
        requests.append(("/attention", {"sentence": "large " * (10 + 20 * number), "seed": number, "num_heads": 3}))
        requests.append(("/heatmap", {"sentence": f"picture {number}", "width": 200, "height": 200}))
    alone = [(await client.post(path, json=fields)).content for path, fields in requests]
    together = await asyncio.gather(*(client.post(path, json=fields) for path, fields in requests))
    assert [response.content for response in together] == alone
