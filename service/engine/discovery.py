"""Finding a model's attention layers by watching it run.

Nothing here goes by names: modules are told apart by the order in which they run and by the lengths that they see.
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from service.engine.capture import Layer
from service.engine.errors import ModelLoadError
from service.engine.plan import Stack
from service.engine.running import Map, Place

Batch = dict[str, Tensor]
"""The arguments of a model's forward; a target is shorter than its source."""


class Seen(NamedTuple):
    """One attention layer of a run."""

    module: nn.Module
    widths: tuple[int, int]
    """d_k, d_v."""
    groups: int
    sinks: bool
    attentions: Float[Tensor, "b h n m"]
    output: Float[Tensor, "b n width"]
    fused_error: float
    """How far what requests go on with is from `output`, as a share of the largest value."""


class Onlooker:
    """A watcher that keeps every layer's attentions, and notes which linear layer gets attentions·value."""

    def __init__(self) -> None:
        """Nothing is seen yet."""
        self.seen: list[Seen] = []
        self.projections: dict[nn.Module, nn.Module] = {}

    def embed(self, module: nn.Module, embedding: Float[Tensor, "b n d_model"]) -> None:
        """Embeddings are of no interest here."""

    def attend(self, layer: Layer) -> Float[Tensor, "b h n d_v"]:
        """Keep the layer's attentions, and go on with what the eager implementation would make of them."""
        attentions, output = layer.eager()
        first = layer.part(0, slice(None), *attentions.shape[2:])
        self.seen.append(
            Seen(
                module=layer.module,
                widths=(layer.query.shape[3], layer.value.shape[3]),
                groups=layer.key.shape[1],
                sinks=layer.sinks is not None,
                attentions=attentions,
                output=output.transpose(1, 2).flatten(2),
                fused_error=float((first.output() - output[:1]).abs().max() / layer.value.abs().max()),
            )
        )
        return output

    def look_at_input(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """The linear layer that gets the last attention's output is W_O."""
        if self.seen and args and torch.equal(args[0], self.seen[-1].output):
            self.projections.setdefault(self.seen[-1].module, module)


def map_layers(name: str, model: PreTrainedModel, onlooker: Onlooker, batch: Batch) -> Map:
    """Where the layers stand that `onlooker` saw.

    Raises:
        ModelLoadError: they differ in heads or widths.
    """
    places: dict[nn.Module, Place] = {}
    embedders: dict[nn.Module, Stack] = {}
    counts: dict[Stack, int] = {}
    names = {module: module_name for module_name, module in model.named_modules()}
    for order, layer in enumerate(onlooker.seen):
        stack = _stack_of(model, onlooker.seen[0] if not model.config.is_encoder_decoder else layer, batch)
        number = counts.get(stack, 0)
        counts[stack] = number + 1
        weights = _by_head(onlooker.projections.get(layer.module), layer.attentions.shape[1])
        places[layer.module] = Place(stack, number, order, weights)
        if number == 0 and stack != "cross":
            embedders[model.get_submodule(_layer_name(names[layer.module]))] = stack
    first = onlooker.seen[0]
    for seen in onlooker.seen:
        if seen[1:4] != first[1:4] or seen.attentions.shape[1] != first.attentions.shape[1]:
            raise ModelLoadError(name, "its layers differ in heads or widths, which answers have no words for")
    return Map(
        num_heads=first.attentions.shape[1],
        widths=(model.config.hidden_size, *first.widths),
        groups=first.groups,
        has_sinks=first.sinks,
        places=places,
        embedders=embedders,
    )


def _stack_of(model: PreTrainedModel, layer: Seen, batch: Batch) -> Stack:
    """By the lengths that it sees: the probe's target is shorter than its source."""
    queries, keys = layer.attentions.shape[2:]
    if not model.config.is_encoder_decoder:
        is_causal = bool((layer.attentions[0].triu(diagonal=1) == 0).all())
        return "decoder" if is_causal else "encoder"
    if queries == batch["input_ids"].shape[1]:
        return "encoder"
    return "decoder" if keys == queries else "cross"


def _layer_name(attention: str) -> str:
    """The name of the layer that an attention module is part of: up to the layer's number."""
    parts = attention.split(".")
    number = next(index for index, part in enumerate(parts) if part.isdigit())
    return ".".join(parts[: number + 1])


def _by_head(projection: nn.Module | None, num_heads: int) -> Float[Tensor, "h d_v d_model"] | None:
    """W_O of each head. GPT-2's Conv1D keeps its weights the other way round."""
    if projection is None:
        return None
    weight = projection.get_parameter("weight").detach()
    if type(projection).__name__ != "Conv1D":
        weight = weight.T
    return weight.reshape(num_heads, -1, weight.shape[1])
