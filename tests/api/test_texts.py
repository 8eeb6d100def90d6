"""A document is posted as text, with all other fields in the query."""

import httpx
import pytest

from tests.api.problems import expect

TEXT = {"content-type": "text/plain"}


@pytest.mark.parametrize("path", ["/tokenize", "/attention", "/heatmap"])
async def test_a_text_is_the_sentence(client: httpx.AsyncClient, path: str) -> None:
    sentence = "Ein Text, mit Kommas,\nund zwei Zeilen & Zeichen?"
    posted = await client.post(path, content=sentence.encode(), headers=TEXT)
    assert posted.status_code == 200
    assert posted.content == (await client.post(path, json={"sentence": sentence})).content


async def test_other_fields_stand_in_the_query(client: httpx.AsyncClient) -> None:
    query = "seed=7&include=query,scores&query_window=1,3&decimals=2"
    posted = await client.post(f"/attention?{query}", content=b"a b c d", headers=TEXT)
    fields = {"seed": 7, "include": ["query", "scores"], "query_window": [1, 3], "decimals": 2}
    assert posted.json() == (await client.post("/attention", json={"sentence": "a b c d", **fields})).json()


async def test_a_mark_of_utf_8_is_none_of_the_text(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "text/plain; charset=UTF-8"}
    tokens = (await client.post("/tokenize", content=b"\xef\xbb\xbfhi there", headers=headers)).json()
    assert (tokens["tokens"], tokens["offsets"]) == (["hi", "there"], [[0, 2], [3, 8]])


async def test_what_is_no_utf_8_is_a_400_that_says_where(client: httpx.AsyncClient) -> None:
    problem = expect(await client.post("/tokenize", content=b"caf\xe9", headers=TEXT), 400, "malformed-text")
    assert "byte 3 " in problem["detail"]


@pytest.mark.parametrize(
    ("query", "body", "culprit"),
    [
        ("d_k=0", b"hi", ("query", "/d_k", "greater_than_equal")),
        ("head=9", b"hi", ("query", "/head", "out_of_range")),
        ("sentence=hi", b"hi", ("query", "/sentence", "repeated")),
        ("", b" ", ("body", "/sentence", "no_tokens")),
    ],
)
async def test_what_is_wrong_is_found_where_it_stands(
    client: httpx.AsyncClient, query: str, body: bytes, culprit: tuple[str, str, str]
) -> None:
    response = await client.post(f"/heatmap?{query}", content=body, headers=TEXT)
    [error] = response.json()["errors"]
    assert (response.status_code, error["pointer"], error["code"]) == (422, *culprit[1:])
    assert error["in"] == ("body" if culprit[1] == "/sentence" else culprit[0])


async def test_a_text_over_the_limit_is_a_413(small: httpx.AsyncClient) -> None:
    expect(await small.post("/tokenize", content=b"a " * 1000, headers=TEXT), 413, "body-too-large")
