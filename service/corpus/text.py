"""Files of lines, as spans of them."""

import codecs
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import orjson

from service.corpus.addresses import Stretch, stretch_of

SPAN_LINES = 64 * 1024


@dataclass(frozen=True, slots=True)
class TextSpan:
    """Lines in a row of a file."""

    place: Stretch
    fields: Mapping[str, object] | None
    """What every line is asked with, as a sentence; None = lines are requests."""
    most_bytes: int
    """The longest line that is kept whole: a longer one is cut a byte beyond, and refused for it."""
    before: int
    """How many lines of the file come before."""
    lines: int
    """How many are not blank."""

    def requests(self) -> Iterator[tuple[int, bytes]]:
        """Line numbers, from 1, and requests of the lines that are not blank.

        Raises:
            CorpusError: the file has changed.
        """
        with self.place.reading() as file:
            for number, line in islice(_lines(file, self.most_bytes, self.before), self.lines):
                yield number, line if self.fields is None else _request(line, self.fields)


def spans_of_text(
    address: str, file: BinaryIO, fields: Mapping[str, object] | None, most_bytes: int
) -> Iterator[TextSpan]:
    """All of `file`, which is that at `address`."""
    lines = _lines(file, most_bytes, 0)
    start = before = 0
    while numbers := [number for number, _ in islice(lines, SPAN_LINES)]:
        end = file.tell()
        yield TextSpan(stretch_of(address, file, start, end - start), fields, most_bytes, before, len(numbers))
        start, before = end, numbers[-1]


def _lines(file: BinaryIO, most_bytes: int, before: int) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, without their ends, and their numbers, where so many come `before`."""
    number = before
    while line := file.readline(most_bytes + len("\r\n")):
        number += 1
        rest = line
        while rest and not rest.endswith(b"\n"):  # however long it is, no more of it is held
            rest = file.readline(most_bytes)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        line = line.removesuffix(b"\n").removesuffix(b"\r")
        if line.strip() or len(line) > most_bytes:
            yield number, line


def _request(line: bytes, fields: Mapping[str, object]) -> bytes:
    try:
        sentence = line.decode()
    except UnicodeDecodeError:
        return b'{"sentence":"%b"}' % line  # no JSON, either: the answer says why, in its place
    return orjson.dumps({"sentence": sentence, **fields})
