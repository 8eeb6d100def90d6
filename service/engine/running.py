"""Running a batch of texts through a pretrained model: only what is wanted is kept, and nothing above it is run."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from service.engine.capture import Layer, watch
from service.engine.capturing_long import heads_of, mask_of, output_of
from service.engine.collecting import MASKED, OUTPUT_WEIGHTS, SINK, Collector
from service.engine.heads import Head
from service.engine.inputs import Inputs
from service.engine.plan import Plan, Stack

CHUNK_NUMBERS = 2**24
"""The most numbers of scores that are computed at once: 64 MiB."""


@dataclass(slots=True)
class Captured:
    """What a run leaves of a text whose rows are computed afterwards."""

    is_unwanted: Callable[[], bool] = lambda: False
    """Whether nobody waits for it any more."""
    heads: dict[int, list[Head]] = field(default_factory=dict)
    """By layer: those that are wanted."""
    shared: dict[str, Tensor] = field(default_factory=dict)


class Job(NamedTuple):
    """One text's share of a batch."""

    plan: Plan
    collector: Collector
    captured: Captured
    """Where the plan is streamed, instead of what the collector has."""


@runtime_checkable
class Runner(Protocol):
    """Computes what the jobs of a batch want."""

    def run(self, jobs: Sequence[Job]) -> None:
        """Fill and finish every job's collector."""


class Place(NamedTuple):
    """Where an attention module stands."""

    stack: Stack
    layer: int
    order: int
    """Among all attention modules, in the order they run."""
    output_weights: Float[Tensor, "h d_v d_model"] | None
    """W_O by head, where it was found."""


class Map(NamedTuple):
    """What the start-up probe found in a model."""

    num_heads: int
    widths: tuple[int, int, int]
    """d_model, d_k, d_v."""
    groups: int
    """How many heads have keys and values of their own."""
    has_sinks: bool

    places: Mapping[nn.Module, Place]
    embedders: Mapping[nn.Module, Stack]
    """The first layers of encoder and decoder."""

    @property
    def stacks(self) -> dict[Stack, int]:
        """How many layers each stack has."""
        counts: dict[Stack, int] = {}
        for place in self.places.values():
            counts[place.stack] = counts.get(place.stack, 0) + 1
        return counts


class _FinishedError(Exception):
    """All that is wanted is kept: the model need not go on."""


class CapturingRunner:
    """Watches the layers of a model that runs under `capture.NAME`."""

    def __init__(self, model: nn.Module, inputs: Inputs, found: Map) -> None:
        """Run `model`, whose attention modules were `found` by the probe."""
        self._model = model
        self._inputs = inputs
        self._map = found

    def run(self, jobs: Sequence[Job]) -> None:
        """Fill and finish every job's collector."""
        if jobs[0].plan.wanted.streamed:
            self._capture(jobs)
            return
        recorder = _Recorder(self._map, jobs)
        with torch.inference_mode(), watch(recorder):
            with contextlib.suppress(_FinishedError):
                self._model(**self._inputs.of([job.plan for job in jobs]))
            for job, shared in zip(jobs, recorder.shared, strict=True):
                job.collector.finish(shared)

    def _capture(self, jobs: Sequence[Job]) -> None:
        """Keep the heads of the only job, whose rows are computed later, some at a time."""
        recorder = _HeadRecorder(self._map, jobs)
        with torch.inference_mode(), watch(recorder, mask_of), contextlib.suppress(_FinishedError):
            self._model(**self._inputs.of([jobs[0].plan]))
        jobs[0].captured.shared.update(recorder.shared[0])


