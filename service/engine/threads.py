"""How many threads a short text's attention takes: one where the bits are the same.

torch gives a product of 17 rows to all threads. They sleep between requests, and to wake one takes a hundred times as
long as the product; where other processes keep the cores busy, up to a slice of the scheduler's: measured 20 ms.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import torch
from torch import Tensor

from service.engine.synthetic import SyntheticParameters, attend_heads, draw

MOST_TOKENS = 256
"""Longer texts are faster with all threads."""
NARROW = 16
"""The widest projection, of all heads together, whose bits are judged by examples: of wider ones few bits differ, and
not in each example."""
EXAMPLES = 4
"""In which order a product adds is decided by its shape, never by its numbers: so it is tried with some."""


def threads_for(n: int, parameters: SyntheticParameters, most: int) -> int:
    """How many threads, of `most`, to compute each head's attention among n tokens with."""
    width = parameters.num_heads * max(parameters.d_k, parameters.d_v)
    if most == 1 or n > MOST_TOKENS or width > NARROW or parameters.d_model > NARROW:
        return most
    is_same = _is_same_alone(n, parameters.d_model, parameters.d_k, parameters.d_v, parameters.num_heads, most)
    return 1 if is_same else most


@lru_cache(maxsize=4096)
def _is_same_alone(n: int, d_model: int, d_k: int, d_v: int, num_heads: int, most: int) -> bool:
    """Whether one thread computes the bits that `most` do."""
    parameters = SyntheticParameters(d_model, d_k, d_v, num_heads)
    alone, together = (_examples(n, parameters, threads) for threads in (1, most))
    return all(map(torch.equal, alone, together))


def _examples(n: int, parameters: SyntheticParameters, threads: int) -> list[Tensor]:
    with using(threads):
        return [
            tensor
            for seed in range(EXAMPLES)
            for _, tensors in attend_heads(draw(range(n), seed, parameters), parameters, [0], ("scores", "output"))
            for tensor in tensors.values()
        ]


@contextmanager
def using(threads: int) -> Iterator[None]:
    """Let torch use so many threads meanwhile, as far as the calling thread asks it."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
