"""The start-up probe of long texts: whether what is streamed of a model is what is captured of it as a whole."""

import logging

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import PreTrainedModel

from service.engine.capture import Layer, watch
from service.engine.capturing_long import heads_of, mask_of, output_of
from service.engine.heads import Head, Scratch
from service.engine.inputs import padding_token
from service.engine.probe import lengths_to_probe, tolerance_of
from service.engine.running import Map
from service.engine.sources import first_line

logger = logging.getLogger(__name__)


class _Whole:
    """Keeps the attentions of every layer, and what the model went on with."""

    def __init__(self) -> None:
        self.seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def embed(self, _module: nn.Module, _embedding: Tensor) -> None:
        pass

    def attend(self, layer: Layer) -> Float[Tensor, "b h n d_v"]:
        attentions, output = layer.eager()
        self.seen[layer.module] = attentions[0].float(), output[0].float()
        return output


class _InParts:
    """The same of what is streamed."""

    def __init__(self) -> None:
        self.seen: dict[nn.Module, tuple[Tensor, Tensor]] = {}
        self.has_matrices = False

    def embed(self, _module: nn.Module, _embedding: Tensor) -> None:
        pass

    def attend(self, layer: Layer) -> Float[Tensor, "b h n d_v"]:
        self.has_matrices |= isinstance(layer.mask, Tensor) or layer.bias is not None
        output = output_of(layer)
        rows = torch.stack([_rows(head) for head in heads_of(layer, range(layer.num_heads))])
        self.seen[layer.module] = rows, output[0].float()
        return output


def can_stream(name: str, model: PreTrainedModel, found: Map, longest: int) -> bool:
    """Whether long texts of `model` need no matrix as a whole, and are answered right; if not the log says why."""
    for length in lengths_to_probe(model, longest):
        reason = _why_not(model, found, length)
        if reason is not None:
            logger.info("model %s: whole matrices only, for texts up to MAX_TOKENS: %s", name, reason)
            return False
    return True


def _why_not(model: PreTrainedModel, found: Map, length: int) -> str | None:
    whole, parts = _Whole(), _InParts()
    text = _text(model, length)
    try:
        with torch.inference_mode():
            with watch(whole):
                model(**text)
            with watch(parts, mask_of):
                model(**text)
    except Exception as error:  # whatever a model does with a mask that is no tensor
        return f"{type(error).__name__} {first_line(error)}"
    if parts.has_matrices:
        return "the model itself makes a mask or a bias of all queries and keys"
    most = tolerance_of(model.dtype)
    for module, place in found.places.items():
        pairs = zip(whole.seen[module], parts.seen[module], strict=True)
        difference = max(float((ours - theirs).abs().max()) for theirs, ours in pairs)
        if not difference <= most:
            return f"{place.stack} layer {place.layer} differs by {difference:.1e}"
    return None


def _text(model: PreTrainedModel, length: int) -> dict[str, Tensor]:
    padding = padding_token(model)
    tokens = [token for token in range(model.config.vocab_size) if token != padding]
    generator = torch.Generator().manual_seed(1)
    chosen = torch.randint(len(tokens), (1, length), generator=generator)
    ids = torch.tensor(tokens)[chosen].to(model.device)
    return {"input_ids": ids, **({"decoder_input_ids": ids[:, :-1]} if model.config.is_encoder_decoder else {})}


def _rows(head: Head) -> Float[Tensor, "n m"]:
    queries = slice(0, head.n)
    masked = head.masked(queries)
    return head.attentions(head.scores(queries, masked, Scratch()), masked).clone()
