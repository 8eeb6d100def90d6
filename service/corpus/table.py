"""Parquet tables of requests: a row group is a span, a column a field."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import orjson
import pyarrow
from pyarrow import parquet, types

from service.corpus.addresses import READ_BYTES, Stretch, stretch_of
from service.corpus.errors import CorpusError

BATCH_ROWS = 256
"""How many are Python's objects at a time."""


@dataclass(frozen=True, slots=True)
class TableSpan:
    """A row group of a table."""

    place: Stretch
    fields: Mapping[str, object]
    """What every row is asked with beside its columns."""
    row_group: int
    before: int
    """How many rows of the table come before."""
    lines: int
    """How many rows it has."""

    def requests(self) -> Iterator[tuple[int, bytes]]:
        """Numbers of rows, from 1, and requests; what is null was not given.

        Raises:
            CorpusError: the file has changed.
        """
        number = self.before
        with self.place.reading() as file:
            table = parquet.ParquetFile(file, buffer_size=READ_BYTES)
            for batch in table.iter_batches(BATCH_ROWS, row_groups=[self.row_group]):
                for place in range(batch.num_rows):
                    number += 1
                    yield number, self._request(batch.slice(place, 1))

    def _request(self, row: pyarrow.RecordBatch) -> bytes:
        try:
            [given] = row.to_pylist()
        except UnicodeDecodeError:
            return b'"\xff"'  # no JSON, either: the answer says why, in its place
        return orjson.dumps({**{name: value for name, value in given.items() if value is not None}, **self.fields})


def spans_of_table(
    address: str, file: BinaryIO, fields: Mapping[str, object], names: Collection[str]
) -> tuple[list[TableSpan], bool]:
    """All of `file`, which is that at `address`, and whether rows have more than a sentence.

    Raises:
        CorpusError: a column is of no field that `names` has, is asked with already, or holds what no field is.
    """
    table = parquet.ParquetFile(file)
    for column in table.schema_arrow:
        if column.name not in names:
            raise CorpusError(
                f"{address}: column {column.name} is no field of a request: drop it, or name it as one of "
                f"{', '.join(names)}"
            )
        if column.name in fields:
            flag = column.name.replace("_", "-")
            raise CorpusError(f"{address}: a column holds {column.name}; leave out --{flag}, or drop the column")
        if not _is_of_fields(column.type):
            raise CorpusError(
                f"{address}: column {column.name} is {column.type}: make it texts, numbers, or lists of them"
            )
    spans, before = [], 0
    for group in range(table.num_row_groups):
        rows = table.metadata.row_group(group)
        place = stretch_of(address, file, *_place(rows))
        spans.append(TableSpan(place, fields, group, before, rows.num_rows))
        before += rows.num_rows
    return spans, table.schema_arrow.names != ["sentence"]


def _place(rows: parquet.RowGroupMetaData) -> tuple[int, int]:
    """The first byte of a row group, and how many it has."""
    columns = list(map(rows.column, range(rows.num_columns)))
    start = min(column.dictionary_page_offset or column.data_page_offset for column in columns)
    return start, sum(column.total_compressed_size for column in columns)


def _is_of_fields(kind: pyarrow.DataType) -> bool:
    """Whether values of this type are those that JSON's texts, numbers, truths and lists become."""
    if types.is_dictionary(kind):
        return _is_of_fields(kind.value_type)
    if types.is_list(kind) or types.is_large_list(kind):
        return _is_of_fields(kind.value_type)
    tests = (
        types.is_string,
        types.is_large_string,
        types.is_integer,
        types.is_floating,
        types.is_boolean,
        types.is_null,
    )
    return any(test(kind) for test in tests)
