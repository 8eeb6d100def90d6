"""A folder of Parquet tables, wherever fsspec reaches, which many processes write: a part each piece of the input."""

import os
import re
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from uuid import uuid4

import orjson
import pyarrow
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from pyarrow import parquet

from service.corpus.columns import COMPRESSION
from service.corpus.errors import CorpusError
from service.corpus.files import sync
from service.corpus.sidecar import Counted, Run, already_there, is_same

PROGRESS = "_progress.json"
"""There from a run's first moment until all parts are. What reads folders of tables passes over such names."""
PART = re.compile(r"\d{6,}-\d{6,}\.parquet")
LEFT = re.compile(r".*\.[0-9a-f]{32}\.new")
"""What a process that was killed had begun to write."""


class Parts:
    """The folder at `address`. A part is there whole or not at all, and the same whoever wrote it."""

    def __init__(self, address: str) -> None:
        """Look at nothing yet.

        Raises:
            CorpusError: it is no address that fsspec knows.
        """
        self.address = address
        try:
            self._files, root = url_to_fs(address)
        except (ImportError, ValueError) as error:
            raise CorpusError(f"cannot write {address}: {error}") from None
        self._root = root.rstrip("/")

    def check(self, *, force: bool) -> None:
        """Let pass what may be begun, or gone on with.

        Raises:
            CorpusError: there is a file, what is no part or, without `force`, a whole table.
        """
        if self._files.isfile(self._root):
            raise CorpusError(f"{self.address} is a file: name a folder for the parts of the table")
        names = self._names()
        others = sorted(name for name in names if name.endswith(".parquet") and not PART.fullmatch(name))
        if others:
            raise CorpusError(f"{self.address} has other tables in it, such as {others[0]}: name another folder")
        if PROGRESS not in names and any(map(PART.fullmatch, names)) and not force:
            raise already_there(self.address)

    def begin(self, run: Run, *, force: bool) -> set[str]:
        """The names of the parts that are there of `run`. With `force`, those of another run are removed.

        Raises:
            CorpusError: another run has begun the table.
        """
        names = self._names()
        there = {name for name in names if PART.fullmatch(name)}
        if PROGRESS in names and is_same(self._begun(), run, self.address, force=force):
            return there
        self._files.makedirs(self._root, exist_ok=True)
        self._note({})  # until no part of another run is left, the table is nobody's
        for name in there:
            self._files.rm_file(self._path(name))
        self._note(run)
        return set()

    @contextmanager
    def writing(self, name: str, schema: pyarrow.Schema) -> Iterator[parquet.ParquetWriter]:
        """What writes the part `name`, a row group at a time; the part is there once that is done."""
        with self._replacing(name) as file, parquet.ParquetWriter(file, schema, compression=COMPRESSION) as writer:
            yield writer

    def count(self, names: Collection[str]) -> Counted:
        """How much is in these parts."""
        with ThreadPoolExecutor() as threads:
            counted = list(threads.map(self._count, names))
        return Counted(sum(lines for lines, _ in counted), sum(problems for _, problems in counted), len(names))

    def finish(self, count: int) -> None:
        """The table is whole, with so many parts.

        Raises:
            CorpusError: some of them are not there.
        """
        names = self._names()
        there = sum(1 for name in names if PART.fullmatch(name))
        if there != count:
            raise CorpusError(
                f"{self.address} has {there:,} of {count:,} parts: name a folder that all nodes share, and run again"
            )
        for name in names:
            if LEFT.fullmatch(name) or name == PROGRESS:
                with suppress(FileNotFoundError):  # the same command, given twice, was quicker
                    self._files.rm_file(self._path(name))
        self._sync()

    def _begun(self) -> Run:
        """The run that began the table."""
        try:
            found: Run = orjson.loads(self._files.cat_file(self._path(PROGRESS)))
        except orjson.JSONDecodeError:
            return {}
        return found

    def _note(self, run: Run) -> None:
        with self._replacing(PROGRESS) as file:
            file.write(orjson.dumps(run, option=orjson.OPT_INDENT_2))

    @contextmanager
    def _replacing(self, name: str) -> Iterator[BinaryIO]:
        """A file to write that becomes `name` at the end, whole."""
        temporary = self._path(f"{name}.{uuid4().hex}.new")
        try:
            with self._files.open(temporary, "wb") as file:
                yield file
                if self._is_local:
                    file.flush()
                    os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                self._files.rm_file(temporary)
            raise
        self._files.mv(temporary, self._path(name))
        self._sync()

    def _count(self, name: str) -> tuple[int, int]:
        with self._files.open(self._path(name), "rb") as file:
            metadata = parquet.read_metadata(file)
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        # `problem` is the last column
        problems = (group.num_rows - group.column(metadata.num_columns - 1).statistics.null_count for group in groups)
        return metadata.num_rows, sum(problems)

    def _names(self) -> set[str]:
        self._files.invalidate_cache()
        try:
            paths = self._files.ls(self._root, detail=False)
        except FileNotFoundError:
            return set()
        # some stores list a folder in itself
        return {PurePosixPath(path).name for path in paths if path.rstrip("/") != self._root}

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}"

    @property
    def _is_local(self) -> bool:
        return isinstance(self._files, LocalFileSystem)

    def _sync(self) -> None:
        if self._is_local:
            sync(Path(self._root))
