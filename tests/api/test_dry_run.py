"""A dry run tells what the answer would be, and computes nothing."""

import io
from typing import Any

import httpx
import pytest
from PIL import Image
from safetensors.numpy import load

from service.api.estimates import EXAMPLES
from service.api.openapi import EXAMPLES as REQUESTS

SENTENCE = "Tokenization of embeddings, twice: embeddings."
TENSORS = ["embedding", "query_weights", "value_weights", "query", "key", "value", "scores", "attentions", "output"]
SYNTHETIC = {"sentence": SENTENCE, "num_heads": 2, "d_model": 5, "d_k": 3, "d_v": 2}


async def estimate(client: httpx.AsyncClient, path: str, **fields: Any) -> dict[str, Any]:
    answer = await client.post(path, json={"sentence": SENTENCE, **fields, "dry_run": True})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.attention-estimate+json"
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize(
    "fields",
    [{"include": TENSORS}, {"include": ["attentions", "statistics"], "level": "word"}, {"include": ["statistics"]}],
    ids=["tokens", "words", "statistics"],
)
async def test_shapes_are_those_of_the_answer(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    told = await estimate(client, "/attention", **SYNTHETIC, **fields, format="safetensors")
    answer = await client.post("/attention", json={**SYNTHETIC, **fields, "format": "safetensors"})
    assert told["shapes"] == {name: list(tensor.shape) for name, tensor in load(answer.content).items()}


@pytest.mark.parametrize("fields", [{}, {"decimals": 3}, {"format": "safetensors"}, {"format": "npy"}])
async def test_bytes_are_those_that_the_answer_may_have_at_most(
    client: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    told = await estimate(client, "/attention", **fields)
    answer = await client.post("/attention", json={"sentence": SENTENCE, **fields})
    assert told["bytes"] / 10 < len(answer.content) <= told["bytes"]


async def test_tokens_are_counted(client: httpx.AsyncClient) -> None:
    told = await estimate(client, "/attention", sentence_pair="And more.", add_special_tokens=True)
    fields = {"sentence": SENTENCE, "sentence_pair": "And more.", "add_special_tokens": True}
    answer = await client.post("/tokenize", json=fields)
    assert (told["num_tokens"], told["num_target_tokens"]) == (len(answer.json()["tokens"]), None)


@pytest.mark.parametrize("fields", [{}, {"dpi_scale": 2}, {"num_heads": 4, "view": "grid"}, {"tensor": "query"}])
async def test_a_pictures_pixels_are_told(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    told = await estimate(client, "/heatmap", width=300, height=200, **fields)
    answer = await client.post("/heatmap", json={"sentence": SENTENCE, "width": 300, "height": 200, **fields})
    width, height = Image.open(io.BytesIO(answer.content)).size
    assert told["picture"] == {"width": width, "height": height, "matrices": fields.get("num_heads", 1)}


async def test_heads_that_become_one_matrix_are_one(client: httpx.AsyncClient) -> None:
    told = await estimate(client, "/heatmap", num_heads=4, head_reduction="mean")
    assert told["picture"]["matrices"] == 1


@pytest.mark.parametrize("path", ["/attention", "/heatmap"])
async def test_a_longer_text_takes_longer(client: httpx.AsyncClient, path: str) -> None:
    short, long = [(await estimate(client, path, sentence="cat " * n))["milliseconds"] for n in (100, 1000)]
    assert long["compute"] > 10 * short["compute"]
    assert long["encode"] > short["encode"]


async def test_nothing_is_computed_or_encoded(client: httpx.AsyncClient) -> None:
    answer = await client.get("/attention", params={"sentence": SENTENCE, "dry_run": "true"})
    assert [part.split(";")[0] for part in answer.headers["server-timing"].split(", ")] == ["tokenize"]


async def test_an_answer_too_large_is_refused_as_the_real_one_is(small: httpx.AsyncClient) -> None:
    fields = {"sentence": "a " * 20, "num_heads": 64}
    dry, real = [await small.post("/attention", json=fields | {"dry_run": is_dry}) for is_dry in (True, False)]
    assert dry.status_code == real.status_code == 422
    assert dry.json()["detail"] == real.json()["detail"]


@pytest.mark.parametrize("accept", ["application/json", "image/png", "*/*"])
async def test_json_is_the_answer_whatever_is_accepted(client: httpx.AsyncClient, accept: str) -> None:
    answer = await client.get(f"/heatmap?sentence={SENTENCE}&dry_run=true", headers={"Accept": accept})
    assert (answer.headers["content-type"], answer.json()["form"]) == ("application/vnd.attention-estimate+json", "png")


async def test_accept_chooses_the_form_that_is_estimated(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/attention?sentence={SENTENCE}&dry_run=true", headers={"Accept": "application/x-npy"})
    assert answer.json()["form"] == "npy"


async def test_what_no_form_covers_is_not_acceptable(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/heatmap?sentence={SENTENCE}&dry_run=true", headers={"Accept": "text/plain"})
    assert answer.status_code == 406


async def test_a_dry_run_and_the_answer_have_tags_of_their_own(client: httpx.AsyncClient) -> None:
    dry = await client.get("/attention?sentence=a&dry_run=true")
    real = await client.get("/attention?sentence=a")
    again = await client.get("/attention?sentence=a&dry_run=true", headers={"If-None-Match": dry.headers["etag"]})
    assert dry.headers["etag"] != real.headers["etag"]
    assert again.status_code == 304


async def test_the_documented_example_is_what_is_answered(client: httpx.AsyncClient) -> None:
    answer = await client.post("/attention", json=REQUESTS["attention"]["request"] | {"dry_run": True})
    assert [answer.json()] == EXAMPLES
