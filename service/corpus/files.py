"""Files that survive a kill and a power cut."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from service.corpus.errors import CorpusError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that becomes `path` at the end: whatever happens, `path` is as it was or has all of the new."""
    temporary = path.with_name(path.name + ".new")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync(path.parent)


def sync(folder: Path) -> None:
    """Let what was named, renamed or removed in `folder` stay so after a power cut, too."""
    if sys.platform == "win32":
        return  # there, folders cannot be opened
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def lock(descriptor: int, path: Path) -> None:
    """Keep other processes from writing `path`, open as `descriptor`, until this one closes it or ends.

    Raises:
        CorpusError: another process does so already.
    """
    if sys.platform == "win32":
        return
    import fcntl  # noqa: PLC0415  # Windows has none

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise CorpusError(f"{path} is being written by another process: wait for it, or end it") from None
