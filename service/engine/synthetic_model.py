"""The synthetic model as the engine asks for it."""

from collections.abc import Generator, Sequence
from functools import lru_cache
from math import inf

import torch
from torch import Tensor

from service.engine.analyses import num_distances
from service.engine.attention import later_keys
from service.engine.choosing import choose_include, choose_indices, choose_view, choose_words, is_streamed
from service.engine.collecting import (
    HEAD_TENSORS,
    MASKED,
    SHARED_TENSORS,
    Collector,
    Wanted,
    can_be_as_is,
    needs_of,
)
from service.engine.cutting import INDICES
from service.engine.errors import NotOfferedError
from service.engine.models import Facts
from service.engine.outcomes import each, outcome, parts
from service.engine.pace import estimate_seconds as estimate_streaming
from service.engine.pace import measure_pace
from service.engine.plan import Plan, Question
from service.engine.shapes import ROW_STATISTICS, Dimensions
from service.engine.streaming import stream_layer
from service.engine.synthetic import (
    Draws,
    SyntheticParameters,
    attend_heads,
    attend_one_head,
    check_memory,
    draw,
    estimate_linear_seconds,
    estimate_seconds,
    make_head,
)
from service.engine.threads import threads_for
from service.engine.tokenizer import bert_base_uncased
from service.engine.tokens import Tokens
from service.engine.view import lengths, resolve
from service.engine.worker import INLINE_SECONDS, Timings, Worker

TENSORS = (*SHARED_TENSORS, *HEAD_TENSORS, *ROW_STATISTICS, "rollout")
"""All but `value_weighted`: there is no output projection."""
DEFAULT_INCLUDE = ("attentions", "output")
SECONDS_PER_RANK = 1e-8
"""What it costs to compare an attention with others."""


class SyntheticModel:
    """The exercise notebook's model on a device; its weights are drawn for each request."""

    def __init__(self, worker: Worker, device: torch.device, max_tokens: int, max_stream_tokens: int) -> None:
        """Compute on `device`; the draws come from the CPU, where they are the same everywhere."""
        self.tokenizer = bert_base_uncased()
        self.facts = Facts(
            kind="synthetic",
            stacks={"encoder": 1},
            heads=None,
            tensors=TENSORS,
            default_include=DEFAULT_INCLUDE,
            max_tokens=max_tokens,
            max_stream_tokens=max(max_tokens, max_stream_tokens),
            adds_special_tokens=False,
            dtype="float32",
            tolerance=0.0,
            tokenizer="bert-base-uncased",
            license="Apache-2.0",
        )
        self._worker = worker
        self._device = device
        self._is_on_cpu = device.type == "cpu"

    def target(self, _tokens: Tokens) -> Tokens:
        """There is no decoder.

        Raises:
            NotOfferedError: always.
        """
        raise NotOfferedError("target", "target is the text of a decoder, which this model has none of. Leave it out.")

    def plan(self, source: Tokens, _target: Tokens | None, question: Question) -> Plan:
        """Decide what to compute.

        Raises:
            IndexOutOfRangeError, NotOfferedError: there is no such layer, head or tensor.
        """
        unseeded = question if question.seed == 0 else question._replace(seed=0)  # no shape depends on it
        wanted, size, seconds, threads = _shape(
            len(source), unseeded, self._worker.num_threads, self.facts.max_tokens, self._device
        )
        if question.level == "word" or not frozenset(ROW_STATISTICS).isdisjoint(wanted.include):
            wanted = wanted._replace(
                words=choose_words(question, source, source), special=source.special_tokens_mask, as_is=False
            )
            if not wanted.streamed:
                seconds += size.heads * (2e-4 + 5e-9 * len(source) ** 2)
        working = 0
        if len(source) > self.facts.max_tokens:
            at_once = len(wanted.heads) if wanted.reduction else 1
            working = check_memory(len(source), question.synthetic, at_once)
        most_threads = threads if self._is_on_cpu else None
        return Plan(question, "encoder", source, None, wanted, size, seconds, most_threads, working)

    async def compute(self, plan: Plan, timings: Timings) -> Collector:
        """Compute what `plan` wants."""
        if plan.wanted.streamed:
            return await self._worker.run_long("compute", timings, plan.seconds, self._stream(plan))
        return await self._worker.run("compute", timings, plan.seconds, self._compute, plan)

    async def compute_all(self, plans: Sequence[Plan], timings: Timings) -> list[Collector | Exception]:
        """Compute what many plans want, one after the other."""
        collectors: list[Collector | Exception] = []
        for part in parts(plans, _share, INLINE_SECONDS):
            if part[0].wanted.streamed:
                collectors.append(await outcome(self.compute(part[0], timings)))
                continue
            seconds = sum(plan.seconds for plan in part)
            collectors += await self._worker.run("compute", timings, seconds, each, self._compute, part)
        return collectors

    def _compute(self, plan: Plan) -> Collector:
        most = torch.get_num_threads()
        if plan.threads is None or plan.threads == most:
            return self._collect(plan)
        torch.set_num_threads(plan.threads)
        try:
            return self._collect(plan)
        finally:
            torch.set_num_threads(most)

    def _collect(self, plan: Plan) -> Collector:
        parameters, wanted = plan.question.synthetic, plan.wanted
        collector = Collector(wanted)
        draws = self._draw(plan.source, plan.question.seed, parameters)
        if wanted.as_is:
            collector.take(attend_one_head(draws, parameters, wanted.needs))
        else:
            self._record(collector, draws, plan)
        return collector

    def _record(self, collector: Collector, draws: Draws, plan: Plan) -> None:
        """Let the collector keep of each head what is wanted."""
        parameters, wanted, n = plan.question.synthetic, plan.wanted, len(plan.source)
        marks: dict[str, Tensor] = {}
        if MASKED in wanted.needs and parameters.mask == "causal":
            marks[MASKED] = later_keys(n, self._device)
        places = collector.places(n, self._device)
        for head, tensors in attend_heads(draws, parameters, wanted.heads_of(0), wanted.needs, places):
            block = {name: tensors[name][None] for name in wanted.needs if name in tensors}
            collector.record(0, [head], block | marks)
            self._worker.beat()
        collector.finish({name: getattr(draws, name) for name in wanted.include if name in SHARED_TENSORS})

    def _stream(self, plan: Plan) -> Generator[None, None, Collector]:
        """The same in short steps."""
        parameters, wanted = plan.question.synthetic, plan.wanted
        draws = self._draw(plan.source, plan.question.seed, parameters)
        yield
        heads = (make_head(draws, parameters, head) for head in wanted.heads)
        view = wanted.view or resolve(plan.question.sight, len(plan.source), len(plan.source))
        kept = yield from stream_layer(heads, wanted, view, self._worker.crew)
        collector = Collector(wanted)
        collector.fill([kept], {name: getattr(draws, name) for name in wanted.include if name in SHARED_TENSORS})
        return collector

    def _draw(self, source: Tokens, seed: int, parameters: SyntheticParameters) -> Draws:
        draws = draw(source.input_ids, seed, parameters)
        if self._is_on_cpu:
            return draws
        return Draws(*(tensor.to(self._device) for tensor in draws))


