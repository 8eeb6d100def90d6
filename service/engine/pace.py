"""How long the attention of a long text takes, told before it begins."""

from functools import cache
from time import perf_counter

import torch

from service.engine.collecting import Wanted
from service.engine.heads import Head, Scratch
from service.engine.shapes import ROW_STATISTICS
from service.engine.streaming import stream_head
from service.engine.view import Sight, View, resolve

ROW, FACTOR, TOP_K, STATISTICS = 0.7, 0.03, 1.2, 30.0
"""Nanoseconds that a number of a row costs, more for each of its d_k products, and what is made of it; measured on two
cores. A machine differs from that by its `pace`."""
EXAMPLE = 1024
"""So many tokens tell it."""
TRIES = 5
EXPECTED = 4e-3
"""Seconds that the example took where the figures above were measured."""


def estimate_seconds(wanted: Wanted, view: View, m: int, d_k: int, pace: float) -> float:
    """A rough cost of one layer's heads, of which each query has m keys."""
    nanoseconds = ROW + FACTOR * d_k
    if view.top_k is not None:
        nanoseconds += TOP_K
    if not frozenset(ROW_STATISTICS).isdisjoint(wanted.include):
        nanoseconds += STATISTICS
    return 1e-3 + len(wanted.heads) * view.num_queries * m * nanoseconds * 1e-9 * pace


@cache
def measure_pace(device: torch.device) -> float:
    """How many times as long as expected this machine takes; the fastest of some tries, as others may be at work."""
    same = torch.ones(EXAMPLE, 4, device=device)
    head = Head(same, same, same, scaling=1.0)
    view = resolve(Sight(most_bins=(64, 64)), EXAMPLE, EXAMPLE)
    scratch = Scratch()

    def seconds() -> float:
        began = perf_counter()
        for _ in stream_head(head, view, ["attentions"], [], scratch):
            pass
        return perf_counter() - began

    return min(seconds() for _ in range(TRIES)) / EXPECTED
