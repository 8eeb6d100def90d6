"""Answers that need no parsing: safetensors and npy, as buffers that are sent as they lie in memory."""

import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np

from service.api.encoding import Buffers

ALIGNMENT = 8
DTYPES = {"float32": "F32", "float16": "F16", "uint8": "U8", "int32": "I32"}
"""What safetensors calls numpy's types."""


def encode_safetensors(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Buffers:
    """A file of `tensors` by name, with `metadata` (https://github.com/huggingface/safetensors, format).

    The safetensors package itself writes into one new string of bytes: a second copy of everything.
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    position = 0
    for name, tensor in tensors.items():
        end = position + tensor.nbytes
        header[name] = {
            "dtype": DTYPES[tensor.dtype.name],
            "shape": list(tensor.shape),
            "data_offsets": [position, end],
        }
        position = end
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    return [len(text).to_bytes(8, "little"), text, *map(_bytes_of, tensors.values())]


def encode_npy(tensor: np.ndarray) -> Buffers:
    """A file that `numpy.load` reads."""
    header = BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(np.ascontiguousarray(tensor)))
    return [header.getvalue(), _bytes_of(tensor)]


def _bytes_of(tensor: np.ndarray) -> memoryview:
    """Its numbers, little-endian and row by row."""
    plain = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
    return plain.reshape(-1).view(np.uint8).data
