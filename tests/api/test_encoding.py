"""How large a JSON answer will be, known before it is computed; and rounding."""

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.attention_request import AttentionRequest
from service.api.encoding import BLOCK, encode_json, round_decimals
from service.api.limits import check_response_size
from service.api.operations import Operations
from service.api.questions import question_of, text_of
from service.engine.engine import SYNTHETIC, Engine
from service.engine.synthetic_model import TENSORS
from service.heatmap.render import Renderer
from tests.strategies import SEEDS, TEXTS, WIDTHS

LIMITS = {"MAX_BODY_BYTES": 1024, "MAX_RESPONSE_BYTES": 2**30, "REQUEST_TIMEOUT": 60}
OPERATIONS = Operations(Engine("cpu"), Renderer(), LIMITS)


@settings(max_examples=60)
@given(
    TEXTS,
    st.builds(
        dict,
        seed=SEEDS,
        d_model=WIDTHS,
        d_k=WIDTHS,
        num_heads=st.integers(1, 5),
        initialization=st.sampled_from(["uniform", "normal"]),
        mask=st.sampled_from(["none", "causal"]),
        scale=st.one_of(st.none(), st.sampled_from([1e6, -1e6]), st.floats(-1e6, 1e6)),
        decimals=st.one_of(st.none(), st.integers(0, 9)),
    ),
    st.one_of(
        st.builds(dict, include=st.lists(st.sampled_from(TENSORS), unique=True)),
        st.builds(dict, level=st.just("word"), offset_unit=st.sampled_from(["codepoint", "utf16"])),
    ),
)
async def test_an_answer_is_never_larger_than_estimated(
    sentence: str, numbers: dict[str, object], tensors: dict[str, object]
) -> None:
    body, bound = await answer_and_bound(AttentionRequest.model_validate({"sentence": sentence, **numbers, **tensors}))
    assert len(body) <= bound


async def test_the_text_of_words_is_part_of_the_estimate() -> None:
    body, bound = await answer_and_bound(AttentionRequest(sentence="x" * 500_000, level="word"))
    assert 500_000 < len(body) <= bound


async def answer_and_bound(request: AttentionRequest) -> tuple[bytes, int]:
    timings: dict[str, float] = {}
    body = b"".join((await OPERATIONS.attention(request, "json", timings)).buffers)
    model = OPERATIONS.engine.model(SYNTHETIC)
    tokens = model.tokenizer(text_of(request, model))
    plan = model.plan(tokens, None, question_of(request))
    return body, check_response_size(plan, "json", request.decimals, limit=2**40)


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert (
        b"".join(encode_json({"n": 1}, {"query": np.array([-0.001], np.float32)}, decimals=2))
        == b'{"n":1,"query":[0.0]}'
    )


@pytest.mark.parametrize(
    "shape", [(1, 1, 1, BLOCK + 1), (2, 3, 100, 100), (1, 2, BLOCK + 1, 1), (3, BLOCK, 2), (300, 200)]
)
@pytest.mark.parametrize("decimals", [None, 3])
def test_a_large_tensor_is_written_in_blocks_to_the_same_text(shape: tuple[int, ...], decimals: int | None) -> None:
    tensor = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    tensor.flat[7] = -np.inf
    members = {"model": "synthetic", "tokens": ["a"]}
    numbers = tensor if decimals is None else round_decimals(tensor, decimals)
    buffers = list(encode_json(members, {"scores": tensor, "output": tensor[:1]}, decimals))
    assert len(buffers) > 1
    assert b"".join(buffers) == orjson.dumps(
        {**members, "scores": numbers, "output": numbers[:1]}, option=orjson.OPT_SERIALIZE_NUMPY
    )


def test_rounded_numbers_print_as_short_decimals() -> None:
    assert round_decimals(np.array([0.1], np.float32), 1).tolist() == [0.1]
