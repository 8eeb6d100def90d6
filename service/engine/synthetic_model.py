"""The synthetic model as the engine asks for it."""

from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from service.engine.attention import later_keys
from service.engine.collecting import HEAD_TENSORS, MASKED, SHARED_TENSORS, Collector, Wanted, can_be_as_is, needs_of
from service.engine.errors import NotOfferedError
from service.engine.models import Facts
from service.engine.outcomes import each, parts
from service.engine.plan import Plan, Question, choose_include, choose_indices, choose_words
from service.engine.shapes import Dimensions
from service.engine.synthetic import (
    Draws,
    SyntheticParameters,
    attend_heads,
    attend_one_head,
    draw,
    estimate_seconds,
)
from service.engine.threads import threads_for
from service.engine.tokenizer import Tokens, bert_base_uncased
from service.engine.worker import INLINE_SECONDS, Timings, Worker

TENSORS = (*SHARED_TENSORS, *HEAD_TENSORS, "statistics", "rollout")
"""All but `value_weighted`: there is no output projection."""
DEFAULT_INCLUDE = ("attentions", "output")


class SyntheticModel:
    """The exercise notebook's model on a device; its weights are drawn for each request."""

    def __init__(self, worker: Worker, device: torch.device, max_tokens: int) -> None:
        """Compute on `device`; the draws come from the CPU, where they are the same everywhere."""
        self.tokenizer = bert_base_uncased()
        self.facts = Facts(
            kind="synthetic",
            stacks={"encoder": 1},
            heads=None,
            tensors=TENSORS,
            default_include=DEFAULT_INCLUDE,
            max_tokens=max_tokens,
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
        wanted, size, seconds, threads = _shape(len(source), unseeded, self._worker.num_threads)
        if question.level == "word" or "statistics" in wanted.include:
            wanted = wanted._replace(
                words=choose_words(question, source, source), special=source.special_tokens_mask, as_is=False
            )
            seconds += size.heads * (2e-4 + 5e-9 * size.queries * size.keys)
        return Plan(question, "encoder", source, None, wanted, size, seconds, threads if self._is_on_cpu else None)

    async def compute(self, plan: Plan, timings: Timings) -> Collector:
        """Compute what `plan` wants."""
        return await self._worker.run("compute", timings, plan.seconds, self._compute, plan)

    async def compute_all(self, plans: Sequence[Plan], timings: Timings) -> list[Collector | Exception]:
        """Compute what many plans want, one after the other."""
        collectors: list[Collector | Exception] = []
        for part in parts(plans, lambda plan: plan.seconds, INLINE_SECONDS):
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

    def _draw(self, source: Tokens, seed: int, parameters: SyntheticParameters) -> Draws:
        draws = draw(source.input_ids, seed, parameters)
        if self._is_on_cpu:
            return draws
        return Draws(*(tensor.to(self._device) for tensor in draws))


@lru_cache(maxsize=1024)
def _shape(n: int, question: Question, num_threads: int) -> tuple[Wanted, Dimensions, float, int]:
    """What is the same for all texts of n tokens: what to keep, how large it is, a rough cost, and how many threads.

    Raises:
        IndexOutOfRangeError, NotOfferedError: there is no such layer, head or tensor.
    """
    parameters = question.synthetic
    layers = choose_indices("layer", question.layers, 1, [0])
    heads = choose_indices("head", question.heads, parameters.num_heads, range(parameters.num_heads))
    include = choose_include(question, DEFAULT_INCLUDE, TENSORS)
    needs = needs_of(include, question.picture)
    wanted = Wanted(
        include,
        needs,
        layers,
        heads,
        parameters.num_heads,
        reduction=question.reduction,
        picture=question.picture,
        as_is=can_be_as_is(include, parameters.num_heads, question.picture),
    )
    key_width, value_width = parameters.num_heads * parameters.d_k, parameters.num_heads * parameters.d_v
    size = Dimensions(1, len(heads), n, n, parameters.d_model, parameters.d_k, parameters.d_v, key_width, value_width)
    return wanted, size, estimate_seconds(n, parameters, len(heads)), threads_for(n, parameters, num_threads)
