"""The mathematics of scaled dot-product attention, as properties."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from service.engine.attention import (
    mask_later_keys,
    project,
    scaled_scores,
    sinusoidal_positions,
    softmax,
    take_head,
    weighted_values,
)
from service.engine.synthetic import SyntheticParameters, attend_heads, draw
from tests.strategies import SEEDS, WIDTHS

LENGTHS = st.integers(1, 40)
AMPLITUDES = st.sampled_from([1e-3, 1.0, 30.0])


def normal(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@given(SEEDS, LENGTHS, WIDTHS, WIDTHS, AMPLITUDES, st.booleans())
def test_the_output_agrees_with_torchs_fused_attention(
    seed: int, n: int, d_k: int, d_v: int, amplitude: float, causal: bool
) -> None:
    query, key, value = normal(seed, n, d_k) * amplitude, normal(seed + 1, n, d_k), normal(seed + 2, n, d_v)
    scores = scaled_scores(query, key)
    fused = F.scaled_dot_product_attention(query[None], key[None], value[None], is_causal=causal)[0]
    ours = weighted_values(softmax(mask_later_keys(scores) if causal else scores), value)
    # softmax rounds even where all scores are about 0, hence at least 1
    tolerance = 4 * max(1.0, float(scores.abs().max())) * value.abs().max() * 2**-23
    assert (ours - fused).abs().max() <= tolerance


@given(SEEDS, LENGTHS, st.integers(8, 64), st.integers(4, 64), WIDTHS)
def test_the_synthetic_models_output_agrees_with_torchs_fused_attention(
    seed: int, n: int, d_model: int, d_k: int, d_v: int
) -> None:
    parameters = SyntheticParameters(d_model=d_model, d_k=d_k, d_v=d_v)
    ((_, ours),) = attend_heads(draw(range(n), seed, parameters), parameters, [0], ["scores", "output"])
    fused = F.scaled_dot_product_attention(ours["query"][None], ours["key"][None], ours["value"][None])[0]
    tolerance = 4 * ours["scores"].abs().max() * ours["value"].abs().max() * 2**-23
    assert (ours["output"] - fused).abs().max() <= tolerance


@given(SEEDS, LENGTHS, WIDTHS, AMPLITUDES)
def test_attentions_of_a_query_sum_to_one(seed: int, n: int, d_k: int, amplitude: float) -> None:
    attentions = softmax(scaled_scores(normal(seed, n, d_k) * amplitude, normal(seed + 1, n, d_k)))
    torch.testing.assert_close(attentions.sum(dim=-1), torch.ones(n), rtol=0, atol=1e-6)


@given(SEEDS, LENGTHS, WIDTHS)
def test_a_causal_query_gives_later_keys_exactly_nothing(seed: int, n: int, d_k: int) -> None:
    attentions = softmax(mask_later_keys(scaled_scores(normal(seed, n, d_k), normal(seed + 1, n, d_k))))
    assert torch.equal(attentions.triu(diagonal=1), torch.zeros(n, n))


@given(SEEDS, LENGTHS, WIDTHS, st.floats(-1e6, 1e6, width=32))
def test_a_given_scale_multiplies_instead_of_dividing_by_the_root_of_d_k(
    seed: int, n: int, d_k: int, scale: float
) -> None:
    query, key = normal(seed, n, d_k), normal(seed + 1, n, d_k)
    assert torch.equal(scaled_scores(query, key, scale), query @ key.T * scale)


@given(SEEDS, LENGTHS, st.integers(1, 8), WIDTHS)
def test_heads_side_by_side_are_the_whole_projection(seed: int, n: int, heads: int, width: int) -> None:
    projected = project(normal(seed, n, 3), normal(seed + 1, 3, heads * width))
    assert torch.equal(torch.cat([take_head(projected, head, width) for head in range(heads)], dim=1), projected)


@pytest.mark.parametrize("d_model", [1, 2, 5, 8])
def test_positions_follow_vaswani_et_al_computed_in_double_precision(d_model: int) -> None:
    expected = np.empty((50, d_model))
    for position in range(50):
        for column in range(d_model):
            angle = position / 10000 ** (2 * (column // 2) / d_model)
            expected[position, column] = math.cos(angle) if column % 2 else math.sin(angle)
    np.testing.assert_array_max_ulp(sinusoidal_positions(50, d_model).numpy(), expected.astype(np.float32), maxulp=1)
