"""Lines in, lines out: each is answered as it would be alone, in order, and a bad one harms no other."""

import json
from collections.abc import AsyncIterator, Iterable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.bulk import answer_lines
from service.api.problems import KINDS, Occurrence, Problem
from tests.strategies import SEEDS, SENTENCES

PATHS = ["/tokenize", "/attention"]
REQUEST_ID = "bulk-1"
NOT_JSON = [
    b'{"sentence": "hi"',
    b'{"sentence": "hi"} {"sentence": "hi"}',
    b'{"sentence": "\xff"}',
    b'{"sentence": "\\ud800"}',
]
WRONG = [
    b"[]",
    b"null",
    b'{"sentence": 3}',
    b'{"sentence": "hi", "scale": NaN}',
    b'{"sentence": "hi", "model": "none"}',
    b'{"sentence": "hi", "layers": [0]}',
    b'{"sentence": " "}',
    b'{"sentence": "hi", "nonsense": 1}',
    b'{"sentence": "hi", "sentence_pair": ""}',
    b'{"sentence": "' + b"word " * 3000 + b'"}',
    b'{"sentence": "' + b"word " * 2000 + b'", "num_heads": 64}',
]
GOOD = st.fixed_dictionaries(
    {"sentence": SENTENCES},
    optional={"sentence_pair": SENTENCES, "add_special_tokens": st.booleans(), "offset_unit": st.just("utf16")},
)
SYNTHETIC = st.fixed_dictionaries(
    {},
    optional={
        "seed": SEEDS,
        "num_heads": st.integers(1, 3),
        "embedding_mode": st.just("per_token"),
        "level": st.just("word"),
        "include": st.lists(st.sampled_from(["query", "attentions", "statistics"]), unique=True),
        "decimals": st.integers(0, 9),
    },
)


async def answers(app: FastAPI, path: str, lines: Iterable[bytes]) -> list[bytes]:
    """What `lines` are answered, each without its newline."""

    async def given_lines() -> AsyncIterator[bytes]:
        for line in lines:
            yield line

    occurrence = Occurrence(path, REQUEST_ID)
    answered = [b"".join(part) async for part in answer_lines(app.state.operations(), path, given_lines(), occurrence)]
    assert all(part.endswith(b"\n") for part in answered)
    return b"".join(answered).splitlines()


async def alone(client: httpx.AsyncClient, path: str, line: bytes) -> bytes:
    """What a line is answered that is posted as a request of its own."""
    return (await client.post(path, content=line, headers={"x-request-id": REQUEST_ID})).content


def expect(answer: bytes, code: str) -> dict[str, Any]:
    """The problem that stands in place of an answer."""
    problem: dict[str, Any] = json.loads(answer)
    Problem.model_validate({name: value for name, value in problem.items() if name != "id"})
    assert (problem["type"], problem["status"]) == (f"/problems/{code}", KINDS[code].status)
    return problem


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=30)
@given(st.data())
async def test_every_line_is_answered_as_it_is_alone_byte_for_byte(
    app: FastAPI, client: httpx.AsyncClient, path: str, data: st.DataObject
) -> None:
    fields = st.builds(dict.__or__, GOOD, SYNTHETIC) if path == "/attention" else GOOD
    good = fields.map(lambda chosen: json.dumps(chosen).encode())
    lines = data.draw(st.lists(st.one_of(good, good, st.sampled_from([*NOT_JSON, *WRONG])), max_size=12))
    assert await answers(app, path, lines) == [await alone(client, path, line) for line in lines]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("line", NOT_JSON, ids=repr)
async def test_a_line_that_is_not_json_is_a_problem_in_place(app: FastAPI, path: str, line: bytes) -> None:
    first, second, third = await answers(app, path, [b'{"sentence": "a"}', line, b'{"sentence": "b"}'])
    assert [json.loads(first)["tokens"], json.loads(third)["tokens"]] == [["a"], ["b"]]
    expect(second, "malformed-json")


