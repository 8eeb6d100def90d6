"""Pretrained models of Hugging Face transformers: the attention of chosen layers and heads."""

import asyncio
from collections.abc import Mapping, Sequence

import torch
from torch import nn
from transformers import PreTrainedModel

from service.engine.analyses import num_distances
from service.engine.batching import Batcher
from service.engine.capture import announce_embedding
from service.engine.choosing import choose_include, choose_indices, choose_view, choose_words, is_streamed
from service.engine.collecting import HEAD_TENSORS, SINK, Collector, Wanted, needs_of
from service.engine.cutting import INDICES
from service.engine.eager import EagerRunner
from service.engine.errors import NotOfferedError
from service.engine.inputs import inputs_for
from service.engine.loading import Loaded, most_tokens
from service.engine.models import Batching, Facts
from service.engine.outcomes import outcome
from service.engine.pace import estimate_seconds, measure_pace
from service.engine.plan import Plan, Question, Stack
from service.engine.probe import probe, probe_eager
from service.engine.probe_long import can_stream
from service.engine.running import CapturingRunner, Map, Runner
from service.engine.shapes import ROW_STATISTICS, Dimensions
from service.engine.streaming_heads import check_memory, stream
from service.engine.tokens import Tokens
from service.engine.view import lengths, resolve
from service.engine.worker import Timings, Worker

TOLERANCE = 1e-6
"""Between answers of a float32 model on the CPU."""
LEAST_COARSE_TOLERANCE = 1e-5
ROUNDINGS = 20
"""Between answers of any other model, in units of its type's rounding (eps)."""
MAX_BATCH_BYTES = 256 * 2**20
"""The most bytes of answers that are computed at once."""
MAX_EAGER_BYTES = 2**31
"""The most that the attentions of all layers and heads may take, where a model tells only all of them."""
SECONDS_PER_PARAMETER = 2e-10
"""What a token costs on one core, for each of a model's parameters."""
SECONDS_PER_PRODUCT = 1e-10
"""What a query costs for each key, layer and dimension of the model; measured 0.3 to 1."""


