"""Models whose attention does not go through transformers' interface: run whole, asked for their attentions."""

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

    def __init__(self, model: PreTrainedModel, inputs: Inputs, *, is_causal: bool) -> None:
        """Run `model`, a single stack; `is_causal` is what the probe found."""
        self._model = model
        self._inputs = inputs
        self._is_causal = is_causal

    def run(self, jobs: Sequence[Job]) -> None:
        """Fill and finish every job's collector; texts of equal lengths run together, as padding changes bits."""
        for _, equal in groupby(sorted(jobs, key=_length), key=_length):
            self._run(list(equal))

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
