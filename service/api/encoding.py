"""Answers to bytes: JSON straight from arrays, and how large it will be."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import orjson
from jaxtyping import Float32

from service.engine.synthetic import SyntheticParameters

SECONDS_PER_NUMBER = 25e-9
"""What one float32 costs as JSON; measured."""

BYTES_PER_ANSWER = 2048
"""Room for all that does not grow with the text."""
BYTES_PER_TOKEN = 64
"""Room for a token, its id, offsets and sequence id; longer tokens are rare, and short beside the matrices."""


def encode_json(answer: Mapping[str, Any], decimals: int | None = None) -> bytes:
    """`answer` as JSON; float32 arrays become nested lists, -inf becomes null.

    Without `decimals` a number is the shortest text that reads back to the same float32.
    """
    if decimals is not None:
        answer = {
            name: round_decimals(value, decimals) if isinstance(value, np.ndarray) else value
            for name, value in answer.items()
        }
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def round_decimals(tensor: Float32[np.ndarray, "..."], decimals: int) -> np.ndarray:
    """`tensor` rounded in float64, where a short decimal prints as such (0.1 in float32 is 0.10000000149)."""
    return np.round(tensor.astype(np.float64), decimals) + 0.0  # + 0.0 turns -0.0 into 0.0


def count_numbers(n: int, parameters: SyntheticParameters) -> dict[str, int]:
    """How many numbers each tensor holds for n tokens."""
    d_model, heads = parameters.d_model, parameters.num_heads
    key_width, value_width = heads * parameters.d_k, heads * parameters.d_v
    return {
        "embedding": n * d_model,
        "query_weights": d_model * key_width,
        "key_weights": d_model * key_width,
        "value_weights": d_model * value_width,
        "query": n * key_width,
        "key": n * key_width,
        "value": n * value_width,
        "scores": heads * n * n,
        "attentions": heads * n * n,
        "output": n * value_width,
    }


def longest_number(tensor: str, decimals: int | None) -> int:
    """The most bytes that one number of `tensor` takes, its comma included."""
    if decimals is None:
        return len("-1234567900000000.0,")
    if tensor == "attentions":
        return len("0.,") + max(decimals, 1)
    return len("-1234567900000000.0,") + decimals


def estimate_json_bytes(n: int, parameters: SyntheticParameters, include: Collection[str], decimals: int | None) -> int:
    """An upper bound of an answer's size as JSON."""
    numbers = count_numbers(n, parameters)
    tensors = sum(numbers[name] * longest_number(name, decimals) for name in include)
    rows = (parameters.d_model + parameters.num_heads * n) * len(include)
    return BYTES_PER_ANSWER + n * BYTES_PER_TOKEN + rows * len("[],") + tensors