class PretrainedModel:
    """One model, whose attention the start-up probe has proved."""

    def __init__(  # what the engine knows
        self,
        name: str,
        loaded: Loaded,
        worker: Worker,
        max_tokens: int,
        batching: Batching,
        max_stream_tokens: int = 0,
    ) -> None:
        """Probe the model called `name`; texts may have `max_tokens`, or where they are streamed `max_stream_tokens`.

        Raises:
            ModelLoadError: its attention cannot be had, or not be trusted.
        """
        model = loaded.model
        longest = most_tokens(model, max_tokens)
        found = probe(name, model, longest)
        inputs = inputs_for(model, loaded.fast)
        self._can_stream = found is not None and can_stream(name, model, found, longest)
        most = most_tokens(model, max(max_tokens, max_stream_tokens)) if self._can_stream else longest
        runner: Runner
        if found is None:
            layers, is_causal = probe_eager(name, model, longest)
            runner = EagerRunner(model, inputs, MAX_BATCH_BYTES, is_causal=is_causal)
            stacks: Mapping[Stack, int] = {"decoder" if is_causal else "encoder": layers}
            longest = min(longest, runner.most_tokens(MAX_EAGER_BYTES))
        else:
            for module in found.embedders:
                announce_embedding(module)
            runner = CapturingRunner(model, inputs, found)
            stacks = found.stacks
        _announce_layers(model, worker)
        self._start_token: int | None = getattr(model.config, "decoder_start_token_id", None)
        if self._start_token is None and "cross" in stacks:  # nothing says what its decoder reads first
            stacks = {"encoder": stacks["encoder"]}
        widths = _widths(model) if found is None else found.widths
        is_exact = batching.mode == "exact" and model.device.type == "cpu"
        self.tokenizer = loaded.tokenizer
        self.facts = Facts(
            kind="pretrained",
            stacks=stacks,
            heads=model.config.num_attention_heads if found is None else found.num_heads,
            num_key_value_heads=None if found is None else found.groups,
            widths=dict(zip(("d_model", "d_k", "d_v"), widths, strict=True)),
            tensors=["attentions", *ROW_STATISTICS, "rollout"] if found is None else _tensors(found),
            default_include=["attentions"],
            max_tokens=longest,
            max_stream_tokens=max(longest, most),
            adds_special_tokens=True,
            dtype=str(model.dtype).removeprefix("torch."),
            tolerance=0.0 if is_exact else _tolerance(model.dtype, model.device),
            tokenizer=loaded.place,
            architecture=type(model).__name__,
            revision=loaded.revision,
            license=loaded.license,
        )
        self._has_sinks = found is not None and found.has_sinks
        self._widths = (0, 0, 0) if found is None else found.widths
        self._start_text = str(loaded.fast.convert_ids_to_tokens(self._start_token or 0))
        self._seconds_per_token = model.num_parameters() * SECONDS_PER_PARAMETER
        self._seconds_per_square = sum(stacks.values()) * widths[0] * SECONDS_PER_PRODUCT
        most_tokens_at_once = 0 if is_exact else batching.max_tokens
        self._worker = worker
        self._pace = measure_pace(model.device, worker.num_threads)
        self._batcher = Batcher(worker, runner, most_tokens_at_once, MAX_BATCH_BYTES, batching.ran)

    def target(self, tokens: Tokens) -> Tokens:
        """What the decoder reads: its start token, then `tokens`.

        Raises:
            NotOfferedError: this is no encoder-decoder.
        """
        if "cross" not in self.facts.stacks or self._start_token is None:
            raise NotOfferedError(
                "target", "target is what the decoder of an encoder-decoder reads; this model is none. Leave it out."
            )
        return Tokens(
            tokens=[self._start_text, *tokens.tokens],
            input_ids=[self._start_token, *tokens.input_ids],
            offsets=[None, *tokens.offsets],
            sequence_ids=[None, *tokens.sequence_ids],
            sentences=tokens.sentences,
            encoding=tokens.encoding,
        )

    def plan(self, source: Tokens, target: Tokens | None, question: Question) -> Plan:
        """Decide what to compute.

        Raises:
            IndexOutOfRangeError, NotOfferedError: there is no such layer, head, stack or tensor.
        """
        stack = self._stack(target, question)
        queries = target if target is not None and stack != "encoder" else source
        keys = target if target is not None and stack == "decoder" else source
        layers, heads = self.facts.stacks[stack], self.facts.heads or 0
        names = ("layer", "head") if question.picture else ("layers", "heads")
        chosen_layers = choose_indices(names[0], question.layers, layers, [layers - 1])
        chosen_heads = choose_indices(names[1], question.heads, heads, range(heads))
        include = choose_include(question, self.facts.default_include, self.facts.tensors)
        _check_analyses(include, stack)
        sight = question.sight
        if not self._can_stream and question.picture:
            question = question._replace(sight=sight._replace(most_bins=None))  # the picture is pooled when it is drawn
        view = choose_view(question, include, len(queries), len(keys))
        longest = max(len(source), len(target or ()))
        streamed = is_streamed(include, view, longest, self.facts.max_tokens)
        streamed |= longest > self.facts.max_tokens  # whatever is wanted, for a run makes masks
        if streamed and not self._can_stream:
            raise NotOfferedError("bins", "This model computes whole matrices only. Leave bins out.")
        if view is not None and view.top_k is not None:
            include = [*include, INDICES]
        if self._has_sinks and "attentions" in include and not question.picture:
            include = [*include, SINK]
        wanted = Wanted(
            include,
            needs_of(include, question.picture),
            chosen_layers,
            chosen_heads,
            heads,
            choose_words(question, queries, keys),
            keys.special_tokens_mask,
            question.reduction,
            question.picture,
            view=view,
            streamed=streamed,
        )
        size = Dimensions(
            len(chosen_layers),
            len(chosen_heads),
            *lengths(view, len(queries), len(keys)),
            *self._widths,
            distances=num_distances(len(keys)),
        )
        seconds = self._seconds_per_token * longest + self._seconds_per_square * longest**2 + 1e-2
        plan = Plan(question, stack, source, target, wanted, size, seconds)
        if not wanted.streamed:
            return plan
        working = check_memory(plan, self._widths)
        return plan._replace(seconds=seconds + self._streaming_seconds(plan), working_bytes=working)

    async def compute(self, plan: Plan, timings: Timings) -> Collector:
        """Compute what `plan` wants, together with what else is waiting."""
        if not plan.wanted.streamed:
            return (await self._batcher.compute(plan, timings)).collector
        with self._worker.expecting(plan.seconds):
            job = await self._batcher.compute(plan, timings)
        return await self._worker.run_long(
            "compute", timings, self._streaming_seconds(plan), stream(job, self._worker.crew)
        )

    async def compute_all(self, plans: Sequence[Plan], timings: Timings) -> list[Collector | Exception]:
        """Compute what many plans want; they wait together, and so share runs."""
        return await asyncio.gather(*(outcome(self.compute(plan, timings)) for plan in plans))

    def _streaming_seconds(self, plan: Plan) -> float:
        wanted, m = plan.wanted, len(plan.keys)
        view = wanted.view or resolve(plan.question.sight, len(plan.queries), m)
        return len(wanted.layers) * estimate_seconds(wanted, view, m, self._widths[1], self._pace)

    def _stack(self, target: Tokens | None, question: Question) -> Stack:
        """The stack that is asked for."""
        stacks = self.facts.stacks
        stack = question.stack or self.facts.default_stack
        if stack not in stacks:
            raise NotOfferedError("stack", f"This model has no {stack} attention. Choose from: {', '.join(stacks)}.")
        reads_target = "cross" in stacks and stack != "encoder"
        if reads_target and target is None:
            raise NotOfferedError("target", f"stack {stack} needs the decoder's text. Send it as target.")
        if target is not None and not reads_target:
            raise NotOfferedError(
                "target", "stack encoder reads no target. Leave it out, or use stack decoder or cross."
            )
        return stack


