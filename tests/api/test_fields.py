"""Fields by JSON and by query: the same meaning, strictness and errors."""

import json
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.attention_request import AttentionRequest
from service.api.fields import fields_from_json
from service.api.heatmap_request import HeatmapRequest
from service.api.requests import TokenizeRequest
from tests.strategies import SEEDS, TEXTS

FIELDS = st.fixed_dictionaries(
    {"sentence": TEXTS},
    optional={
        "sentence_pair": TEXTS,
        "add_special_tokens": st.booleans(),
        "offset_unit": st.sampled_from(["codepoint", "utf16"]),
        "seed": SEEDS,
        "d_model": st.integers(1, 20),
        "d_k": st.integers(1, 20),
        "d_v": st.integers(1, 20),
        "num_heads": st.integers(1, 4),
        "embedding_mode": st.sampled_from(["per_position", "per_token"]),
        "initialization": st.sampled_from(["uniform", "normal"]),
        "positions": st.sampled_from(["none", "sinusoidal"]),
        "mask": st.sampled_from(["none", "causal"]),
        "scale": st.floats(-1e6, 1e6),
        "include": st.lists(st.sampled_from(["embedding", "query", "scores", "attentions"]), min_size=1, unique=True),
        "decimals": st.integers(0, 9),
    },
)


def as_query(fields: dict[str, Any]) -> dict[str, Any]:
    """Fields as a query says them."""
    text = {True: "true", False: "false"}
    return {
        name: ",".join(value) if isinstance(value, list) else text[value] if isinstance(value, bool) else value
        for name, value in fields.items()
    }


