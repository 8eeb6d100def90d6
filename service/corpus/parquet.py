"""Answers as a Parquet table, which grows by row groups."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow
from pyarrow import parquet
from pydantic import BaseModel

from service.corpus.columns import COMPRESSION, schema_of
from service.corpus.files import lock, replacing, sync
from service.corpus.output import Output
from service.corpus.row_group import RowGroup
from service.corpus.sidecar import Counted, Run

PART = re.compile(r"\d{5,}\.parquet(\.new)?")


class ParquetOutput(Output):
    """Row groups, each a file of its own until all are there. Its size is in such parts."""

    def __init__(self, path: Path, *, force: bool, answer: type[BaseModel]) -> None:
        """`answer` describes what is written."""
        super().__init__(path, force=force)
        self._answer = answer
        self._schema = pyarrow.schema([])
        self._parts = path.with_name(path.name + ".parts")
        self._descriptor: int | None = None
        self._next = RowGroup(self._schema)

    def begin(self, run: Run, members: Sequence[str] | None) -> None:
        """Go on, or begin; see there. The table has columns for these `members`, or for all that there are."""
        self._schema = schema_of(self._answer, members, run)
        self._next = RowGroup(self._schema)
        super().begin(run, members)

    def finish(self) -> None:
        """Save, and make one file of the parts."""
        self.save()
        with replacing(self.path) as file, parquet.ParquetWriter(file, self._schema, compression=COMPRESSION) as writer:
            for number in range(self.counted.size):
                writer.write_table(parquet.read_table(self._part(number)))
        self._sidecar.remove()
        self._remove_parts(0)
        self._parts.rmdir()

    def close(self) -> None:
        """Release the folder of the parts."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        self._parts.mkdir(exist_ok=True)
        self._descriptor = os.open(self._parts, os.O_RDONLY)
        lock(self._descriptor, self.path)

    def _cut(self, counted: Counted) -> Counted:
        if not all(self._part(number).exists() for number in range(counted.size)):  # someone else removed one
            counted = Counted()
        self._remove_parts(counted.size)
        return counted

    def _add(self, number: int, answer: bytes) -> int:
        self._next.add(number, answer)
        return self.counted.size

    def _is_due(self) -> bool:
        return self._next.is_full

    def _flush(self) -> int:
        if not self._next:
            return self.counted.size
        with replacing(self._part(self.counted.size)) as file:
            parquet.write_table(self._next.take(), file, compression=COMPRESSION)
        return self.counted.size + 1

    def _part(self, number: int) -> Path:
        return self._parts / f"{number:05}.parquet"

    def _remove_parts(self, first: int) -> None:
        """Remove the parts from number `first` on."""
        for file in self._parts.iterdir():
            if PART.fullmatch(file.name) and (file.suffix == ".new" or int(file.stem) >= first):
                file.unlink()
        sync(self._parts)