def _announce_layers(model: PreTrainedModel, worker: Worker) -> None:
    """Let `worker` say at each layer that it goes on."""
    for modules in model.modules():
        if isinstance(modules, nn.ModuleList):
            for layer in modules:
                layer.register_forward_pre_hook(lambda *_: worker.beat())


def _widths(model: PreTrainedModel) -> tuple[int, int, int]:
    """d_model, d_k and d_v of a model that is not captured."""
    width = model.config.hidden_size
    head = getattr(model.config, "head_dim", None) or width // model.config.num_attention_heads
    return width, head, head


def _tolerance(dtype: torch.dtype, device: torch.device) -> float:
    if dtype == torch.float32 and device.type == "cpu":
        return TOLERANCE
    return max(LEAST_COARSE_TOLERANCE, ROUNDINGS * torch.finfo(dtype).eps)


def _tensors(found: Map) -> list[str]:
    """What a captured model offers."""
    has_output_weights = all(place.output_weights is not None for place in found.places.values())
    analyses = [*ROW_STATISTICS, "rollout", *(["value_weighted"] if has_output_weights else [])]
    return ["embedding", *HEAD_TENSORS, *analyses]


def _check_analyses(include: Sequence[str], stack: Stack) -> None:
    for name in (*ROW_STATISTICS, "rollout"):
        if stack == "cross" and name in include:
            raise NotOfferedError(
                "include", f"{name} compares places of one text, and stack cross has two texts. Use encoder or decoder."
            )
