"""Files wherever fsspec reaches: paths of this machine, s3://…, gs://…, https://…."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import fsspec

READ_BYTES = 1024**2
"""How much is asked for at a time, which from afar takes a while."""


def absolute(address: str) -> str:
    """The same for processes that run in other folders."""
    return address if "://" in address or "::" in address else str(Path(address).absolute())


@contextmanager
def reading(address: str) -> Iterator["io.BufferedReader[io.RawIOBase]"]:
    """The file at `address`. Files of fsspec's own have no `readline` that stops."""
    with fsspec.open(address, "rb") as raw, io.BufferedReader(cast("io.RawIOBase", raw), READ_BYTES) as file:
        yield file
