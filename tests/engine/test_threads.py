"""A small text's attention takes one thread, and its bits are those of all threads."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from service.engine.synthetic import SyntheticParameters, attend_heads, draw
from service.engine.threads import threads_for, using
from tests.strategies import SEEDS

PARAMETERS = st.builds(
    SyntheticParameters,
    d_model=st.integers(1, 20),
    d_k=st.integers(1, 10),
    d_v=st.integers(1, 10),
    num_heads=st.integers(1, 3),
    mask=st.sampled_from(["none", "causal"]),
)


@pytest.fixture(autouse=True, scope="module")
def three_threads() -> Iterator[None]:
    with using(3):
        yield


def heads(n: int, seed: int, parameters: SyntheticParameters, threads: int) -> list[Tensor]:
    with using(threads):
        found = attend_heads(draw(range(n), seed, parameters), parameters, range(parameters.num_heads), ["output"])
        return [tensor for _, tensors in found for tensor in tensors.values()]


@given(st.integers(1, 100), SEEDS, PARAMETERS)
def test_the_bits_are_those_of_all_threads(n: int, seed: int, parameters: SyntheticParameters) -> None:
    ours = heads(n, seed, parameters, threads_for(n, parameters, 3))
    assert all(map(torch.equal, ours, heads(n, seed, parameters, 3)))


def test_the_notebooks_sentence_takes_one_thread() -> None:
    assert threads_for(9, SyntheticParameters(), 3) == 1


def test_long_texts_take_all_threads() -> None:
    assert threads_for(512, SyntheticParameters(), 3) == 3


def test_wide_projections_take_all_threads() -> None:
    assert threads_for(20, SyntheticParameters(d_k=8, num_heads=4), 3) == 3


def test_a_number_of_threads_holds_only_meanwhile() -> None:
    with using(2):
        within = torch.get_num_threads()
    assert (within, torch.get_num_threads()) == (2, 3)


def test_a_number_of_threads_ends_with_an_error() -> None:
    with pytest.raises(ValueError, match="x"), using(2):
        int("x")
    assert torch.get_num_threads() == 3
