"""Files wherever fsspec reaches: paths of this machine, s3://…, gs://…, https://…."""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some bytes of the file at `address`, as they were when it was read through."""

    address: str
    start: int
    size: int
    digest: bytes
    """SHA-256 of them."""

    @contextmanager
    def reading(self) -> Iterator["io.BufferedReader[io.RawIOBase]"]:
        """The file, at the start of the stretch.

        Raises:
            CorpusError: the bytes have changed, or are others on this machine.
        """
        with reading(self.address) as file:
            if _digest(file, self.start, self.size) != self.digest:
                raise CorpusError(f"{self.address} is not what it was when this run began: run the same command again")
            file.seek(self.start)
            yield file


def stretch_of(address: str, file: BinaryIO, start: int, size: int) -> Stretch:
    """`size` bytes from `start` of `file`, which is that at `address`, and is left at their end."""
    return Stretch(address, start, size, _digest(file, start, size))


def _digest(file: BinaryIO, start: int, size: int) -> bytes:
    digest = hashlib.sha256()
    file.seek(start)
    while size and (piece := file.read(min(size, READ_BYTES))):
        digest.update(piece)
        size -= len(piece)
    return digest.digest()
