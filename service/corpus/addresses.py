"""Files wherever fsspec reaches: paths of this machine, s3://…, gs://…, https://…."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from service.corpus.errors import CorpusError

READ_BYTES = 1024**2
"""How much is asked for at a time, which from afar takes a while."""


def absolute(address: str) -> str:
    """The same for processes that run in other folders."""
    files, path = url_to_fs(address)
    return path if isinstance(files, LocalFileSystem) else address


def suffix_of(address: str) -> str:
    """What the name of the file ends in, in small letters: .txt also of https://host/a.TXT?signature=b."""
    name = address.partition("::")[0]
    return PurePosixPath(urlsplit(name).path if name.startswith(("http://", "https://")) else name).suffix.lower()


@contextmanager
def reading(address: str) -> Iterator["io.BufferedReader[io.RawIOBase]"]:
    """The file at `address`. Files of fsspec's own have no `readline` that stops."""
    with fsspec.open(address, "rb") as raw, io.BufferedReader(cast("io.RawIOBase", raw), READ_BYTES) as file:
        yield file


def digest_of(file: BinaryIO, start: int, size: int) -> bytes:
    """SHA-256 of `size` bytes of `file` from `start`, at which it is left."""
    digest = hashlib.sha256()
    file.seek(start)
    while size and (piece := file.read(min(size, READ_BYTES))):
        digest.update(piece)
        size -= len(piece)
    file.seek(start)
    return digest.digest()


def check_same(address: str, file: BinaryIO, start: int, size: int, digest: bytes) -> None:
    """Let pass a file whose bytes there are still those of which `digest` is, and leave it at their `start`.

    Raises:
        CorpusError: it has changed, or is another on this machine.
    """
    if digest_of(file, start, size) != digest:
        raise CorpusError(f"{address} is not what it was when this run began: run the same command again")
