"""What transformers' models compute in their attention: seen through its attention interface and its mask interface.

A model that runs under `NAME` hands the queries, keys and values of each layer to the `Watcher` of the thread. Both
interfaces are needed: with the attention's alone the masks are silently lost.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.masking_utils import bidirectional_mask_function, eager_mask

from service.engine.heads import Mask

NAME = "attention-service"

MaskOf = Callable[[Callable[..., Any], int, torch.device], Mask]
"""A mask out of transformers' function of text, head, query and key, the number of keys, and the device."""

Heads = slice | list[int]


class Layer(NamedTuple):
    """One attention layer's inputs for a batch of b texts, as transformers hands them over."""

    module: nn.Module
    query: Float[Tensor, "b h n d_k"]
    key: Float[Tensor, "b groups m d_k"]
    value: Float[Tensor, "b groups m d_v"]
    mask: Float[Tensor, "b 1 n m"] | None
    """Added to the scores: 0, or the least number of its type where a query may not attend."""
    scaling: float
    softcap: float | None
    bias: Float[Tensor, "_ h n m"] | None
    """Of relative positions, as T5 has it."""
    sinks: Float[Tensor, " h"] | None
    """The score of each head's sink, as GPT-OSS has it."""
    long_mask: Mask | None = None
    """Instead of `mask`, where no matrix is to be made: see `watch`."""

    @property
    def num_heads(self) -> int:
        """h, the heads of the queries; groups of them may share keys and values."""
        return self.query.shape[1]

    def part(self, text: int, heads: Heads, n: int, m: int) -> "Layer":
        """The same for one text of n queries and m keys, which leaves the padding out, and for some heads.

        A mask that only hid the padding is gone: with one the fused kernel rounds otherwise.
        """
        groups = self.num_heads // self.key.shape[1]
        chosen = list(range(self.num_heads))[heads] if isinstance(heads, slice) else heads
        shared = heads if groups == 1 else [head // groups for head in chosen]
        bias, mask = self.bias, self.mask
        if bias is not None:
            bias = bias[text if bias.shape[0] > 1 else 0, heads, :n, :m][None]
        if mask is not None:
            mask = mask[text, :, :n, :m][None]
            mask = mask if mask.any() else None
        return self._replace(
            query=self.query[text, heads, :n][None],
            key=self.key[text, shared, :m][None],
            value=self.value[text, shared, :m][None],
            mask=mask,
            bias=bias,
            sinks=None if self.sinks is None else self.sinks[heads],
        )

    def masked(self) -> Bool[Tensor, "b 1 n m"] | None:
        """Where no query may attend to the key."""
        return None if self.mask is None else self.mask < torch.finfo(self.mask.dtype).min / 2

    def scores(self) -> Float[Tensor, "b h n m"]:
        """Softmax's argument: after scaling, soft cap and bias; -inf where masked."""
        scores = torch.matmul(self.query, self.repeat(self.key).transpose(2, 3)).mul_(self.scaling)
        if self.softcap is not None:
            scores = scores.div_(self.softcap).tanh_().mul_(self.softcap)
        if self.bias is not None:
            scores = scores.add_(self.bias)
        masked = self.masked()
        return scores if masked is None else scores.masked_fill_(masked, -torch.inf)

    def attentions(
        self, scores: Float[Tensor, "b h n m"], *, overwrite: bool = False
    ) -> tuple[Tensor, Float[Tensor, "b h n"] | None]:
        """Softmax of the scores in float32, and what the sinks take of it.

        To `overwrite` the scores saves the pages of another matrix, which take longer to get than softmax needs.
        """
        if self.sinks is None:
            if overwrite and scores.dtype is torch.float32:
                return torch.softmax(scores, dim=-1, out=scores), None
            return torch.softmax(scores, dim=-1, dtype=torch.float32), None
        sinks = self.sinks.reshape(1, -1, 1, 1).expand(*scores.shape[:3], 1)
        both = torch.softmax(torch.cat([scores, sinks.to(scores.dtype)], dim=-1), dim=-1, dtype=torch.float32)
        return both[..., :-1], both[..., -1]

    def output(self) -> Float[Tensor, "1 h n d_v"]:
        """attentions·value of one text: by the fused kernel where it can do what this layer does, else head by head."""
        if self.softcap is None and self.sinks is None:
            mask = self.mask if self.bias is None else self.bias if self.mask is None else self.bias + self.mask
            key, value = self.repeat(self.key), self.repeat(self.value)
            return F.scaled_dot_product_attention(self.query, key, value, attn_mask=mask, scale=self.scaling)
        n, m = self.query.shape[2], self.key.shape[2]
        parts = (self.part(0, [head], n, m) for head in range(self.num_heads))
        return torch.cat([part.weigh(part.attentions(part.scores())[0]) for part in parts], dim=1)

    def eager(self) -> tuple[Float[Tensor, "b h n m"], Float[Tensor, "b h n d_v"]]:
        """The attentions, and attentions·value by the eager implementation's own operations.

        It takes the least number for -inf: a padded query may have no key at all, and would make NaN of what follows.
        """
        scores = self.scores()
        attentions, _ = self.attentions(scores.clamp_(min=torch.finfo(scores.dtype).min))
        return attentions, self.weigh(attentions)

    def weigh(self, attentions: Float[Tensor, "b h n m"]) -> Float[Tensor, "b h n d_v"]:
        """attentions·value."""
        return torch.matmul(attentions.to(self.value.dtype), self.repeat(self.value))

    def repeat(self, shared: Float[Tensor, "b groups m d"]) -> Float[Tensor, "b h m d"]:
        """Keys or values for each of the heads that share them."""
        times = self.num_heads // shared.shape[1]
        return shared if times == 1 else shared.repeat_interleave(times, dim=1)


@runtime_checkable
class Watcher(Protocol):
    """Sees what runs, in its order."""

    def embed(self, module: nn.Module, embedding: Float[Tensor, "b n d_model"]) -> None:
        """Take the input of a stack's first layer, `module`."""

    def attend(self, layer: Layer) -> Float[Tensor, "b h n d_v"]:
        """attentions·value of this layer, which the model goes on with."""


class _Watching(threading.local):
    watcher: Watcher | None = None
    mask_of: MaskOf | None = None


_watching = _Watching()


@contextmanager
def watch(watcher: Watcher, mask_of: MaskOf | None = None) -> Iterator[None]:
    """Let `watcher` see what this thread's models compute under `NAME`.

    Where there is a `mask_of`, masks are what it makes of transformers' functions, as far as these need no padding.
    """
    _watching.watcher, _watching.mask_of = watcher, mask_of
    try:
        yield
    finally:
        _watching.watcher = _watching.mask_of = None


def announce_embedding(module: nn.Module) -> None:
    """Let watchers see what `module`, the first layer of a stack, gets."""

    def see(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if _watching.watcher is not None:
            _watching.watcher.embed(module, args[0] if args else kwargs["hidden_states"])

    module.register_forward_pre_hook(see, with_kwargs=True)


def _attention(  # noqa: PLR0913, PLR0917  # transformers calls it
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | Mask | None,
    scaling: float | None = None,
    softcap: float | None = None,
    position_bias: Tensor | None = None,
    s_aux: Tensor | None = None,
    **_: Any,  # noqa: ANN401  # whatever else a model hands over; the start-up probe finds out if it mattered
) -> tuple[Tensor, None]:
    """What the attention interface calls; its parameters' names are transformers'."""
    if scaling is None:
        scaling = query.shape[-1] ** -0.5
    layer = Layer(module, query, key, value, None, scaling, softcap, position_bias, s_aux)
    if isinstance(attention_mask, Mask):
        layer = layer._replace(long_mask=attention_mask)
    else:
        layer = layer._replace(mask=attention_mask)
    watcher = _watching.watcher
    output = layer.eager()[1] if watcher is None else watcher.attend(layer)
    return output.transpose(1, 2).contiguous(), None


def _mask(**told: Any) -> Tensor | Mask | None:  # noqa: ANN401  # what transformers tells
    """What the mask interface calls."""
    make, function, padding = _watching.mask_of, told["mask_function"], told.get("attention_mask")
    has_padding = padding is not None and not padding.all()
    if make is None or has_padding or told.get("use_vmap") or told.get("q_offset"):
        return eager_mask(**told)
    if function is bidirectional_mask_function:
        return None
    return make(function, told["kv_length"], torch.device(told["device"]))


AttentionInterface.register(NAME, _attention)
AttentionMaskInterface.register(NAME, _mask)
