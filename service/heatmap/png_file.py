"""Pixels to the bytes of a PNG (W3C Portable Network Graphics, third edition), by zlib-ng's deflate.

Pillow's encoder takes several times as long, most of a picture's time. ISA-L is faster still, but now and
then gives equal pixels other bytes, and a strong ETag promises equal bytes.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import UInt8
from zlib_ng import zlib_ng

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRUECOLOR, INDEXED = 2, 3
NO_FILTER = 0
LEVEL = 1
COMPRESSED_BYTES = range(1024, 1024**2)
"""How long texts are that are compressed: shorter ones would gain little, of longer ones Pillow opens no picture."""


def encode(
    pixels: UInt8[np.ndarray, "height width *channels"],
    palette: UInt8[np.ndarray, "colors 3"] | None,
    metadata: Mapping[str, str],
    transparent: int | None = None,
) -> bytes:
    """A PNG of indexes into `palette`, or without one of red, green and blue; `metadata` becomes iTXt chunks.

    The colour with the index `transparent` is.
    """
    height, width = pixels.shape[:2]
    lines = np.empty((height, 1 + pixels.size // height), np.uint8)
    lines[:, 0] = NO_FILTER
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, TRUECOLOR if palette is None else INDEXED, 0, 0, 0)
    chunks = [_chunk(b"IHDR", header), *_texts(metadata)]
    if palette is not None:
        chunks.append(_chunk(b"PLTE", palette.tobytes()))
    if transparent is not None:
        chunks.append(_chunk(b"tRNS", b"\xff" * transparent + b"\0"))
    chunks.append(_chunk(b"IDAT", zlib_ng.compress(lines, LEVEL)))
    return b"".join([SIGNATURE, *chunks, _chunk(b"IEND", b"")])


def _texts(metadata: Mapping[str, str]) -> Iterator[bytes]:
    """Keyword, whether it is compressed and how, no language, no translated keyword, text."""
    for keyword, text in metadata.items():
        data = text.encode()
        is_long = COMPRESSED_BYTES.start <= len(data) < COMPRESSED_BYTES.stop
        told = zlib_ng.compress(data) if is_long else data
        yield _chunk(b"iTXt", keyword.encode("latin-1") + bytes((0, is_long, 0, 0, 0)) + told)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
