"""Pieces of a corpus, as a source of Ray Data: what an actor answers at a time, and a part of the table holds."""

from collections.abc import Iterator, Sequence, Set
from functools import partial
from typing import Any

import pyarrow
from ray.data import Datasource
from ray.data.block import BlockMetadata
from ray.data.datasource import ReadTask

from service.corpus.source import Span

PIECE_LINES = 4096
PIECE_BYTES = 16 * 1024**2
"""How much one holds at most, so that it fits the memory of any process."""
SCHEMA = pyarrow.schema(
    [
        ("part", pyarrow.string()),
        ("numbers", pyarrow.list_(pyarrow.int64())),
        ("requests", pyarrow.list_(pyarrow.binary())),
    ]
)
"""A row is a piece: the name of its part, the numbers of its lines, and what these ask."""


class Pieces(Datasource):
    """The pieces of `spans` whose parts are not `done` yet; each span is read by a task of its own."""

    def __init__(self, spans: Sequence[Span], done: Set[str]) -> None:
        """Read nothing yet."""
        super().__init__()  # type: ignore[no-untyped-call]  # Ray's
        self._spans = spans
        self._done: dict[int, set[str]] = {}
        for name in done:
            self._done.setdefault(int(name.partition("-")[0]), set()).add(name)

    def __len__(self) -> int:
        """How many tasks read them."""
        return len(self._spans)

    def estimate_inmemory_data_size(self) -> None:
        """Unknown; see there."""

    def get_read_tasks(self, *_: Any, **__: Any) -> list[ReadTask]:  # noqa: ANN401  # what Ray would like to have
        """The tasks; see there."""
        unknown = BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
        return [
            ReadTask(partial(read, number, span, self._done.get(number, set())), unknown, SCHEMA)
            for number, span in enumerate(self._spans)
        ]


def read(number: int, span: Span, done: Set[str]) -> Iterator[pyarrow.Table]:
    """The pieces, a table of one row each, of the span of this `number`, but for those that are `done`."""
    for place, lines in enumerate(pieces_of(span)):
        part = f"{number:06}-{place:06}.parquet"
        if part not in done:
            numbers, requests = zip(*lines, strict=True)
            yield pyarrow.table([[part], [numbers], [requests]], schema=SCHEMA)


def pieces_of(span: Span) -> Iterator[list[tuple[int, bytes]]]:
    """The same pieces whenever they are asked for, so that they may be found done."""
    piece: list[tuple[int, bytes]] = []
    size = 0
    for number, request in span.requests():
        piece.append((number, request))
        size += len(request)
        if len(piece) >= PIECE_LINES or size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
