"""Models whose attention does not go through transformers' interface: run whole, asked for their attentions."""

import math
from collections.abc import Sequence
from itertools import groupby

import torch
from transformers import PreTrainedModel

from service.engine.attention import later_keys
from service.engine.collecting import MASKED
from service.engine.inputs import Inputs
from service.engine.running import Job


class EagerRunner:
    """Asks for all attentions of the eager implementation and keeps what is wanted."""

    def __init__(self, model: PreTrainedModel, inputs: Inputs, max_bytes: int, *, is_causal: bool) -> None:
        """Run `model`, a single stack; `is_causal` is what the probe found.

        Texts run together while the attentions of all layers and heads take at most `max_bytes`.
        """
        self._model = model
        self._inputs = inputs
        self._max_bytes = max_bytes
        self._is_causal = is_causal

    def run(self, jobs: Sequence[Job]) -> None:
        """Fill and finish every job's collector; texts of equal lengths run together, as padding changes bits."""
        for length, equal in groupby(sorted(jobs, key=_length), key=_length):
            left, at_once = list(equal), max(1, self._max_bytes // self._bytes(length))
            for start in range(0, len(left), at_once):
                self._run(left[start : start + at_once])

    def most_tokens(self, max_bytes: int) -> int:
        """The longest text whose attentions take at most `max_bytes`."""
        return math.isqrt(max_bytes // self._bytes(1))

    def _bytes(self, n: int) -> int:
        """What the attentions of all layers and heads take."""
        config = self._model.config
        return int(config.num_hidden_layers * config.num_attention_heads * n**2 * self._model.dtype.itemsize)

    def _run(self, jobs: Sequence[Job]) -> None:
        with torch.inference_mode():
            layers = self._model(**self._inputs.of([job.plan for job in jobs]), output_attentions=True).attentions
            for text, job in enumerate(jobs):
                n = len(job.plan.source)
                marks = {MASKED: later_keys(n, layers[0].device)} if self._is_causal else {}
                for layer, attentions in enumerate(layers):
                    heads = job.plan.wanted.heads_of(layer)
                    if heads:
                        block = {"attentions": attentions[text, list(heads), :n, :n]}
                        job.collector.record(layer, heads, block | marks)
                job.collector.finish({})


def _length(job: Job) -> int:
    return len(job.plan.source)
