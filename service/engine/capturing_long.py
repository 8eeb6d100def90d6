"""Long texts of pretrained models: their heads are captured without a matrix of n × m numbers, not even a mask."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from transformers.masking_utils import causal_mask_function

from service.engine.capture import Layer
from service.engine.heads import CausalMask, Head, Mask, Masked, Scratch
from service.engine.streaming import blocks


@dataclass(frozen=True, slots=True)
class FunctionMask:
    """A mask as transformers tells it: by a function of text, head, query and key."""

    allows: Callable[..., Any]
    m: int
    device: torch.device

    def reach(self, _queries: slice) -> int:
        """All keys: a function does not say more."""
        return self.m

    def of(self, queries: slice) -> Masked:
        """What the function does not allow."""
        first = torch.zeros((), dtype=torch.int64, device=self.device)
        rows = torch.arange(queries.start, queries.stop, device=self.device)[:, None]
        allowed = self.allows(first, first, rows, torch.arange(self.m, device=self.device)[None])
        return Masked(0, ~allowed.expand(len(rows), self.m))


def mask_of(function: Callable[..., Any], m: int, device: torch.device) -> Mask:
    """The mask that transformers means by `function`."""
    is_causal = function == causal_mask_function
    return CausalMask(device) if is_causal else FunctionMask(function, m, device)


def heads_of(layer: Layer, heads: Sequence[int]) -> list[Head]:
    """Some heads of a layer's only text; where they are not all the others' numbers are not kept."""
    group = layer.num_heads // layer.key.shape[1]
    query, key, value = layer.query[0], layer.key[0], layer.value[0]
    chosen = [*heads]
    if len(chosen) < layer.num_heads:
        shared = [head // group for head in chosen]
        query, key, value, group = query[chosen], key[shared], value[shared], 1
    return [
        Head(
            query[place],
            key[place // group],
            value[place // group],
            layer.scaling,
            layer.long_mask,
            layer.softcap,
            sink=None if layer.sinks is None else layer.sinks[head].detach(),
        )
        for place, head in enumerate(chosen)
    ]


def output_of(layer: Layer) -> Float[Tensor, "1 h n d_v"]:
    """attentions·value of a layer's only text: by the fused kernel where it can do what this layer does."""
    if layer.softcap is not None or layer.sinks is not None:
        heads = heads_of(layer, range(layer.num_heads))
        return torch.stack([_weighed(head) for head in heads])[None].to(layer.value.dtype)
    query, key, value = (tensor[:1] for tensor in (layer.query, layer.repeat(layer.key), layer.repeat(layer.value)))
    if layer.long_mask is None or isinstance(layer.long_mask, CausalMask):
        is_causal = layer.long_mask is not None
        return F.scaled_dot_product_attention(query, key, value, is_causal=is_causal, scale=layer.scaling)
    parts = []
    for queries in blocks(slice(0, query.shape[2]), key.shape[2]):
        masked = layer.long_mask.of(queries)
        allowed = None if masked is None else ~masked.cells
        part = query[:, :, queries]
        parts.append(F.scaled_dot_product_attention(part, key, value, attn_mask=allowed, scale=layer.scaling))
    return torch.cat(parts, dim=2)


def _weighed(head: Head) -> Float[Tensor, "n d_v"]:
    scratch, value = Scratch(), head.value.float()
    parts = []
    for queries in blocks(slice(0, head.n), head.m):
        masked = head.masked(queries)
        attentions = head.attentions(head.scores(queries, masked, scratch), masked)
        parts.append(attentions @ value[: attentions.shape[1]])
    return torch.cat(parts)
