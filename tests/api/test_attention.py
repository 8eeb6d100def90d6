"""What each field of /tokenize and /attention does to the answer."""

from typing import Any

import httpx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import notebook
from tests.strategies import SEEDS, TEXTS


async def attend(client: httpx.AsyncClient, sentence: str = notebook.SENTENCE, **fields: Any) -> dict[str, Any]:
    response = await client.post("/attention", json={"sentence": sentence, **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


@settings(max_examples=50)
@given(TEXTS, SEEDS, st.sampled_from(["uniform", "normal"]), st.sampled_from(["none", "causal"]))
async def test_rows_sum_to_one(
    client: httpx.AsyncClient, sentence: str, seed: int, initialization: str, mask: str
) -> None:
    answer = await attend(
        client, sentence, seed=seed, initialization=initialization, mask=mask, d_model=64, num_heads=2
    )
    np.testing.assert_allclose(np.sum(answer["attentions"], axis=-1), 1, rtol=0, atol=1e-6)


async def test_causal_scores_of_later_keys_are_null_and_their_attentions_zero(client: httpx.AsyncClient) -> None:
    answer = await attend(client, mask="causal", include=["scores", "attentions"])
    for query in range(9):
        assert answer["scores"][0][0][query][query + 1 :] == [None] * (8 - query)
        assert answer["attentions"][0][0][query][query + 1 :] == [0.0] * (8 - query)
        assert None not in answer["scores"][0][0][query][: query + 1]


async def test_per_token_gives_equal_rows_for_equal_ids(client: httpx.AsyncClient) -> None:
    answer = await attend(client, "the cat and the dog", embedding_mode="per_token", include=["embedding", "output"])
    assert answer["embedding"][0] == answer["embedding"][3]
    assert answer["output"][0][0][0] == answer["output"][0][0][3]


async def test_a_scale_is_kept_as_it_was_given(client: httpx.AsyncClient) -> None:
    given, default = await attend(client, scale=0.25), await attend(client)
    assert (given["parameters"]["scale"], default["parameters"]["scale"]) == (0.25, None)


async def test_tensors_have_their_documented_axes(client: httpx.AsyncClient) -> None:
    every = ["embedding", "query_weights", "key_weights", "value_weights", "query", "key", "value", "scores"]
    answer = await attend(client, d_model=6, d_k=3, d_v=5, num_heads=2, include=[*every, "attentions", "output"])
    shapes = {name: np.shape(answer[name]) for name in [*every, "attentions", "output"]}
    assert shapes == {
        "embedding": (9, 6),
        "query_weights": (6, 6),
        "key_weights": (6, 6),
        "value_weights": (6, 10),
        "query": (1, 2, 9, 3),
        "key": (1, 2, 9, 3),
        "value": (1, 2, 9, 5),
        "scores": (1, 2, 9, 9),
        "attentions": (1, 2, 9, 9),
        "output": (1, 2, 9, 5),
    }
    assert (answer["layers"], answer["heads"]) == ([0], [0, 1])


@pytest.mark.parametrize(
    ("include", "tensors"), [(None, {"attentions", "output"}), ([], set()), (["query_weights"], {"query_weights"})]
)
async def test_include_chooses_the_tensors(
    client: httpx.AsyncClient, include: list[str] | None, tensors: set[str]
) -> None:
    described = {"model", "parameters", "tokens", "input_ids", "offsets", "sequence_ids", "layers", "heads"}
    assert set(await attend(client, include=include)) - described == tensors


@settings(max_examples=30)
@given(SEEDS, st.integers(0, 9))
async def test_decimals_round_every_number(client: httpx.AsyncClient, seed: int, decimals: int) -> None:
    fields: dict[str, Any] = {
        "seed": seed,
        "include": ["scores", "attentions"],
        "mask": "causal",
        "initialization": "normal",
    }
    exact, rounded = await attend(client, **fields), await attend(client, decimals=decimals, **fields)
    for name in ("scores", "attentions"):
        numbers = np.array(exact[name], dtype=np.float32).astype(float)
        np.testing.assert_array_equal(np.array(rounded[name], dtype=float), np.round(numbers, decimals))


async def test_a_pair_and_special_tokens_enter_the_attention(client: httpx.AsyncClient) -> None:
    answer = await attend(client, "hi", sentence_pair="there", add_special_tokens=True)
    assert answer["tokens"] == ["[CLS]", "hi", "[SEP]", "there", "[SEP]"]
    assert np.shape(answer["attentions"]) == (1, 1, 5, 5)


async def test_tokenize_answers_parallel_arrays(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/tokenize", json={"sentence": "hi 🙂!", "offset_unit": "utf16"})).json()
    assert answer == {
        "model": "synthetic",
        "tokens": ["hi", "[UNK]", "!"],
        "input_ids": [7632, 100, 999],
        "offsets": [[0, 2], [3, 5], [5, 6]],
        "sequence_ids": [0, 0, 0],
        "word_ids": [0, 1, 2],
        "token_type_ids": [0, 0, 0],
        "special_tokens_mask": [0, 0, 0],
    }
