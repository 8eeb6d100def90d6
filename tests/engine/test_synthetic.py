"""The synthetic model's draws, and what each parameter changes."""

import math

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from service.engine.collecting import SHARED_TENSORS
from service.engine.synthetic import SyntheticParameters, attend_heads, draw, estimate_seconds
from tests.strategies import SEEDS, WIDTHS

IDS = st.lists(st.integers(0, 5), min_size=1, max_size=30)


def mersenne_twister(seed: int, count: int) -> np.ndarray:
    """numpy's MT19937 with the legacy seeding; the low 24 bits of each word make a float32 in [0, 1)."""
    raw = np.random.RandomState(seed % 2**32)._bit_generator.random_raw(count)
    return ((raw & 0xFFFFFF) * 2.0**-24).astype(np.float32)


@given(SEEDS, IDS, WIDTHS, WIDTHS, WIDTHS, st.integers(1, 4))
def test_the_draws_are_mt19937s_bits_in_the_notebooks_order(
    seed: int, ids: list[int], d_model: int, d_k: int, d_v: int, heads: int
) -> None:
    draws = draw(ids, seed, SyntheticParameters(d_model=d_model, d_k=d_k, d_v=d_v, num_heads=heads))
    ours = np.concatenate([getattr(draws, name).numpy().ravel() for name in SHARED_TENSORS])
    np.testing.assert_array_equal(ours, mersenne_twister(seed, ours.size))


def test_seeds_count_modulo_two_to_the_32() -> None:
    one, other = (draw([1, 2], seed, SyntheticParameters()) for seed in (7, 2**32 + 7))
    assert torch.equal(one.embedding, other.embedding)


def test_a_sample_that_is_drawn_again_is_the_same() -> None:
    parameters = SyntheticParameters(embedding_mode="per_token", positions="sinusoidal")
    first, second = draw([1, 1, 2], 99, parameters), draw([1, 1, 2], 99, parameters)
    assert all(torch.equal(getattr(first, name), getattr(second, name)) for name in SHARED_TENSORS)


def test_drawing_leaves_torchs_global_generator_alone() -> None:
    before = torch.get_rng_state()
    draw([1, 2], 1, SyntheticParameters())
    assert torch.equal(torch.get_rng_state(), before)


@given(SEEDS, IDS)
def test_per_token_embeddings_are_the_first_occurrences_rows(seed: int, ids: list[int]) -> None:
    per_position = draw(ids, seed, SyntheticParameters()).embedding
    per_token = draw(ids, seed, SyntheticParameters(embedding_mode="per_token")).embedding
    for position, token in enumerate(ids):
        assert torch.equal(per_token[position], per_position[ids.index(token)])


def test_sinusoidal_positions_are_added_to_the_embedding() -> None:
    plain, positioned = (draw([1] * 3, 0, SyntheticParameters(positions=kind)) for kind in ("none", "sinusoidal"))
    first_row = positioned.embedding[0] - plain.embedding[0]
    torch.testing.assert_close(first_row, torch.tensor([0.0, 1.0] * 4), rtol=0, atol=1e-6)


def test_normal_initialization_divides_the_weights_by_the_root_of_d_model() -> None:
    draws = draw([1, 2], 3, SyntheticParameters(d_model=64, initialization="normal"))
    generator = torch.Generator().manual_seed(3)
    assert torch.equal(draws.embedding, torch.randn(2, 64, generator=generator))
    for weights in (draws.query_weights, draws.key_weights, draws.value_weights):
        assert torch.equal(weights, torch.randn(64, 4, generator=generator) / math.sqrt(64))


def test_only_what_is_wanted_is_computed() -> None:
    parameters = SyntheticParameters()
    ((_, tensors),) = attend_heads(draw([1, 2], 0, parameters), parameters, [0], ["query"])
    assert set(tensors) == {"query", "key", "value"}


def test_the_estimate_grows_with_the_square_of_the_length() -> None:
    parameters = SyntheticParameters()
    assert estimate_seconds(2000, parameters, 1) > 3 * estimate_seconds(1000, parameters, 1)
