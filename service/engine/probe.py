"""The start-up probe: proves that what is captured of a model is what its eager implementation computes."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from service.engine import capture
from service.engine.capture import watch
from service.engine.discovery import Batch, Onlooker, map_layers
from service.engine.errors import ModelLoadError
from service.engine.inputs import padding_token
from service.engine.plan import Stack
from service.engine.running import Map, Place

LENGTH, TARGET_LENGTH = 24, 9
"""Of the probe's texts, in tokens; the second text of a batch is shorter, so that there is padding."""
LONGEST_WINDOW = 256
"""Sliding windows up to this length are looked beyond."""
ROUNDINGS = 4
"""As many roundings of a model's type (eps) may lie between the eager implementation's numbers and ours, and 1e-5."""


def probe(name: str, model: PreTrainedModel, longest: int) -> Map | None:
    """Where the attention layers of `model` stand; None where they do not go through the interface.

    Raises:
        ModelLoadError: what is captured is not what the eager implementation computes.
    """
    found: Map | None = None
    for length in lengths_to_probe(model, longest):
        found = _probe(name, model, _batch(model, length))
    return found


def probe_eager(name: str, model: PreTrainedModel, longest: int) -> tuple[int, bool]:
    """How many layers a model outside the interface has, and whether it is causal.

    Raises:
        ModelLoadError: it does not tell its attentions, or they are not those of every query to every key.
    """
    batch = _batch(model, min(LENGTH, longest))
    with torch.inference_mode():
        layers = model(**batch, output_attentions=True).get("attentions") or ()
    if model.config.is_encoder_decoder or not layers or any(layer is None for layer in layers):
        raise ModelLoadError(name, "its attention goes through no interface, and it does not tell it either")
    mask = batch["attention_mask"].bool()
    n = mask.shape[1]
    for layer in layers:
        if layer.shape != (2, layer.shape[1], n, n):
            raise ModelLoadError(name, f"its attentions have the shape {tuple(layer.shape)}, not [text][head][n][n]")
        rows = layer.float().transpose(1, 2)[mask]
        if not (rows.sum(-1) - 1).abs().max() <= tolerance_of(model.dtype):
            raise ModelLoadError(name, "the rows of its attentions do not sum to 1")
        if (layer[1][:, mask[1]][..., ~mask[1]] != 0).any():
            raise ModelLoadError(name, "its attentions reach the padding")
    return len(layers), all(bool((layer[0].triu(diagonal=1) == 0).all()) for layer in layers)


def _probe(name: str, model: PreTrainedModel, batch: Batch) -> Map | None:
    onlooker = Onlooker()
    linear = [module for module in model.modules() if type(module).__name__ in {"Linear", "Conv1D"}]
    hooks = [module.register_forward_pre_hook(onlooker.look_at_input) for module in linear]
    with torch.inference_mode(), watch(onlooker):
        model(**batch)
    for hook in hooks:
        hook.remove()
    if not onlooker.seen:
        return None
    modules = [layer.module for layer in onlooker.seen]
    if len(set(modules)) < len(modules):
        raise ModelLoadError(name, "an attention layer runs more than once, so its layers cannot be told apart")
    found = map_layers(name, model, onlooker, batch)
    for layer in onlooker.seen:
        _check(name, found.places[layer.module], "outputs", layer.fused_error, model)
    _compare(name, model, batch, found, {layer.module: layer.attentions for layer in onlooker.seen})
    return found


def lengths_to_probe(model: PreTrainedModel, longest: int) -> list[int]:
    """A short text, and where there is a sliding window one that is longer than it."""
    config = model.config
    windows = [getattr(config, name, None) for name in ("sliding_window", "local_attention", "attention_window")]
    beyond = [window + LENGTH for window in windows if isinstance(window, int) and 0 < window <= LONGEST_WINDOW]
    return [min(length, longest) for length in (LENGTH, *beyond)]


def _batch(model: PreTrainedModel, length: int) -> Batch:
    """Two texts of any tokens but the padding, one of them shorter."""
    config = model.config
    generator = torch.Generator().manual_seed(0)
    padding = padding_token(model)
    vocabulary = [token for token in range(config.vocab_size) if token != padding]

    def texts(length: int) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(len(vocabulary), (2, length), generator=generator)
        mask = torch.ones_like(chosen)
        mask[1, length * 2 // 3 :] = 0
        ids = torch.tensor(vocabulary)[chosen].masked_fill(mask == 0, padding)
        return ids.to(model.device), mask.to(model.device)

    ids, mask = texts(length)
    batch = {"input_ids": ids, "attention_mask": mask}
    if config.is_encoder_decoder:
        batch["decoder_input_ids"], batch["decoder_attention_mask"] = texts(min(TARGET_LENGTH, length - 1))
    return batch


def _compare(name: str, model: PreTrainedModel, batch: Batch, found: Map, captured: dict[nn.Module, Tensor]) -> None:
    """Ask the eager implementation for the same.

    Raises:
        ModelLoadError: it computes something else, or does not tell.
    """
    expected = eager_attentions(model, batch)
    for module, place in found.places.items():
        theirs = expected.get(place.stack, ())
        if len(theirs) != sum(other.stack == place.stack for other in found.places.values()):
            raise ModelLoadError(
                name, f"{len(theirs)} layers of its {place.stack} tell their attentions, but not all of them"
            )
        ours, rows = captured[module], _rows(batch, place.stack, captured[module])
        difference = _difference(ours[rows], theirs[place.layer][rows])
        _check(name, place, "captured attentions", difference, model)


def _difference(ours: Tensor, theirs: Tensor) -> float:
    """The largest; NaN where a number is one.

    Types shorter than float32 round small attentions little, and are held to that: a lost window of 250 keys moves no
    attention by more than 0.004.
    """
    difference = (ours - theirs.float()).abs()
    if theirs.dtype != torch.float32:
        difference /= 4 * theirs.float().clamp(1 / theirs.shape[-1], 1 / 4)
    return float(difference.max())


def _check(name: str, place: Place, what: str, difference: float, model: PreTrainedModel) -> None:
    """Refuse what is more than rounding, and NaN.

    Raises:
        ModelLoadError: it is.
    """
    if not difference <= tolerance_of(model.dtype):
        raise ModelLoadError(
            name,
            f"the {what} of {place.stack} layer {place.layer} differ from the eager implementation's "
            f"by {difference:.1e}",
        )


def tolerance_of(dtype: torch.dtype) -> float:
    """How far numbers of a model of this type may be apart."""
    return max(1e-5, ROUNDINGS * torch.finfo(dtype).eps)


def eager_attentions(model: PreTrainedModel, batch: Batch) -> dict[Stack, Sequence[Tensor]]:
    """The attentions of the eager implementation, by stack."""
    model.set_attn_implementation("eager")
    with torch.inference_mode():
        answer = model(**batch, output_attentions=True)
    model.set_attn_implementation(capture.NAME)
    if model.config.is_encoder_decoder:
        return {
            "encoder": answer.encoder_attentions or (),
            "decoder": answer.decoder_attentions or (),
            "cross": answer.cross_attentions or (),
        }
    layers = [layer for layer in answer.attentions or () if layer is not None]
    return {"encoder": layers, "decoder": layers}


def _rows(batch: Batch, stack: Stack, attentions: Tensor) -> Tensor:
    """Which rows are of queries that are not padding: [text][head][query]."""
    reads_source = stack == "encoder" or "decoder_input_ids" not in batch
    mask = batch["attention_mask" if reads_source else "decoder_attention_mask"]
    return mask.bool()[:, None].expand(attentions.shape[:3])
