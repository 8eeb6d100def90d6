"""Answers on their way to a row group of a Parquet table: a row for each line, with the numbers of its JSON."""

import orjson
import pyarrow

from service.corpus.output import is_problem

PART_LINES = 8192
PART_BYTES = 16 * 1024**2
"""How much JSON becomes one row group: as much is held in memory."""
BATCH_LINES = 64
"""How many are Python's objects at a time, which take ten times as much memory."""


class RowGroup:
    """The answers that become the next row group."""

    def __init__(self, schema: pyarrow.Schema) -> None:
        """None, so far, of the answers with the columns of `schema`."""
        self._schema = schema
        self._rows: list[tuple[int, bytes]] = []
        self._bytes = 0

    def __len__(self) -> int:
        """How many there are."""
        return len(self._rows)

    def add(self, number: int, answer: bytes) -> None:
        """Take the `answer`, a line of JSON, to the input's line `number`."""
        self._rows.append((number, answer))
        self._bytes += len(answer)

    @property
    def is_full(self) -> bool:
        """Whether it is time to write."""
        return len(self._rows) >= PART_LINES or self._bytes >= PART_BYTES

    def take(self) -> pyarrow.Table:
        """All of them, as rows; none is left."""
        batches = map(self._batch, range(0, len(self._rows), BATCH_LINES))
        table = pyarrow.Table.from_batches(batches, self._schema)
        self._rows.clear()
        self._bytes = 0
        return table

    def _batch(self, start: int) -> pyarrow.RecordBatch:
        lines = self._rows[start : start + BATCH_LINES]
        return pyarrow.RecordBatch.from_pylist([_row(*line) for line in lines], self._schema)


def _row(number: int, answer: bytes) -> dict[str, object]:
    members = orjson.loads(answer)
    if is_problem(answer):
        return {"line": number, "id": members.get("id"), "problem": members["detail"]}
    return {"line": number, **members}
