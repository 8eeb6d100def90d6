"""Answers to bytes: JSON straight from arrays, and how large it will be."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import prod
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import orjson
from jaxtyping import Float32

from service.api.attention_request import AttentionForm
from service.engine.collecting import Array
from service.engine.shapes import STATISTICS, Dimensions

SECONDS_PER_BYTE: dict[AttentionForm, float] = {"json": 1.3e-9, "safetensors": 2e-12, "npy": 2e-12}
"""What a byte of the estimate costs: 25 ns for a float32 as JSON, measured; the others are sent as they are."""
SECONDS_PER_QUANTIZED_BYTE = 5e-9
"""What a byte of a float32 costs that is sent in fewer bits; measured 7 to 35 ns for all four."""
BLOCK = 8192
"""The most numbers that are written at once; measured 0.2 ms."""
SECONDS_PER_TOKEN = 2e-7
"""What a token's id, offsets and flags cost as JSON."""
SECONDS_PER_CHARACTER = 6e-8
"""What counting a sentence's code points in UTF-16 costs, where a request asks for such offsets; measured."""

BYTES_PER_ANSWER = 2048
"""Room for all that does not grow with the text."""
BYTES_PER_TOKEN = 64
"""Room for a token, its id, offsets and sequence id; longer tokens are rare, and short beside the matrices."""
BYTES_PER_WORD = len('{"text":"","start":1000000,"end":1000000,"token_indices":[65535]},')
"""Room for a word beside its text, or for one more token of it."""
BYTES_PER_CHARACTER = len(r"\u0000")
"""The most that a code point takes."""


Buffers = Sequence[bytes | memoryview]
"""What is sent, one after the other: a large tensor is not copied to become part of it."""


class Encoded(NamedTuple):
    """An answer ready to be sent."""

    buffers: Buffers
    headers: Mapping[str, str] = MappingProxyType({})
    """What must be told beside it."""


def encode_json(
    members: Mapping[str, Any], tensors: Mapping[str, Array], decimals: int | None = None
) -> Iterator[bytes | memoryview]:
    """`members`, of which there are some, and `tensors` as one JSON object: nested lists, -inf and NaN become null.

    Without `decimals` a number is the shortest text that reads back to the same float32. It is written in pieces of at
    most `BLOCK` numbers: the encoder lets no other thread run until it is done with one.
    """
    if "statistics" in tensors:
        members = {**members, "statistics": named_statistics(tensors["statistics"], decimals)}
        tensors = {name: tensor for name, tensor in tensors.items() if name != "statistics"}
    if decimals is None and all(tensor.size <= BLOCK for tensor in tensors.values()):
        yield dumps({**members, **tensors})
        return
    yield dumps(members)[:-1]
    for name, tensor in tensors.items():
        yield b"," + dumps(name) + b":"
        yield from _encode_array(tensor, decimals)
    yield b"}"


def _encode_array(array: np.ndarray, decimals: int | None) -> Iterator[bytes | memoryview]:
    if array.size <= BLOCK or array.ndim == 1:
        yield dumps(array if decimals is None else round_decimals(array, decimals))
        return
    rows = max(1, BLOCK * len(array) // array.size)
    for start in range(0, len(array), rows):
        yield b"," if start else b"["
        if rows == 1:
            yield from _encode_array(array[start], decimals)
        else:
            [block] = _encode_array(array[start : start + rows], decimals)
            yield memoryview(block)[1:-1]
    yield b"]"


def dumps(value: object) -> bytes:
    """What is small, as JSON."""
    return orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY)


def round_decimals(tensor: Array, decimals: int) -> np.ndarray:
    """`tensor` rounded in float64, where a short decimal prints as such (0.1 in float32 is 0.10000000149)."""
    if tensor.dtype.kind == "i":
        return tensor
    return np.round(tensor.astype(np.float64), decimals) + 0.0  # + 0.0 turns -0.0 into 0.0


def longest_number(tensor: str, decimals: int | None) -> int:
    """The most bytes that one number of `tensor` takes, its comma and, for a statistic, its name included."""
    name = len('"previous":') if tensor == "statistics" else 0
    if tensor == "indices":
        return len("16777215,")
    if decimals is None:
        return name + len("-1234567900000000.0,")
    if tensor in {"attentions", "rollout"}:
        return name + len("0.,") + max(decimals, 1)
    return name + len("-1234567900000000.0,") + decimals


@lru_cache(maxsize=1024)
def estimate_json_bytes(n: int, size: Dimensions, include: tuple[str, ...], decimals: int | None) -> int:
    """An upper bound of the size as JSON of an answer about n tokens whose tensors are of this size."""
    total = BYTES_PER_ANSWER + n * BYTES_PER_TOKEN
    for name in include:
        *outer, last = size.shape(name)
        total += prod(outer) * (last * longest_number(name, decimals) + len("[],"))
    return total


def named_statistics(
    tensor: Float32[np.ndarray, "layers heads 8"], decimals: int | None
) -> list[list[dict[str, np.float32]]]:
    """`statistics` as an answer has them: an object for each head."""
    numbers = tensor if decimals is None else round_decimals(tensor, decimals)
    return [[dict(zip(STATISTICS, head, strict=True)) for head in layer] for layer in numbers]