@settings(max_examples=100)
@given(FIELDS)
async def test_get_equals_post(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    posted = await client.post("/attention", json=fields)
    got = await client.get("/attention", params=as_query(fields))
    assert (got.status_code, got.content) == (posted.status_code, posted.content)


@settings(max_examples=30)
@given(FIELDS)
async def test_parameters_posted_back_give_the_same_answer(client: httpx.AsyncClient, fields: dict[str, Any]) -> None:
    first = await client.post("/attention", json=fields)
    sentences = {name: fields[name] for name in ("sentence", "sentence_pair") if name in fields}
    second = await client.post("/attention", json=sentences | first.json()["parameters"])
    assert second.content == first.content


async def test_a_list_in_the_query_may_be_repeated(client: httpx.AsyncClient) -> None:
    joined = await client.get("/attention?sentence=hi&include=query,key")
    repeated = await client.get("/attention?sentence=hi&include=query&include=key")
    assert joined.content == repeated.content


async def test_more_values_than_any_field_takes_are_refused_before_they_are_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/attention", json={"sentence": "hi", "layers": [0] * 20_000})
    [error] = answer.json()["errors"]
    assert (answer.status_code, error["pointer"], error["code"]) == (422, "", "too_long")


@pytest.mark.parametrize("sentence", ["a," * 20_000, '",' * 20_000, "\\," * 20_000], ids=["plain", "quotes", "escapes"])
def test_commas_in_a_sentence_are_no_values(sentence: str) -> None:
    body = json.dumps({"sentence": sentence}).encode()
    assert fields_from_json(body, AttentionRequest).sentence == sentence


async def test_an_empty_value_in_the_query_is_null(client: httpx.AsyncClient) -> None:
    empty = await client.get("/attention?sentence=hi&scale=&include=&sentence_pair=")
    assert empty.content == (await client.get("/attention?sentence=hi")).content


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("sentence=hi&seed=1&seed=1", "repeated"),
        ("sentence=hi&add_special_tokens=yes", "bool_type"),
        ("sentence=hi&add_special_tokens=True", "bool_type"),
        ("sentence=hi&seed=1.0", "int_type"),
        ("sentence=hi&seed=%207", "int_type"),
        ("sentence=hi&seed=1_000", "int_type"),
        ("sentence=hi&seed=", "int_type"),
        ("sentence=hi&scale=nan", "float_type"),
        ("sentence=hi&scale=1e999", "finite_number"),
        ("sentence=", "string_type"),
        ("seed=1", "missing"),
    ],
)
async def test_a_query_is_as_strict_as_json(client: httpx.AsyncClient, query: str, code: str) -> None:
    problem = (await client.get(f"/attention?{query}")).json()
    assert [(error["in"], error["code"]) for error in problem["errors"]] == [("query", code)]


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({}, "/sentence", "missing"),
        ({"sentence": None}, "/sentence", "string_type"),
        ({"sentence": 7}, "/sentence", "string_type"),
        ({"sentence": "hi", "temperature": 1}, "/temperature", "extra_forbidden"),
        ({"sentence": "hi", "a/b~c": 1}, "/a~1b~0c", "extra_forbidden"),
        ({"sentence": "hi", "seed": -1}, "/seed", "greater_than_equal"),
        ({"sentence": "hi", "seed": 2**63}, "/seed", "less_than_equal"),
        ({"sentence": "hi", "seed": 1.5}, "/seed", "int_type"),
        ({"sentence": "hi", "seed": 1.0}, "/seed", "int_type"),
        ({"sentence": "hi", "seed": True}, "/seed", "int_type"),
        ({"sentence": "hi", "seed": "7"}, "/seed", "int_type"),
        ({"sentence": "hi", "seed": None}, "/seed", "int_type"),
        ({"sentence": "hi", "d_k": 0}, "/d_k", "greater_than_equal"),
        ({"sentence": "hi", "d_k": -1}, "/d_k", "greater_than_equal"),
        ({"sentence": "hi", "d_k": 10**9}, "/d_k", "less_than_equal"),
        ({"sentence": "hi", "d_model": 4097}, "/d_model", "less_than_equal"),
        ({"sentence": "hi", "num_heads": 65}, "/num_heads", "less_than_equal"),
        ({"sentence": "hi", "d_k": 100, "num_heads": 41}, "/num_heads", "projection_too_wide"),
        ({"sentence": "hi", "d_v": 100, "num_heads": 41}, "/num_heads", "projection_too_wide"),
        ({"sentence": "hi", "scale": 1e7}, "/scale", "less_than_equal"),
        ({"sentence": "hi", "scale": "1"}, "/scale", "float_type"),
        ({"sentence": "hi", "add_special_tokens": "true"}, "/add_special_tokens", "bool_type"),
        ({"sentence": "hi", "include": ["nonsense"]}, "/include/0", "literal_error"),
        ({"sentence": "hi", "include": ["query", "query"]}, "/include", "duplicates"),
        ({"sentence": "hi", "include": "query"}, "/include", "list_type"),
        ({"sentence": "hi", "decimals": 10}, "/decimals", "less_than_equal"),
        ({"sentence": "hi", "format": "npz"}, "/format", "literal_error"),
        ({"sentence": "hi", "filename": "../x"}, "/filename", "string_pattern_mismatch"),
        ({"sentence": "hi", "model": "gpt-5"}, "/model", "unknown_model"),
        ({"sentence": "hi", "top_k": 0}, "/top_k", "greater_than_equal"),
        ({"sentence": "hi", "top_k": 3, "bins": [1, 1]}, "/top_k", "not_offered"),
        ({"sentence": "hi", "top_k": 3, "include": ["scores"]}, "/top_k", "not_offered"),
        ({"sentence": "hi", "top_k": 3, "include": ["scores", "attentions"]}, "/top_k", "not_offered"),
        ({"sentence": "hi", "bins": [0, 4]}, "/bins/0", "greater_than_equal"),
        ({"sentence": "hi", "bins": [4]}, "/bins", "too_short"),
        ({"sentence": "hi", "bins": [1, 1], "include": ["rollout"]}, "/bins", "not_offered"),
        ({"sentence": "hi", "query_window": [1, 1]}, "/query_window", "empty_window"),
        ({"sentence": "hi", "key_window": [0, 2]}, "/key_window", "not_offered"),
        ({"sentence": "hi", "key_window": [-1, 1]}, "/key_window/0", "greater_than_equal"),
        ({"sentence": "hi", "query_window": [0, 1], "level": "word"}, "/query_window", "not_offered"),
        ({"sentence": "hi", "pooling": "median"}, "/pooling", "literal_error"),
        ({"sentence": "hi", "layers": [0]}, "/layers", "not_offered"),
        ({"sentence": "hi", "heads": [0]}, "/heads", "not_offered"),
        ({"sentence": "hi", "truncate": True}, "/truncate", "not_offered"),
        ({"sentence": "hi", "stack": "encoder"}, "/stack", "not_offered"),
        ({"sentence": "hi", "target": "ho"}, "/target", "not_offered"),
        ({"sentence": "hi", "include": ["value_weighted"]}, "/include", "not_offered"),
        ({"sentence": "hi", "include": ["query"], "level": "word"}, "/include", "not_offered"),
    ],
)
async def test_a_wrong_field_is_named(
    client: httpx.AsyncClient, fields: dict[str, Any], pointer: str, code: str
) -> None:
    response = await client.post("/attention", json=fields)
    found = [(error["in"], error["pointer"], error["code"]) for error in response.json()["errors"]]
    assert (response.status_code, found) == (422, [("body", pointer, code)])


