"""The input: a file of sentences or of requests, read as a stream, as the lines that the bulk endpoint takes."""

import codecs
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import orjson

from service.corpus.errors import CorpusError

SENTENCES = {".txt"}
"""Files of a sentence a line."""
REQUESTS = {".ndjson", ".jsonl"}
"""Files of a request object a line."""
ANY_SENTENCE = "a"
"""It has one token, whatever the model: to try fields with."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that has been read through once: how much it holds is known, and that it can be read."""

    path: Path
    fields: Mapping[str, object] | None
    """What every sentence is asked with; None = lines are requests, with fields of their own."""
    most_bytes: int
    """The longest line that is kept whole: a longer one is cut a byte beyond, and refused for it."""
    lines: int
    """How many are not blank."""
    digest: str
    """SHA-256 of the file, as hexadecimal."""

    def requests(self, skip: int) -> Iterator[tuple[int, bytes]]:
        """Line numbers, from 1, and requests of the lines that are not blank, but for the first `skip` of these."""
        with self.path.open("rb") as file:
            for number, line in _lines(file, self.most_bytes):
                if skip:
                    skip -= 1
                else:
                    yield number, line if self.fields is None else _request(line, self.fields)


def open_source(path: Path, fields: Mapping[str, object], most_bytes: int) -> Source:
    """The input at `path`; `fields` are those that every sentence in it is asked with.

    Raises:
        CorpusError: it is of no kind that is known, cannot be read, or its lines have fields of their own.
    """
    suffix = path.suffix.lower()
    if suffix not in SENTENCES | REQUESTS:
        raise CorpusError(f"{path}: name a .txt of sentences, or an .ndjson or .jsonl of requests")
    if fields and suffix in REQUESTS:
        flags = ", ".join("--" + name.replace("_", "-") for name in fields)
        raise CorpusError(f"{path}: its lines hold the fields; leave out {flags}, or write them into the lines")
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            count = sum(1 for _ in _lines(file, most_bytes))
    except OSError as error:
        raise CorpusError(f"cannot read {path}: {error.strerror}") from None
    return Source(path, fields if suffix in SENTENCES else None, most_bytes, count, digest)


def _lines(file: BinaryIO, most_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, without their ends, and their numbers."""
    number = 0
    while line := file.readline(most_bytes + len("\r\n")):
        number += 1
        rest = line
        while rest and not rest.endswith(b"\n"):  # however long it is, no more of it is held
            rest = file.readline(most_bytes)
        if number == 1:
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip() or len(line) > most_bytes:
            yield number, line.removesuffix(b"\n").removesuffix(b"\r")


def _request(line: bytes, fields: Mapping[str, object]) -> bytes:
    try:
        sentence = line.decode()
    except UnicodeDecodeError:
        return b'{"sentence":"%b"}' % line  # no JSON, either: the answer says why, in its place
    return orjson.dumps({"sentence": sentence, **fields})