@pytest.mark.parametrize("path", PATHS)
async def test_blank_lines_are_skipped_and_crlf_is_fine(app: FastAPI, path: str) -> None:
    lines = [b"", b" \t", b'{"sentence": "a"}\r', b"\r", b'{"sentence": "b"}']
    assert [json.loads(answer)["tokens"] for answer in await answers(app, path, lines)] == [["a"], ["b"]]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("id_", ["", "x", 'a "quoted" id', "é🙂" * 32], ids=repr)
async def test_an_id_comes_first_in_the_answer_and_in_the_problem(app: FastAPI, path: str, id_: str) -> None:
    lines = [json.dumps(fields | {"id": id_}).encode() for fields in ({"sentence": "a"}, {"sentence": ""}, {"x": 1})]
    answered = [json.loads(answer) for answer in await answers(app, path, lines)]
    assert [next(iter(answer.items())) for answer in answered] == [("id", id_)] * 3
    assert ["status" in answer for answer in answered] == [False, True, True]


@pytest.mark.parametrize("id_", [3, "x" * 65, ["x"]], ids=repr)
async def test_another_kind_of_id_is_a_422_without_an_id(app: FastAPI, id_: object) -> None:
    [answer] = await answers(app, "/tokenize", [json.dumps({"sentence": "a", "id": id_}).encode()])
    problem = expect(answer, "invalid-fields")
    assert "id" not in problem
    assert [(error["in"], error["pointer"]) for error in problem["errors"]] == [("body", "/id")]


async def test_long_and_short_answers_come_in_order(app: FastAPI) -> None:
    lengths = [1, 150, 2, 3, 150, 150]
    lines = [json.dumps({"sentence": "a " * n, "id": str(n), "num_heads": 8}).encode() for n in lengths]
    answered = await answers(app, "/attention", lines)
    assert [json.loads(answer)["id"] for answer in answered] == [str(n) for n in lengths]
    assert [len(json.loads(answer)["tokens"]) for answer in answered] == lengths


@pytest.mark.parametrize(
    ("field", "value"),
    [("format", "npy"), ("format", "safetensors"), ("quantize", "uint8"), ("filename", "a.json"), ("dry_run", True)],
)
async def test_a_field_for_requests_that_stand_alone_is_a_422_that_says_why(
    app: FastAPI, field: str, value: str | bool
) -> None:
    [answer] = await answers(app, "/attention", [json.dumps({"sentence": "a", field: value}).encode()])
    problem = expect(answer, "invalid-fields")
    assert [error["pointer"] for error in problem["errors"]] == [f"/{field}"]
    assert "lines are answered as JSON" in problem["detail"]


async def test_the_format_that_lines_have_anyway_may_be_named(app: FastAPI) -> None:
    [answer] = await answers(app, "/attention", [b'{"sentence": "a", "format": "json"}'])
    assert json.loads(answer)["tokens"] == ["a"]


async def test_a_line_over_the_limit_of_bodies_is_a_413_in_place(app: FastAPI) -> None:
    limit = app.state.operations().max_body_bytes
    lines = [b" " * (limit + 1), b" " * (limit - 17) + b'{"sentence": "a"}']
    too_long, fitting = await answers(app, "/tokenize", lines)
    assert f"{limit:,}" in expect(too_long, "body-too-large")["detail"]
    assert json.loads(fitting)["tokens"] == ["a"]


async def test_what_the_service_fails_at_is_a_500_in_place(
    app: FastAPI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("broken")

    model = app.state.operations().engine.model("synthetic")
    monkeypatch.setattr(model, "_compute", fail)
    [answer] = await answers(app, "/attention", [b'{"sentence": "a", "id": "x"}'])
    problem = expect(answer, "internal-error")
    assert (problem["id"], problem["request_id"]) == ("x", REQUEST_ID)
    assert "broken" not in answer.decode()
    assert REQUEST_ID in caplog.text
    assert "broken" in caplog.text
