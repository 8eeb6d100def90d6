"""Texts as the arguments of a model's forward."""

import inspect
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from service.engine.plan import Plan

LEAST_ROWS = 16
"""Matrix products of fewer than 12 rows take other kernels, which round otherwise (measured: MKL with AVX2)."""


class Inputs(NamedTuple):
    """How a model wants its texts."""

    pad_token_id: int
    takes_token_types: bool
    device: torch.device

    def of(self, plans: Sequence[Plan]) -> dict[str, Any]:
        """The arguments for a batch of texts, padded on the right where their lengths differ.

        Of very short texts there are copies behind them, so that their rows are `LEAST_ROWS`.
        """
        plans = [*plans, *[plans[-1]] * _missing_copies(plans)]
        sources = [[*plan.source.input_ids] for plan in plans]
        inputs = self._padded("input_ids", "attention_mask", sources)
        if self.takes_token_types:
            inputs["token_type_ids"] = self._pad([plan.source.token_type_ids for plan in plans], 0)
        targets = [[*plan.target.input_ids] for plan in plans if plan.target is not None and plan.stack != "encoder"]
        if targets:
            inputs |= self._padded("decoder_input_ids", "decoder_attention_mask", targets)
        return inputs

    def _padded(self, ids: str, mask: str, rows: Sequence[Sequence[int]]) -> dict[str, Any]:
        padded = {ids: self._pad(rows, self.pad_token_id)}
        if len({len(row) for row in rows}) > 1:
            padded[mask] = self._pad([[1] * len(row) for row in rows], 0)
        return padded

    def _pad(self, rows: Sequence[Sequence[int]], filler: int) -> Int[Tensor, "b n"]:
        longest = max(map(len, rows))
        return torch.tensor([[*row, *[filler] * (longest - len(row))] for row in rows], device=self.device)


def _missing_copies(plans: Sequence[Plan]) -> int:
    longest_source = max(len(plan.source) for plan in plans)
    longest_target = max(len(plan.target or plan.source) for plan in plans)
    return max(0, math.ceil(LEAST_ROWS / min(longest_source, longest_target)) - len(plans))


def inputs_for(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Inputs:
    """How `model` wants its texts.

    GPT-2 takes token types, too, but as words of its vocabulary, and it has none of its own: `type_vocab_size` tells.
    """
    takes_token_types = (
        "token_type_ids" in tokenizer.model_input_names
        and "token_type_ids" in inspect.signature(model.forward).parameters
        and getattr(model.config, "type_vocab_size", 0) > 0
    )
    return Inputs(padding_token(model), takes_token_types, model.device)


def padding_token(model: PreTrainedModel) -> int:
    """What texts are padded with: the model's own token, or the first where it has none (old Llamas say -1)."""
    token = getattr(model.config, "pad_token_id", None)
    return token if isinstance(token, int) and 0 <= token < model.config.vocab_size else 0
