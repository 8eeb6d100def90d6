"""Binary forms: what the safetensors and numpy packages read back is what JSON says."""

import json
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import load

from service.api.answers import AttentionAnswer
from tests.api.problems import expect
from tests.strategies import SENTENCES

SAFETENSORS, NPY = "application/vnd.safetensors", "application/x-npy"
TENSORS = ["embedding", "query_weights", "query", "scores", "attentions", "output", "statistics", "rollout"]
SENTENCE = "The cat sat on the mat, and the dog on the cat."
MASKED = {"sentence": SENTENCE, "mask": "causal", "include": ["scores", "attentions", "statistics"]}


async def post(client: httpx.AsyncClient, **fields: Any) -> httpx.Response:
    response = await client.post("/attention", json={"sentence": SENTENCE, **fields})
    assert response.status_code == 200, response.text
    return response


def metadata(body: bytes, folder: Any) -> dict[str, str]:
    """What the package itself reads of a file's head."""
    file = folder / "answer.safetensors"
    file.write_bytes(body)
    with safe_open(file, "numpy") as opened:
        return dict(opened.metadata())


@given(
    SENTENCES, st.sampled_from(["none", "causal"]), st.integers(1, 3), st.lists(st.sampled_from(TENSORS), unique=True)
)
async def test_safetensors_holds_every_included_tensor_bit_for_bit(
    client: httpx.AsyncClient, sentence: str, mask: str, num_heads: int, include: list[str]
) -> None:
    fields = {"sentence": sentence, "mask": mask, "num_heads": num_heads, "include": include}
    response = await client.post("/attention", json={**fields, "format": "safetensors"})
    if response.status_code == 422:  # no tokens
        return
    answer = (await client.post("/attention", json=fields)).json()
    tensors = load(response.content)
    assert sorted(tensors) == sorted(include)
    for name, tensor in tensors.items():
        told = answer[name]
        if name == "statistics":
            told = [[list(head.values()) for head in layer] for layer in told]
        unmasked = np.where(np.isneginf(tensor), np.nan, tensor)  # JSON says null
        np.testing.assert_array_equal(unmasked, np.array(told, np.float32))


@given(SENTENCES)
async def test_npy_is_the_attentions(client: httpx.AsyncClient, sentence: str) -> None:
    response = await client.post("/attention", json={"sentence": sentence, "format": "npy", "include": ["query"]})
    if response.status_code == 422:  # no tokens
        return
    answer = (await client.post("/attention", json={"sentence": sentence})).json()
    np.testing.assert_array_equal(np.load(BytesIO(response.content)), np.array(answer["attentions"], np.float32))


async def test_the_rest_of_the_answer_stands_in_the_metadata(client: httpx.AsyncClient, tmp_path: Any) -> None:
    body = (await post(client, format="safetensors", include=["query", "statistics"])).content
    answer = (await post(client, include=["query", "statistics"])).json()
    told = metadata(body, tmp_path)
    rest = json.loads(told["response"])
    AttentionAnswer.model_validate({**rest, "query": answer["query"]})
    assert rest == {name: member for name, member in answer.items() if name not in {"query", "statistics"}}
    assert told["statistics"].split(",") == list(answer["statistics"][0][0])


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [(SAFETENSORS, SAFETENSORS), (NPY, NPY), (f"{NPY}, application/json;q=0.5", NPY), ("*/*", "application/json")],
)
async def test_accept_chooses_the_form(client: httpx.AsyncClient, accept: str, media_type: str) -> None:
    response = await client.get("/attention?sentence=hi", headers={"Accept": accept})
    assert response.headers["content-type"] == media_type


async def test_the_field_beats_accept(client: httpx.AsyncClient) -> None:
    response = await client.get("/attention?sentence=hi&format=npy", headers={"Accept": SAFETENSORS})
    assert response.headers["content-type"] == NPY


async def test_each_form_has_a_tag_of_its_own(client: httpx.AsyncClient) -> None:
    forms = ("json", "safetensors", "npy", "npy&quantize=uint8")
    tags = {(await client.get(f"/attention?sentence=hi&format={form}")).headers["etag"] for form in forms}
    assert len(tags) == len(forms)


async def test_a_head_request_tells_the_length_of_a_large_answer(client: httpx.AsyncClient) -> None:
    path = "/attention?format=npy&sentence=" + "a+" * 200
    head, got = await client.head(path), await client.get(path)
    assert (int(head.headers["content-length"]), head.content) == (len(got.content), b"")


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"format": "safetensors", "decimals": 3}, "/decimals"),
        ({"format": "npy", "decimals": 0}, "/decimals"),
        ({"quantize": "uint8"}, "/quantize"),
        ({"format": "json", "quantize": "float16"}, "/quantize"),
        ({"format": "safetensors", "quantize": "float16", "include": ["scores"], "scale": 1e6}, "/quantize"),
    ],
    ids=str,
)
async def test_what_a_form_does_not_take_is_refused(
    client: httpx.AsyncClient, fields: dict[str, Any], pointer: str
) -> None:
    response = await client.post("/attention", json={"sentence": SENTENCE, **fields})
    assert expect(response, 422, "invalid-fields")["errors"][0]["pointer"] == pointer


async def test_a_binary_answer_that_would_be_too_large_is_refused(small: httpx.AsyncClient) -> None:
    fields = {"sentence": "a " * 20, "num_heads": 16, "format": "safetensors"}
    problem = expect(await small.post("/attention", json=fields), 422, "response-too-large")
    assert "decimals" not in problem["detail"]


@pytest.mark.parametrize("kind", ["float16", "uint8"])
async def test_quantized_tensors_are_read_back_within_the_largest_error_that_is_told(
    client: httpx.AsyncClient, tmp_path: Any, kind: str
) -> None:
    body = (await post(client, **MASKED, format="safetensors", quantize=kind)).content
    exact = load((await post(client, **MASKED, format="safetensors")).content)
    told = json.loads(metadata(body, tmp_path)["quantization"])
    for name, tensor in load(body).items():
        description = told[name]
        assert tensor.dtype.name == description["dtype"] == kind
        numbers = tensor.astype(np.float64)
        if kind == "uint8":
            numbers = np.where(tensor == 255, np.nan, description["offset"] + description["scale"] * numbers)
        finite = np.isfinite(exact[name])
        np.testing.assert_array_equal(np.isfinite(numbers), finite)
        errors = np.abs(numbers[finite] - exact[name][finite])
        assert errors.max() <= description["largest_error"] * (1 + 1e-9)
        assert description["largest_error"] <= np.ptp(exact[name][finite]) / 254 / 2 * 1.01 or kind == "float16"


async def test_a_quantized_npy_tells_how_to_read_it_in_a_header(client: httpx.AsyncClient) -> None:
    response = await post(client, format="npy", quantize="uint8")
    told = json.loads(response.headers["x-quantization"])["attentions"]
    exact = np.load(BytesIO((await post(client, format="npy")).content))
    numbers = told["offset"] + told["scale"] * np.load(BytesIO(response.content)).astype(np.float64)
    np.testing.assert_allclose(numbers, exact, rtol=0, atol=told["largest_error"] * (1 + 1e-9))


async def test_one_quantized_number_is_itself(client: httpx.AsyncClient) -> None:
    response = await client.get("/attention?sentence=hi&format=npy&quantize=uint8")
    told = json.loads(response.headers["x-quantization"])["attentions"]
    assert (told["offset"], told["largest_error"]) == (1.0, 0.0)
