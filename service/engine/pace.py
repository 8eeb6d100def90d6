"""How long the attention of a long text takes, told before it begins."""

from functools import cache
from time import thread_time

import torch

from service.engine.bins import Bins
from service.engine.collecting import Wanted
from service.engine.heads import Head, Scratch
from service.engine.shapes import ROW_STATISTICS
from service.engine.threads import using
from service.engine.view import Sight, View, resolve

ROW, FACTOR, TOP_K, STATISTICS = 1.2, 0.05, 6.0, 40.0
"""Nanoseconds that a number of a row costs a core, more for each of its d_k products, and what is made of it; measured.
A machine differs from that by its `pace`."""
EXAMPLE = 512
"""So many tokens tell it."""
TRIES = 5
EXPECTED = 1e-3
"""Seconds that the example took one core where the figures above were measured."""


def estimate_seconds(wanted: Wanted, view: View, m: int, d_k: int, pace: float) -> float:
    """A rough cost of one layer's heads, of which each query has m keys."""
    nanoseconds = ROW + FACTOR * d_k
    if view.top_k is not None:
        nanoseconds += TOP_K
    if not frozenset(ROW_STATISTICS).isdisjoint(wanted.include):
        nanoseconds += STATISTICS
    return 1e-3 + len(wanted.heads) * view.num_queries * m * nanoseconds * 1e-9 * pace


@cache
def measure_pace(device: torch.device, num_threads: int) -> float:
    """How many times as long as expected `num_threads` of this machine take.

    What one of them computes is timed, as far as it computes: others may be at work. Each more adds half of it, as
    processors tell threads that share a core for cores.
    """
    same = torch.ones(EXAMPLE, 4, device=device)
    head = Head(same, same, same, scaling=1.0)
    keeper = Bins("attentions", resolve(Sight(most_bins=(64, 64)), EXAMPLE, EXAMPLE), device)
    queries, scratch = slice(0, EXAMPLE), Scratch()

    def seconds() -> float:
        began = thread_time()
        keeper.take(queries, head.attentions(head.scores(queries, None, scratch), None), None)
        return thread_time() - began

    with using(1):
        pace = min(seconds() for _ in range(TRIES)) / EXPECTED
    return pace * 2 / (1 + num_threads)