def _share(plan: Plan) -> float:
    """Of what is computed in one go: what is streamed is alone."""
    return inf if plan.wanted.streamed else plan.seconds


@lru_cache(maxsize=1024)
def _shape(
    n: int, question: Question, num_threads: int, max_tokens: int, device: torch.device
) -> tuple[Wanted, Dimensions, float, int]:
    """What is the same for all texts of n tokens: what to keep, how large it is, a rough cost, and how many threads.

    Raises:
        IndexOutOfRangeError, NotOfferedError: there is no such layer, head or tensor.
    """
    parameters = question.synthetic
    layers = choose_indices("layer", question.layers, 1, [0])
    heads = choose_indices("head", question.heads, parameters.num_heads, range(parameters.num_heads))
    include = choose_include(question, DEFAULT_INCLUDE, TENSORS)
    view = choose_view(question, include, n, n)
    if view is not None and view.top_k is not None:
        include = [*include, INDICES]
    streamed = is_streamed(include, view, n, max_tokens)
    needs = needs_of(include, question.picture)
    wanted = Wanted(
        include,
        needs,
        layers,
        heads,
        parameters.num_heads,
        reduction=question.reduction,
        picture=question.picture,
        as_is=can_be_as_is(include, parameters.num_heads, question.picture, view),
        view=view,
        streamed=streamed,
    )
    key_width, value_width = parameters.num_heads * parameters.d_k, parameters.num_heads * parameters.d_v
    size = Dimensions(
        1,
        len(heads),
        *lengths(view, n, n),
        parameters.d_model,
        parameters.d_k,
        parameters.d_v,
        key_width,
        value_width,
        distances=num_distances(n),
    )
    if not streamed:
        seconds = estimate_seconds(n, parameters, len(heads))
        if view is not None and view.top_k is not None:
            seconds += len(heads) * n * n * SECONDS_PER_RANK
        return wanted, size, seconds, threads_for(n, parameters, num_threads)
    pace = measure_pace(device, num_threads)
    seconds = estimate_streaming(wanted, view or resolve(question.sight, n, n), n, parameters.d_k, pace)
    if parameters.mask == "causal":
        seconds /= 2  # most keys that come later are not looked at
    return wanted, size, estimate_linear_seconds(n, parameters) + seconds, num_threads