@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"": 1}, "There is no field '' here."),
        ({"model": "MiniLM"}, "There is no model 'MiniLM' here. Choose one of: synthetic."),
        ({"layers": []}, "layers: should have at least 1 item, not 0. It is []."),
        ({"filename": "a/b"}, 'filename: should have no slashes and no control characters. It is "a/b".'),
        ({"filename": "x" * 201}, "filename: should have at most 200 characters."),
        ({"truncate": 1}, "truncate: should be true or false. It is 1."),
    ],
    ids=str,
)
async def test_a_wrong_field_is_told_in_plain_words(
    client: httpx.AsyncClient, fields: dict[str, Any], detail: str
) -> None:
    response = await client.post("/attention", json={"sentence": "hi", **fields})
    assert response.json()["detail"].startswith(detail)


@pytest.mark.parametrize(
    ("query", "detail"),
    [
        ("sentence=hi&seed=", "seed is empty: leave it out for its default."),
        ("sentence=", "sentence is empty: it is required."),
    ],
)
async def test_an_empty_value_that_may_not_be_null_is_told_as_empty(
    client: httpx.AsyncClient, query: str, detail: str
) -> None:
    assert (await client.get(f"/attention?{query}")).json()["detail"] == detail


async def test_every_field_that_the_model_does_not_take_is_named(client: httpx.AsyncClient) -> None:
    fields = {"sentence": "hi", "layers": [0], "heads": [0], "stack": None, "truncate": False}
    problem = (await client.post("/attention", json=fields)).json()
    assert [error["pointer"] for error in problem["errors"]] == ["/heads", "/layers"]
    assert problem["detail"] == (
        "heads, layers are for pretrained models, and synthetic is none: leave them out, or name another model."
    )


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
async def test_a_number_that_is_not_finite_is_refused(client: httpx.AsyncClient, literal: str) -> None:
    response = await client.post("/attention", content=f'{{"sentence": "hi", "scale": {literal}}}')
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/scale")


@pytest.mark.parametrize(
    ("fields", "pointer", "code"),
    [
        ({"colormap": "rainbow"}, "/colormap", "literal_error"),
        ({"head": 0, "head_reduction": "mean"}, "/head_reduction", "head_with_head_reduction"),
        ({"head": 1}, "/head", "out_of_range"),
        ({"head": -2}, "/head", "out_of_range"),
        ({"layer": 1}, "/layer", "out_of_range"),
        ({"width": 15}, "/width", "greater_than_equal"),
        ({"height": 4001}, "/height", "less_than_equal"),
        ({"title": "x" * 201}, "/title", "string_too_long"),
        ({"include": ["query"]}, "/include", "extra_forbidden"),
        ({"format": "gif"}, "/format", "literal_error"),
        ({"query_window": [0, 3]}, "/query_window", "not_offered"),
        ({"key_window": [1, 0]}, "/key_window", "empty_window"),
        ({"bins": [2, 2]}, "/bins", "extra_forbidden"),
    ],
)
async def test_a_wrong_field_of_a_picture_is_named(
    client: httpx.AsyncClient, fields: dict[str, Any], pointer: str, code: str
) -> None:
    response = await client.post("/heatmap", json={"sentence": "hi", **fields})
    found = [(error["pointer"], error["code"]) for error in response.json()["errors"]]
    assert (response.status_code, found) == (422, [(pointer, code)])


async def test_a_flood_of_unknown_fields_is_answered_briefly(client: httpx.AsyncClient) -> None:
    fields = {"sentence": "hi"} | {f"field{number}": 1 for number in range(10_000)}
    response = await client.post("/tokenize", json=fields)
    assert "and 9999 more" in response.json()["detail"]
    assert len(response.content) < 10_000


@pytest.mark.parametrize("model", [TokenizeRequest, AttentionRequest, HeatmapRequest])
def test_every_field_is_described(model: type[TokenizeRequest]) -> None:
    assert [name for name, field in model.model_fields.items() if not field.description] == []