class _Recorder:
    """The watcher of one batch."""

    def __init__(self, found: Map, jobs: Sequence[Job]) -> None:
        self._map = found
        self._jobs = jobs
        self.shared: list[dict[str, Tensor]] = [{} for _ in jobs]
        wanted = (
            place.order
            for place in found.places.values()
            for job in jobs
            if job.plan.stack == place.stack and job.plan.wanted.heads_of(place.layer)
        )
        self._last = max(wanted, default=-1)

    def embed(self, module: nn.Module, embedding: Float[Tensor, "b n d_model"]) -> None:
        stack = self._map.embedders[module]
        for text, job in enumerate(self._jobs):
            of_queries = "decoder" if job.plan.stack == "cross" else job.plan.stack
            if stack == of_queries and "embedding" in job.plan.wanted.include:
                self.shared[text]["embedding"] = embedding[text, : len(job.plan.queries)].clone()

    def attend(self, layer: Layer) -> Float[Tensor, "b h n d_v"]:
        place = self._map.places[layer.module]
        weighed: dict[int, Tensor] = {}
        for text, job in enumerate(self._jobs):
            heads = job.plan.wanted.heads_of(place.layer) if job.plan.stack == place.stack else ()
            output = self._record(layer, place, text, heads) if heads else None
            if output is not None:
                weighed[text] = output
        if place.order >= self._last and not self._waits_for_embedding():
            raise _FinishedError
        return self._output(layer, place, weighed)

    def _output(self, layer: Layer, place: Place, weighed: Mapping[int, Tensor]) -> Float[Tensor, "b h n d_v"]:
        """What the model goes on with: each text's own, computed as if it were alone, so that company changes no bit.

        Padding gets 0; nothing that is kept depends on it.
        """
        each = [
            output if (output := weighed.get(text)) is not None else layer.part(text, slice(None), n, m).output()
            for text, (n, m) in enumerate(job.plan.lengths(place.stack) for job in self._jobs)
        ]
        texts, _, longest, _ = layer.query.shape
        if texts == 1 and each[0].shape[2] == longest:
            return each[0]
        outputs = each[0].new_zeros(texts, each[0].shape[1], longest, each[0].shape[3])
        for text, output in enumerate(each):
            outputs[text, :, : output.shape[2]] = output[0]
        return outputs

    def _waits_for_embedding(self) -> bool:
        return any(
            "embedding" in job.plan.wanted.include and "embedding" not in shared
            for job, shared in zip(self._jobs, self.shared, strict=True)
        )

    def _record(self, layer: Layer, place: Place, text: int, heads: Sequence[int]) -> Tensor | None:
        """Keep what a text wants of `heads`; attentions·value, if it was computed."""
        plan, collector, _ = self._jobs[text]
        n, m = len(plan.queries), len(plan.keys)
        at_once = max(1, CHUNK_NUMBERS // (n * m))
        output: Tensor | None = None
        for start in range(0, len(heads), at_once):
            chunk = list(heads[start : start + at_once])
            every = chunk == list(range(layer.num_heads))
            part = layer.part(text, slice(None) if every else chunk, n, m)
            block = _block(part, plan.wanted.needs)
            if OUTPUT_WEIGHTS in plan.wanted.needs and place.output_weights is not None:
                block[OUTPUT_WEIGHTS] = place.output_weights[chunk]
            if every and "attentions" in block:
                output = part.weigh(block["attentions"][None])
            collector.record(place.layer, chunk, block)
        return output


class _HeadRecorder(_Recorder):
    """The watcher of one long text."""

    def attend(self, layer: Layer) -> Float[Tensor, "b h n d_v"]:
        place, job = self._map.places[layer.module], self._jobs[0]
        if job.captured.is_unwanted():
            raise _FinishedError
        heads = job.plan.wanted.heads_of(place.layer) if job.plan.stack == place.stack else ()
        if heads:
            job.captured.heads[place.layer] = heads_of(layer, heads)
        if place.order >= self._last and not self._waits_for_embedding():
            raise _FinishedError
        return output_of(layer).expand(len(layer.query), -1, -1, -1)  # of copies nothing is kept


def _block(part: Layer, needs: AbstractSet[str]) -> dict[str, Tensor]:
    """The tensors of one text's heads that are needed: [head][query][·]."""
    block = {"query": part.query[0], "key": part.repeat(part.key)[0], "value": part.repeat(part.value)[0]}
    block = {name: tensor.clone() for name, tensor in block.items() if name in needs}
    masked = part.masked() if MASKED in needs else None
    if masked is not None:
        block[MASKED] = masked[0, 0]
    if needs.isdisjoint({"scores", "attentions", "output", SINK}):
        return block
    scores = part.scores()
    if "scores" in needs:
        block["scores"] = scores[0]
    if needs.isdisjoint({"attentions", "output", SINK}):
        return block
    attentions, sink = part.attentions(scores, overwrite="scores" not in needs)
    block["attentions"] = attentions[0]
    if sink is not None:
        block[SINK] = sink[0]
    if "output" in needs:
        block["output"] = part.weigh(attentions)[0]
    return block
