"""What the answers of /tokenize and /attention are made of, in every form."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import orjson

from service.api import questions
from service.api.attention_request import AttentionForm, AttentionRequest
from service.api.binary import encode_npy, encode_safetensors
from service.api.encoding import Encoded, dumps, encode_json
from service.api.quantizing import quantize_all
from service.api.requests import TokenizeRequest
from service.engine.cutting import INDICES
from service.engine.models import Model
from service.engine.plan import Attention, Plan
from service.engine.shapes import STATISTICS
from service.engine.tokens import OffsetUnit, Tokens, utf16_positions
from service.engine.words import Word


def encode_tokens(request: TokenizeRequest, tokens: Tokens) -> Encoded:
    """The answer of /tokenize."""
    members = {
        "model": request.model,
        **_token_members(tokens, request.offset_unit),
        "word_ids": tokens.word_ids,
        "token_type_ids": tokens.token_type_ids,
        "special_tokens_mask": tokens.special_tokens_mask,
    }
    return Encoded([dumps(members)])


def encode_attention(
    request: AttentionRequest, model: Model, plan: Plan, attention: Attention, form: AttentionForm
) -> Encoded:
    """The answer of /attention: tensors, and what they are of.

    Raises:
        NotOfferedError: a number is beyond the reach of float16, which was asked for.
    """
    if form == "json":
        return Encoded(list(attention_pieces(request, model, plan, attention)))
    tensors, quantization = attention.tensors, None
    if request.quantize is not None:
        tensors, quantization = quantize_all(tensors, request.quantize)
    told = {} if quantization is None else {"quantization": orjson.dumps(quantization).decode()}
    if form == "npy":
        headers = {f"X-{name.title()}": text for name, text in told.items()}
        return Encoded(encode_npy(_records(tensors) if INDICES in tensors else tensors["attentions"]), headers)
    if "statistics" in tensors:
        told["statistics"] = ",".join(STATISTICS)
    response = dumps(_members(request, model, plan, attention)).decode()
    return Encoded(encode_safetensors(tensors, {"response": response, **told}))


def _records(tensors: Mapping[str, np.ndarray]) -> np.ndarray:
    """`indices` and `attentions` of the strongest keys as one array, which is what a file of npy holds."""
    indices, attentions = tensors[INDICES], tensors["attentions"]
    records = np.empty(indices.shape, [(INDICES, indices.dtype), ("attentions", attentions.dtype)])
    records[INDICES], records["attentions"] = indices, attentions
    return records


def attention_pieces(
    request: AttentionRequest, model: Model, plan: Plan, attention: Attention
) -> Iterator[bytes | memoryview]:
    """The answer of /attention as JSON, piece by piece; nothing is done before the first is asked for."""
    yield from encode_json(_members(request, model, plan, attention), attention.tensors, request.decimals)


def _members(request: AttentionRequest, model: Model, plan: Plan, attention: Attention) -> dict[str, object]:
    return {
        "model": request.model,
        "parameters": orjson.Fragment(questions.encode_parameters(request, model, plan)),
        **_token_members(plan.source, request.offset_unit),
        **_other_members(plan, attention, request.offset_unit),
        "layers": list(attention.layers),
        "heads": list(attention.heads),
    }


def _token_members(tokens: Tokens, unit: OffsetUnit) -> dict[str, object]:
    return {
        "tokens": tokens.tokens,
        "input_ids": tokens.input_ids,
        "offsets": tokens.offsets_in(unit),
        "sequence_ids": tokens.sequence_ids,
    }


def _other_members(plan: Plan, attention: Attention, unit: OffsetUnit) -> dict[str, object]:
    """What only some answers have: the tokens of a decoder, words."""
    members: dict[str, object] = {}
    if plan.target is not None and plan.stack != "encoder":
        members |= {"query_tokens": plan.queries.tokens, "key_tokens": plan.keys.tokens}
    if attention.words is not None:
        members["words"] = _words(attention.words, plan.keys, unit)
        if attention.query_words is not attention.words:
            members["query_words"] = _words(attention.query_words or (), plan.queries, unit)
    return members


def _words(words: Sequence[Word], tokens: Tokens, unit: OffsetUnit) -> list[dict[str, object]]:
    if unit == "codepoint":
        return [word._asdict() for word in words]
    units = [utf16_positions(sentence) for sentence in tokens.sentences]
    described = []
    for word in words:
        positions = units[tokens.sequence_ids[word.token_indices[0]] or 0]
        places = {
            name: None if place is None else positions[place]
            for name, place in (("start", word.start), ("end", word.end))
        }
        described.append(word._asdict() | places)
    return described
