"""Answers as lines of JSON, in the bytes that the bulk endpoint streams."""

import os
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import BinaryIO

from service.corpus.files import lock
from service.corpus.output import Output, is_problem
from service.corpus.sidecar import Counted

SAVE_SECONDS = 1.0
"""How much work a kill may cost."""


class NdjsonOutput(Output):
    """A file that grows. Its size is in bytes."""

    def __init__(self, path: Path, *, force: bool) -> None:
        """See there."""
        super().__init__(path, force=force)
        self._file: BinaryIO = BytesIO()
        self._saved = 0.0

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _open(self) -> None:
        self._file = self.path.open("ab")
        lock(self._file.fileno(), self.path)

    def _cut(self, counted: Counted) -> Counted:
        if self.path.stat().st_size < counted.size:  # someone else cut it
            counted = self._recount()
        self._file.truncate(counted.size)
        self._saved = monotonic()
        return counted

    def _recount(self) -> Counted:
        """The whole lines that are there."""
        lines = problems = size = 0
        with self.path.open("rb") as file:
            for line in file:
                if line.endswith(b"\n"):
                    lines, problems, size = lines + 1, problems + is_problem(line), size + len(line)
        return Counted(lines, problems, size)

    def _add(self, _number: int, answer: bytes) -> int:
        self._file.write(answer)
        return self.counted.size + len(answer)

    def _is_due(self) -> bool:
        return monotonic() - self._saved > SAVE_SECONDS

    def _flush(self) -> int:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._saved = monotonic()
        return self.counted.size
