"""Streaming of what a run has captured of a pretrained model."""

from collections.abc import Generator, Iterator

from torch import Tensor

from service.engine.collecting import Collector
from service.engine.crew import Crew
from service.engine.errors import TooMuchWorkError
from service.engine.heads import Head
from service.engine.plan import Plan
from service.engine.running import Job
from service.engine.streaming import stream_layer
from service.engine.synthetic import MOST_BYTES
from service.engine.view import resolve


def stream(job: Job, crew: Crew) -> Generator[None, None, Collector]:
    """What is wanted of captured heads, in short steps."""
    wanted = job.plan.wanted
    view = wanted.view or resolve(job.plan.question.sight, len(job.plan.queries), len(job.plan.keys))
    kept: list[list[dict[str, Tensor]]] = []
    for layer in wanted.layers:
        of_layer = yield from stream_layer(_each_once(job.captured.heads.get(layer, [])), wanted, view, crew)
        kept.append(of_layer)
    job.collector.fill(kept, job.captured.shared)
    return job.collector


def _each_once(heads: list[Head]) -> Iterator[Head]:
    """One after the other, each of which is forgotten before the next."""
    while heads:
        yield heads.pop(0)


def check_memory(plan: Plan, widths: tuple[int, int, int]) -> int:
    """How many bytes the captured heads take, and those that are reduced in float64.

    Raises:
        TooMuchWorkError: they take too many.
    """
    layers, heads = len(plan.wanted.layers), len(plan.wanted.heads)
    width = 2 * widths[1] + widths[2]
    at_once = heads if plan.wanted.reduction else 1
    size = len(plan.keys) * (4 * layers * heads * width + 16 * at_once * widths[1])
    if size > MOST_BYTES:
        raise TooMuchWorkError(
            "sentence",
            f"Queries, keys and values of {layers * heads} heads take {size:,} bytes, the limit is {MOST_BYTES:,}. "
            "Choose fewer layers or heads, or shorten sentence.",
        )
    return size
