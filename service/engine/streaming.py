"""Exact attention of long texts in memory that does not grow with their square.

Queries come in blocks, of so few that their whole rows fit in a cache: each row has its true normaliser, and of what is
computed only what is wanted stays. A crew of threads computes blocks side by side. Each step is short, so that whoever
takes them can see to others in between, and stop.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Literal, Protocol, runtime_checkable

import torch
from torch import Tensor

from service.engine.bins import Bins
from service.engine.collecting import Wanted
from service.engine.crew import Crew
from service.engine.heads import Head, Masked, Scratch
from service.engine.keeping import Merge, Output, Rows, SinkShare, Statistics, Strongest, Window
from service.engine.view import View, length

BLOCK_NUMBERS = 2**19
"""The most numbers of a block: 4 MiB in float64. Fewer rows at a time would make slower products."""
BLOCK_QUERIES = 512
"""The most queries of a block: of short rows, more would gain nothing."""

POOLED = frozenset({"scores", "attentions"})
"""What a view pools."""

Reduction = Literal["mean", "max"]
COMBINE: dict[Reduction, Callable[..., Tensor]] = {"mean": torch.add, "max": torch.maximum}
Steps = Generator[None, None, dict[str, Tensor]]
"""Short steps, and in the end tensors by name."""


@runtime_checkable
class Keeper(Protocol):
    """Keeps something of a matrix whose rows come some at a time, from several threads."""

    def take(self, queries: slice, rows: Rows, masked: Masked | None) -> Merge | None:
        """Keep what is wanted of the rows of some `queries`, which are overwritten afterwards."""

    def result(self) -> dict[str, Tensor]:
        """What was kept, by name, once all queries were taken."""


def blocks(queries: slice, m: int) -> Iterator[slice]:
    """`queries` a few at a time: their rows of m keys have at most `BLOCK_NUMBERS`; one always goes."""
    rows = min(max(1, BLOCK_NUMBERS // m), BLOCK_QUERIES)
    for start in range(queries.start, queries.stop, rows):
        yield slice(start, min(start + rows, queries.stop))


def stream_head(head: Head, view: View, names: Collection[str], special: Sequence[int], crew: Crew) -> Steps:
    """Those tensors of one head that `names` has; `special` tells which keys are special tokens.

    `attentions` and `scores` are what `view` makes of them; with its `top_k` there are `indices`, too.
    """
    of_scores = [keeper_of("scores", view, head)] if "scores" in names else []
    if "sink" in names and head.sink is not None:
        of_scores.append(SinkShare(view, head.sink))
    of_attentions = [keeper_of("attentions", view, head)] if "attentions" in names else []
    if "output" in names:
        of_attentions.append(Output(view, head.value))
    statistics = Statistics(names, view, special, head.query.device)
    if not (of_scores or of_attentions or statistics.names):
        return {}
    scratch = Scratch()

    def compute(queries: slice) -> list[Merge | None]:
        masked = head.masked(queries)
        rows = head.scores(queries, masked, scratch)
        merges = [keeper.take(queries, rows, masked) for keeper in of_scores]
        if statistics.names:
            wide = scratch.take("wide", len(rows), rows.shape[1], torch.float64, rows.device).copy_(rows)
            statistics.take(queries, head.attentions(wide, masked))
        if of_attentions:
            rows = head.attentions(rows, masked)
        return merges + [keeper.take(queries, rows, masked) for keeper in of_attentions]

    yield from _merged(crew.run(compute, blocks(view.queries, head.m)))
    kept = [keeper.result() for keeper in (*of_scores, *of_attentions)] + [statistics.result()]
    return {name: tensor for tensors in kept for name, tensor in tensors.items()}


def _merged(computed: Generator[list[Merge | None], None, None]) -> Generator[None, None, None]:
    """A step for each block that is computed."""
    with closing(computed):
        for merges in computed:
            for merge in filter(None, merges):
                merge()
            yield


def stream_reduced(heads: Sequence[Head], view: View, name: str, reduction: Reduction, crew: Crew) -> Steps:
    """The `scores` or `attentions` of many heads of one layer, elementwise reduced to one matrix."""
    first, device, scratch = heads[0], heads[0].query.device, Scratch()
    keeper = keeper_of(name, view, first)

    def compute(queries: slice) -> list[Merge | None]:
        masked = first.masked(queries)
        reduced = scratch.take("reduced", length(queries), first.reach(queries), torch.float32, device)
        for index, head in enumerate(heads):
            rows = head.scores(queries, masked, scratch)
            if name == "attentions":
                rows = head.attentions(rows, masked)
            if index:
                COMBINE[reduction](reduced, rows, out=reduced)
            else:
                reduced.copy_(rows)
        if reduction == "mean":
            reduced /= len(heads)
        return [keeper.take(queries, reduced, masked)]

    yield from _merged(crew.run(compute, blocks(view.queries, first.m)))
    return keeper.result()


def keeper_of(name: str, view: View, head: Head) -> Keeper:
    """What keeps the `scores` or `attentions` as `view` has them."""
    device = head.query.device
    if name == "attentions" and view.top_k is not None:
        return Strongest(view, device)
    if view.marks_masked or view.is_pooled:
        return Bins(name, view, device)
    return Window(name, view, device, -torch.inf if name == "scores" else 0.0)


def stream_layer(
    heads: Iterable[Head], wanted: Wanted, view: View, crew: Crew
) -> Generator[None, None, list[dict[str, Tensor]]]:
    """What is wanted of each of one layer's `heads`, which are made one by one, or of all reduced to one."""
    if wanted.reduction is not None and not POOLED.isdisjoint(wanted.include):
        return [(yield from stream_reduced([*heads], view, wanted.include[0], wanted.reduction, crew))]
    kept: list[dict[str, Tensor]] = []
    for head in heads:
        found = {"query": head.query[view.queries], "key": head.key[view.keys], "value": head.value[view.keys]}
        found |= yield from stream_head(head, view, wanted.include, wanted.special, crew)
        kept.append({name: tensor for name, tensor in found.items() if name in wanted.include})
    return kept if wanted.reduction is None else [_reduced(kept, wanted.reduction)]


def _reduced(kept: Sequence[Mapping[str, Tensor]], reduction: Reduction) -> dict[str, Tensor]:
    """Tensors of many heads that do not grow with their square as those of one."""
    stacked = {name: torch.stack([head[name] for head in kept]) for name in kept[0]}
    return {name: heads.amax(0) if reduction == "max" else heads.mean(0) for name, heads in stacked.items()}
