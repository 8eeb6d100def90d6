"""Texts of more tokens than a whole matrix may have: what is answered equals that of a service that computes all."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load

from service.app import create_app
from service.settings import Settings
from tests.api.problems import expect
from tests.conftest import running

SENTENCE = "The cat sat on the mat, and nobody had asked it to. " * 20
RELATIVE = 1e-5


@pytest.fixture(scope="module")
async def long() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service to which everything but a sentence of a few words is long."""
    async with running(create_app(Settings(max_tokens=16))) as client:
        yield client


async def arrays(client: httpx.AsyncClient, **fields: Any) -> dict[str, np.ndarray]:
    response = await client.post("/attention", json={"sentence": SENTENCE, "format": "safetensors", **fields})
    assert response.status_code == 200, response.text
    return load(response.content)


@pytest.mark.parametrize(
    "fields",
    [
        {"query_window": [7, 19], "include": ["query", "key", "value", "output", "embedding", "key_weights"]},
        {"query_window": [7, 19], "key_window": [100, 231], "include": ["attentions", "scores", "value"]},
        {"query_window": [200, 201], "mask": "causal", "num_heads": 3, "include": ["scores", "attentions", "output"]},
        {"key_window": [3, 90], "scale": 50.0, "include": ["attentions"]},
        {"query_window": [0, 40], "top_k": 7, "num_heads": 2},
        {"top_k": 300, "mask": "causal", "include": ["attentions"]},
        {"key_window": [50, 60], "top_k": 3, "positions": "sinusoidal", "include": ["attentions"]},
        {"include": ["statistics", "row_entropy", "row_maximum", "mass_by_distance"], "num_heads": 2},
        {"include": ["statistics"], "query_window": [17, 99], "mask": "causal"},
        {"include": ["output"], "initialization": "normal", "d_model": 64, "d_k": 32},
    ],
    ids=json.dumps,
)
async def test_parts_are_those_of_the_whole(
    client: httpx.AsyncClient, long: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    found, expected = await arrays(long, **fields), await arrays(client, **fields)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype
        if name == "indices":
            assert (found[name] != tensor).mean() < 0.001  # two that differ in the last bit may stand the other way
        else:
            np.testing.assert_allclose(found[name], tensor, rtol=RELATIVE, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("pooling", ["max", "mean"])
@pytest.mark.parametrize("mask", ["none", "causal"])
async def test_bins_are_made_of_the_whole(client: httpx.AsyncClient, pooling: str, mask: str) -> None:
    include = ["scores", "attentions"]
    whole = await arrays(client, mask=mask, include=include)
    bins = await arrays(client, mask=mask, include=include, pooling=pooling, bins=[7, 10])
    for name, filler in (("scores", np.nan), ("attentions", 0.0)):
        cells = whole[name][0, 0]
        cells = np.where(np.isneginf(whole["scores"][0, 0]), np.nan, cells)
        size = tuple(-(-length // most) for length, most in zip(cells.shape, (7, 10), strict=True))
        for (row, column), found in np.ndenumerate(bins[name][0, 0]):
            cut = cells[row * size[0] : (row + 1) * size[0], column * size[1] : (column + 1) * size[1]]
            seen = cut[~np.isnan(cut)]
            fold = np.max if pooling == "max" else np.mean
            np.testing.assert_allclose(found, fold(seen) if seen.size else filler, rtol=RELATIVE)


async def test_windows_of_short_texts_are_cut_from_the_whole_to_the_last_bit(client: httpx.AsyncClient) -> None:
    whole = await arrays(client, include=["attentions", "scores", "output"], num_heads=2)
    cut = await arrays(
        client,
        include=["attentions", "scores", "output"],
        num_heads=2,
        query_window=[3, 50],
        key_window=[9, 200],
    )
    assert np.array_equal(cut["attentions"], whole["attentions"][..., 3:50, 9:200])
    assert np.array_equal(cut["scores"], whole["scores"][..., 3:50, 9:200])
    assert np.array_equal(cut["output"], whole["output"][..., 3:50, :])


async def test_the_strongest_keys_are_told_in_all_forms(long: httpx.AsyncClient) -> None:
    fields = {"sentence": SENTENCE, "top_k": 3, "query_window": [0, 5]}
    answer = (await long.post("/attention", json=fields)).json()
    binary = await arrays(long, **fields)
    records = np.load(io.BytesIO((await long.post("/attention", json={**fields, "format": "npy"})).content))
    assert answer["indices"] == binary["indices"].tolist() == records["indices"].tolist()
    assert np.array_equal(np.float32(answer["attentions"]), binary["attentions"])
    assert np.array_equal(records["attentions"], binary["attentions"])
    assert answer["parameters"]["top_k"] == 3
    assert answer["parameters"]["include"] == ["attentions", "output"]
    again = await long.post("/attention", json={"sentence": SENTENCE, **answer["parameters"]})
    assert again.json() == answer


async def test_indices_are_not_rounded_or_quantized(long: httpx.AsyncClient) -> None:
    fields = {"top_k": 3, "query_window": [0, 5], "include": ["attentions"]}
    plain, small = await arrays(long, **fields), await arrays(long, **fields, quantize="uint8")
    assert np.array_equal(small["indices"], plain["indices"])
    assert small["attentions"].dtype == np.uint8
    rounded = (await long.post("/attention", json={"sentence": SENTENCE, **fields, "decimals": 1})).json()
    assert rounded["indices"] == plain["indices"].tolist()


@pytest.mark.parametrize("fields", [{}, {"include": ["scores"]}, {"format": "npy", "include": ["query"]}])
async def test_whole_matrices_of_a_long_text_are_refused_and_a_part_of_them_is_advised(
    long: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    response = await long.post("/attention", json={"sentence": SENTENCE, **fields})
    assert "query_window and key_window, bins, or top_k" in expect(response, 422, "too-many-tokens")["detail"]


@pytest.mark.parametrize("fields", [{"include": ["rollout"], "query_window": [0, 1]}, {"level": "word"}])
async def test_what_cannot_be_had_in_part_is_not_advised_so(long: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    response = await long.post("/attention", json={"sentence": SENTENCE, **fields})
    assert expect(response, 422, "too-many-tokens")["detail"].endswith("Shorten sentence or send it in parts.")


async def test_a_form_that_holds_whole_matrices_is_refused_by_accept_too(long: httpx.AsyncClient) -> None:
    fields, headers = {"sentence": SENTENCE, "include": ["query"]}, {"accept": "application/x-npy"}
    expect(await long.post("/attention", json=fields, headers=headers), 422, "too-many-tokens")


async def test_what_does_not_grow_with_the_square_is_not_refused(long: httpx.AsyncClient) -> None:
    assert (await long.post("/tokenize", json={"sentence": SENTENCE})).status_code == 200
    include = ["embedding", "query", "value", "query_weights"]
    assert (await long.post("/attention", json={"sentence": SENTENCE, "include": include})).status_code == 200


async def test_a_line_of_bulk_may_ask_for_a_part(long: httpx.AsyncClient) -> None:
    asked = [{"sentence": SENTENCE, "top_k": 2, "include": ["attentions"]}, {"sentence": "hi"}, {"sentence": SENTENCE}]
    body = "\n".join(map(json.dumps, asked))
    answers = (await long.post("/attention", content=body, headers={"content-type": "application/x-ndjson"})).text
    first, second, third = map(json.loads, answers.splitlines())
    assert first == (await long.post("/attention", json=asked[0])).json()
    assert second["tokens"] == ["hi"]
    assert third["type"] == "/problems/too-many-tokens"


@pytest.mark.parametrize("turn", [1, -1])
async def test_lines_of_bins_and_others_are_answered_each_as_alone(client: httpx.AsyncClient, turn: int) -> None:
    bins = {"sentence": "the cat", "mask": "causal", "bins": [1, 1], "include": ["attentions"]}
    asked = [bins, {"sentence": "the dog", "include": ["attentions"]}, bins | {"seed": 3}][::turn]
    body = "\n".join(map(json.dumps, asked))
    answers = (await client.post("/attention", content=body, headers={"content-type": "application/x-ndjson"})).text
    alone = [(await client.post("/attention", json=one)).json() for one in asked]
    assert [json.loads(line) for line in answers.splitlines()] == alone


def pixels(picture: httpx.Response) -> np.ndarray:
    assert picture.status_code == 200, picture.text
    return np.asarray(Image.open(io.BytesIO(picture.content)).convert("RGB")).astype(int)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"mask": "causal", "color_scale": "log"},
        {"tensor": "scores", "pooling": "mean", "mask": "causal"},
        {"num_heads": 3, "head_reduction": "mean"},
        {"num_heads": 3, "head_reduction": "max", "tensor": "scores"},
        {"num_heads": 2, "view": "grid"},
        {"query_window": [10, 30], "key_window": [100, 140], "mask": "causal"},
        {"tensor": "embedding"},
        {"tensor": "output", "query_window": [5, 25]},
        {"tensor": "output", "num_heads": 3, "head_reduction": "mean"},
        {"tensor": "output", "num_heads": 3, "head_reduction": "max", "query_window": [5, 25]},
    ],
    ids=json.dumps,
)
async def test_pictures_are_those_of_the_whole(
    client: httpx.AsyncClient, long: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    request = {"sentence": SENTENCE, "width": 300, "height": 200, **fields}
    few, many = [pixels(await one.post("/heatmap", json=request)) for one in (long, client)]
    difference = np.abs(few - many).max(axis=-1)
    assert (difference > 8).mean() < 0.001  # a colour next to it, or a digit of the colour bar


async def test_a_text_that_takes_too_long_is_refused_with_the_estimate_and_a_smaller_request() -> None:
    async with running(create_app(Settings(max_tokens=16, request_timeout=1))) as client:
        fields = {"sentence": "word " * 100_000, "top_k": 1, "include": ["attentions"]}
        problem = expect(await client.post("/attention", json=fields), 422, "too-much-work")
        assert "the limit is 1 (REQUEST_TIMEOUT)" in problem["detail"]
        assert [error["pointer"] for error in problem["errors"]] == ["/sentence", "/query_window"]
        most = int(problem["detail"].partition("at most ")[2].partition(" queries")[0].replace(",", ""))
        smaller = await client.post("/attention", json={**fields, "query_window": [0, most], "dry_run": True})
        assert smaller.status_code == 200
        assert smaller.json()["milliseconds"]["compute"] < 1000
        expect(await client.post("/heatmap", json={"sentence": fields["sentence"]}), 422, "too-much-work")


async def test_what_would_take_too_much_memory_is_refused(long: httpx.AsyncClient) -> None:
    fields = {"sentence": "word " * 100_000, "d_model": 4096, "top_k": 1, "include": ["attentions"]}
    problem = expect(await long.post("/attention", json=fields), 422, "too-much-work")
    assert problem["errors"][0]["pointer"] == "/d_model"
    assert "at most " in problem["detail"]


async def test_a_dry_run_of_a_long_text_tells_shapes_of_what_is_answered(long: httpx.AsyncClient) -> None:
    fields = {"sentence": SENTENCE, "bins": [8, 9], "include": ["attentions"], "query_window": [0, 80], "dry_run": True}
    estimate = (await long.post("/attention", json=fields)).json()
    assert estimate["shapes"] == {"attentions": [1, 1, 8, 9]}


async def test_the_service_stops_computing_for_a_client_that_has_gone(server_url: str) -> None:
    body = b"word " * 80_000  # which uvicorn takes in pieces, the last of them large; to compute it takes many seconds
    head = f"POST /attention?top_k=1&include=attentions HTTP/1.1\r\nhost: a\r\ncontent-length: {len(body)}\r\n"
    host, _, port = server_url.removeprefix("http://").partition(":")

    async def wait_until(aside: int) -> None:
        while f"attention_requests_aside {aside}.0" not in (await client.get("/metrics")).text:
            pass

    async with httpx.AsyncClient(base_url=server_url) as client, asyncio.timeout(10):
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(head.encode() + b"content-type: text/plain\r\n\r\n" + body)
        await wait_until(1)
        writer.close()
        await wait_until(0)
