"""Pretrained models over HTTP: the same three endpoints, other fields, and what models say of themselves."""

import asyncio
import html
import json
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from service.api.answers import AttentionAnswer, TokenizeAnswer
from service.api.service_answers import ModelDescription
from service.app import create_app
from service.loader import load_operations
from service.settings import Settings
from tests import models
from tests.api.problems import expect
from tests.conftest import running

SENTENCE = "Transformers are powerful models."


@pytest.fixture(scope="module")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with an encoder, a decoder, both together, sinks, and one outside the interface."""
    top = tmp_path_factory.mktemp("models")
    served = [f"{name}={models.save(name, top / name)}" for name in ("bert", "gpt2", "t5", "gptoss", "bloom")]
    async with running(create_app(Settings(device="cpu", models=",".join(served)))) as client:
        yield client


async def post(client: httpx.AsyncClient, /, path: str = "/attention", **fields: Any) -> httpx.Response:
    return await client.post(path, json={"sentence": SENTENCE, **fields})


async def answer(client: httpx.AsyncClient, **fields: Any) -> AttentionAnswer:
    response = await post(client, **fields)
    assert response.status_code == 200, response.text
    return AttentionAnswer.model_validate_json(response.content)


async def test_by_default_the_last_layers_heads_are_answered(client: httpx.AsyncClient) -> None:
    got = await answer(client, model="bert")
    assert (got.layers, got.heads, got.tokens[0], got.tokens[-1]) == ([2], [0, 1, 2, 3], "[CLS]", "[SEP]")
    np.testing.assert_allclose(np.sum(got.attentions, axis=-1), 1, atol=1e-5)
    assert got.output == []


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "bert", "layers": [-1, 0], "heads": [2], "sentence_pair": "so they are"},
        {"model": "gptoss", "include": ["attentions", "scores"], "decimals": 3},
        {"model": "t5", "stack": "cross", "target": "ho ho"},
        {"model": "gpt2", "level": "word", "include": ["statistics", "rollout", "value_weighted"]},
    ],
    ids=str,
)
async def test_the_parameters_of_an_answer_posted_back_give_it_again(
    client: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    first = await post(client, **fields)
    texts = {name: fields[name] for name in ("sentence_pair",) if name in fields}
    again = await post(client, **texts, **first.json()["parameters"])
    assert again.content == first.content


@pytest.mark.parametrize("name", ["bert", "gpt2", "t5", "gptoss", "bloom"])
async def test_get_equals_post(client: httpx.AsyncClient, name: str) -> None:
    fields = {"model": name, "layers": "0,-1", "heads": "3,0", "include": "attentions,statistics"}
    got = await client.get("/attention", params={"sentence": SENTENCE, **fields})
    posted = await post(client, model=name, layers=[0, -1], heads=[3, 0], include=["attentions", "statistics"])
    assert got.json() == posted.json()
    assert got.headers["etag"].startswith('W/"')


async def test_each_coding_has_a_weak_tag_of_its_own(client: httpx.AsyncClient) -> None:
    path = "/attention?model=bert&sentence=The+cat+sat."
    zstd = (await client.get(path, headers={"accept-encoding": "zstd"})).headers["etag"]
    given = {"if-none-match": zstd}
    statuses = [(await client.get(path, headers={"accept-encoding": c, **given})).status_code for c in ("zstd", "br")]
    assert (zstd[:3], statuses) == ('W/"', [304, 200])


@pytest.mark.parametrize(
    ("name", "first"),
    [("bert", "[CLS]"), ("gpt2", "Tr"), ("t5", "▁Transformers"), ("gptoss", "Tr"), ("bloom", "Tr")],
)
async def test_tokens_keep_the_letters_of_their_model(client: httpx.AsyncClient, name: str, first: str) -> None:
    response = await post(client, "/tokenize", model=name)
    got = TokenizeAnswer.model_validate_json(response.content)
    assert got.tokens[0].startswith(first[:1])
    assert got.special_tokens_mask == [int(sequence is None) for sequence in got.sequence_ids]


async def test_masked_scores_are_null_and_nothing_else_is(client: httpx.AsyncClient) -> None:
    response = await post(client, model="gpt2", include=["scores"])
    scores = response.json()["scores"][0][0]
    assert [[value is None for value in row] for row in scores] == np.triu(np.ones((len(scores),) * 2), 1).tolist()


async def test_sinks_have_their_share(client: httpx.AsyncClient) -> None:
    got = await answer(client, model="gptoss")
    np.testing.assert_allclose(np.sum(got.attentions, axis=-1) + np.array(got.sink), 1, atol=1e-5)


async def test_cross_attention_leads_from_the_target_to_the_sentence(client: httpx.AsyncClient) -> None:
    got = await answer(client, model="t5", stack="cross", target="ho ho")
    assert (got.query_tokens[0], got.key_tokens) == ("<pad>", got.tokens)
    assert np.shape(got.attentions) == (1, 4, len(got.query_tokens), len(got.tokens))


async def test_words_are_told_with_their_places(client: httpx.AsyncClient) -> None:
    got = await answer(client, model="bert", level="word", offset_unit="utf16", sentence="🙂 hello, world")
    assert [(word.text, word.start, word.end) for word in got.words[1:-1]] == [
        ("🙂", 0, 2),
        ("hello,", 3, 9),
        ("world", 10, 15),
    ]


async def test_statistics_are_an_object_for_each_head(client: httpx.AsyncClient) -> None:
    got = await answer(client, model="gpt2", include=["statistics"])
    (heads,) = got.statistics
    assert len(heads) == 4
    assert all(head.next == 0 and head.special is None and 0 < head.self <= head.maximum <= 1 for head in heads)


async def test_the_synthetic_model_has_analyses_too(client: httpx.AsyncClient) -> None:
    got = await answer(client, include=["statistics", "rollout"], level="word")
    assert len(got.statistics[0]) == 1
    np.testing.assert_allclose(np.sum(got.rollout, axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "pointer", "code", "says"),
    [
        ({"model": "bert", "seed": 1}, "/seed", "not_offered", "synthetic models"),
        ({"model": "bert", "mask": "none"}, "/mask", "not_offered", "synthetic models"),
        ({"model": "bert", "num_heads": 2}, "/num_heads", "not_offered", "synthetic models"),
        ({"layers": [0]}, "/layers", "not_offered", "pretrained models"),
        ({"model": "bert", "layers": [3]}, "/layers", "out_of_range", "the number of layers is 3"),
        ({"model": "bert", "heads": [-5]}, "/heads", "out_of_range", "the number of heads is 4"),
        ({"model": "bert", "layers": [-1, 2]}, "/layers", "not_offered", "names one twice"),
        ({"model": "bert", "layers": [1, 1]}, "/layers", "duplicates", "named twice"),
        ({"model": "bert", "layers": []}, "/layers", "too_short", "at least 1"),
        ({"model": "bert", "stack": "cross"}, "/stack", "not_offered", "no cross attention"),
        ({"model": "bert", "target": "x"}, "/target", "not_offered", "encoder-decoder"),
        ({"model": "t5", "stack": "cross"}, "/target", "not_offered", "needs the decoder's text"),
        ({"model": "t5", "target": "x"}, "/target", "not_offered", "reads no target"),
        ({"model": "t5", "stack": "cross", "target": ""}, "/target", "no_tokens", "target has no tokens"),
        (
            {"model": "bert", "include": ["query_weights"]},
            "/include",
            "not_offered",
            "does not offer query_weights: only synthetic models draw weights.",
        ),
        (
            {"model": "bloom", "include": ["scores"]},
            "/include",
            "not_offered",
            "does not offer scores: it is outside transformers' attention interface, and tells its attentions alone. "
            "Choose from: attentions, statistics, row_entropy, row_maximum, mass_by_distance, rollout.",
        ),
        (
            {"include": ["value_weighted"], "level": "word"},
            "/include",
            "not_offered",
            "does not offer value_weighted: that needs an output projection, and none is known of this model. "
            "Choose from: attentions, statistics, row_entropy, row_maximum, mass_by_distance, rollout.",
        ),
        (
            {"model": "bert", "include": ["query"], "level": "word"},
            "/include",
            "not_offered",
            "query is of tokens: use level token, or choose from: attentions, statistics, row_entropy, row_maximum, "
            "mass_by_distance, rollout, value_weighted.",
        ),
        (
            {"model": "t5", "stack": "cross", "target": "x", "include": ["rollout"]},
            "/include",
            "not_offered",
            "two texts",
        ),
    ],
    ids=str,
)
async def test_what_a_model_does_not_take_is_named(
    client: httpx.AsyncClient, fields: dict[str, Any], pointer: str, code: str, says: str
) -> None:
    response = await post(client, **fields)
    problem = expect(response, 422, "no-tokens" if code == "no_tokens" else "invalid-fields")
    assert (problem["errors"][0]["pointer"], problem["errors"][0]["code"]) == (pointer, code)
    assert says in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("fields", "choices"),
    [({"model": "bloom"}, "attentions"), ({"model": "bert", "level": "word"}, "attentions")],
    ids=str,
)
async def test_a_picture_is_only_offered_what_can_be_drawn(
    client: httpx.AsyncClient, fields: dict[str, Any], choices: str
) -> None:
    problem = expect(await post(client, "/heatmap", tensor="query", **fields), 422, "invalid-fields")
    assert problem["detail"].lower().endswith(f"choose from: {choices}.")


async def test_more_tokens_than_positions_are_refused_with_both_numbers(client: httpx.AsyncClient) -> None:
    problem = expect(await post(client, model="bert", sentence="a " * 127), 422, "too-many-tokens")
    assert problem["detail"] == (
        "sentence has 129 tokens, the limit is 128. Shorten sentence, send it in parts, or send truncate: true."
    )


async def test_truncation_keeps_as_many_tokens_as_there_are_positions(client: httpx.AsyncClient) -> None:
    got = await answer(client, model="bert", sentence="a " * 500, truncate=True, heads=[0])
    assert (len(got.tokens), got.tokens[-1]) == (128, "[SEP]")


@pytest.mark.parametrize(
    "fields",
    [
        {"model": "bert"},
        {"model": "gpt2", "layer": 0, "head": 1, "tensor": "scores"},
        {"model": "gpt2", "view": "grid"},
        {"model": "gptoss", "view": "grid", "layer": -1},
        {"model": "t5", "stack": "cross", "target": "ho ho"},
        {"model": "bloom", "level": "word", "head_reduction": "max"},
        {"model": "bert", "tensor": "embedding"},
        {"model": "bert", "tensor": "key", "head": 0},
    ],
    ids=str,
)
async def test_pictures_of_pretrained_models_say_how_to_make_them_again(
    client: httpx.AsyncClient, fields: dict[str, Any]
) -> None:
    response = await post(client, "/heatmap", **fields)
    assert response.status_code == 200, response.text
    text = Image.open(BytesIO(response.content)).info
    texts = {name: text[name] for name in ("sentence", "target") if name in text}
    again = await client.post("/heatmap", json=texts | json.loads(text["fields"]))
    assert again.content == response.content
    assert text["model"].split()[0] == fields["model"]


async def test_models_describe_themselves(client: httpx.AsyncClient) -> None:
    listed = [ModelDescription.model_validate(model) for model in (await client.get("/models")).json()["models"]]
    by_id = {model.id: model for model in listed}
    assert list(by_id) == ["synthetic", "bert", "gpt2", "t5", "gptoss", "bloom"]
    t5, bert, gptoss = by_id["t5"], by_id["bert"], by_id["gptoss"]
    assert (t5.stacks, bert.stacks, by_id["gpt2"].stacks) == (
        {"encoder": 3, "decoder": 2, "cross": 2},
        {"encoder": 3},
        {"decoder": 3},
    )
    assert (bert.architecture, bert.layers, bert.heads, bert.max_tokens) == ("BertModel", 3, 4, 128)
    assert (gptoss.num_key_value_heads, gptoss.widths) == (2, {"d_model": 32, "d_k": 8, "d_v": 8})
    assert "seed" not in bert.fields["attention"]
    assert "layers" in bert.fields["attention"]
    assert bert.revision


@pytest.mark.parametrize(("name", "takes"), [("synthetic", False), ("bert", False), ("gpt2", False), ("t5", True)])
async def test_only_an_encoder_decoder_lists_target(client: httpx.AsyncClient, name: str, takes: bool) -> None:
    model = ModelDescription.model_validate((await client.get(f"/models/{name}")).json())
    assert ("target" in model.fields["attention"], "target" in model.defaults) == (takes, takes)


async def test_fifty_requests_at_once_get_the_answers_of_one_each(client: httpx.AsyncClient) -> None:
    sentences = [f"{SENTENCE} {'word ' * number}" for number in range(25)]
    names = ["bert", "gpt2"]
    alone = {(s, name): (await post(client, model=name, sentence=s)).json() for s in sentences for name in names}
    together = await asyncio.gather(*(post(client, model=name, sentence=s) for s, name in alone))
    for expected, response in zip(alone.values(), together, strict=True):
        got = response.json()
        np.testing.assert_allclose(got.pop("attentions"), expected.pop("attentions"), rtol=0, atol=1e-6)
        assert got == expected


def test_loading_says_what_it_is_doing(tmp_path: Path) -> None:
    served = ",".join(f"{name}={models.save(name, tmp_path / name)}" for name in ("bert", "gpt2"))
    told: list[str] = []
    load_operations(Settings(device="cpu", models=served), told.append).engine.close()
    assert told == ["loading model bert, 1 of 2", "loading model gpt2, 2 of 2", "warming up"]


async def test_one_head_of_a_long_text_is_no_answer_too_large(tmp_path: Path) -> None:
    settings = Settings(
        device="cpu", models=f"bert={models.save('bert', tmp_path / 'bert')}", max_response_bytes=300_000
    )
    async with running(create_app(settings)) as client:
        every = await post(client, model="bert", sentence="a " * 120)
        assert "fewer layers, heads" in expect(every, 422, "response-too-large")["detail"]
        assert (await post(client, model="bert", sentence="a " * 90, heads=[0])).status_code == 200


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"model": "bert"}, "bert, layer 2, mean of 4 heads"),
        ({"model": "bert", "layer": 0, "head": 3}, "bert, layer 0, head 3"),
        ({"model": "bert", "tensor": "embedding"}, "bert, layer 2"),
        ({"model": "bert", "head_reduction": "max"}, "bert, layer 2, maximum of 4 heads"),
        ({"model": "t5", "stack": "cross", "target": "ho", "head": 0}, "t5, cross, layer 1, head 0"),
        ({"model": "bert", "view": "grid"}, "bert; rows: query (attends from), columns: key (attended to)"),
        ({"num_heads": 3, "head_reduction": "mean"}, "mean of 3 heads"),
    ],
    ids=str,
)
async def test_a_picture_says_what_it_shows(client: httpx.AsyncClient, fields: dict[str, Any], says: str) -> None:
    svg = (await post(client, "/heatmap", format="svg", **fields)).text
    assert f">{says}</text>" in svg


@pytest.mark.parametrize(("tensor", "title"), [("scores", "Scores (softmax's argument)"), ("query", "Query Q")])
async def test_a_title_claims_no_formula_that_a_model_does_not_have(
    client: httpx.AsyncClient, tensor: str, title: str
) -> None:
    svg = (await post(client, "/heatmap", format="svg", model="t5", tensor=tensor)).text
    assert f">{html.escape(title, quote=False)}</text>" in svg


async def test_lines_may_ask_different_models_and_are_answered_as_alone(client: httpx.AsyncClient) -> None:
    lines: list[dict[str, Any]] = [
        {"sentence": SENTENCE, "model": "bert", "layers": [0, 1]},
        {"sentence": SENTENCE, "seed": 3},
        {"sentence": SENTENCE, "model": "t5", "stack": "cross", "target": "ho ho"},
        {"sentence": SENTENCE, "model": "gpt2", "d_k": 3},
        {"sentence": "so they are", "model": "bert", "level": "word"},
    ]
    body = "\n".join(map(json.dumps, lines))
    response = await client.post("/attention", content=body, headers={"content-type": "application/x-ndjson"})
    together = [json.loads(line) for line in response.content.splitlines()]
    alone = [(await client.post("/attention", json=fields)).json() for fields in lines]
    for one, other in zip(together, alone, strict=True):
        assert one.get("status") == other.get("status")
        assert one.get("parameters") == other.get("parameters")
        assert one.get("tokens") == other.get("tokens")
        np.testing.assert_allclose(one.get("attentions", []), other.get("attentions", []), atol=1e-6)
