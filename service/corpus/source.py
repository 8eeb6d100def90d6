"""The input: a file of sentences or of requests, as the lines that the bulk endpoint takes."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from service.api.bulk_request import LINES
from service.corpus.addresses import absolute, reading, suffix_of
from service.corpus.errors import CorpusError
from service.corpus.text import spans_of_text

SENTENCES = {".txt"}
"""Files of a sentence a line."""
REQUESTS = {".ndjson", ".jsonl"}
"""Files of a request object a line."""
TABLES = {".parquet"}
"""Files of a request a row, whose fields are the columns."""
ANY_SENTENCE = "a"
"""It has one token, whatever the model: to try fields with."""


class Span(Protocol):
    """Some of the input, in a row, which can be read apart from the rest, and by another process."""

    @property
    def lines(self) -> int:
        """How many requests it holds."""

    def requests(self) -> Iterator[tuple[int, bytes]]:
        """Numbers of lines, or rows, from 1, and what is asked by each."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file that has been read through: how much it holds is known, and that it can be read."""

    address: str
    fields: Mapping[str, object]
    """What every line is asked with."""
    is_of_requests: bool
    """Whether lines have fields of their own, beside a sentence."""
    spans: Sequence[Span]
    """All of it, in its order."""
    digest: str
    """SHA-256 of the file, as hexadecimal."""

    @property
    def lines(self) -> int:
        """How many requests there are."""
        return sum(span.lines for span in self.spans)

    def requests(self, skip: int) -> Iterator[tuple[int, bytes]]:
        """Line numbers, from 1, and requests, but for the first `skip` of these.

        Raises:
            CorpusError: the file has changed, or can no longer be read.
        """
        for span in self.spans:
            if skip < span.lines:
                try:
                    yield from islice(span.requests(), skip, None)
                except OSError as error:
                    raise unreadable(self.address, error) from None
            skip = max(0, skip - span.lines)


def open_source(address: str, fields: Mapping[str, object], endpoint: str, most_bytes: int) -> Source:
    """The input at `address`, a path or whatever else fsspec takes, for `endpoint`, /tokenize or /attention.

    `fields` are those that every sentence in it is asked with; of a line of text a byte more than `most_bytes` is kept.

    Raises:
        CorpusError: it is of no kind that is known, cannot be read, or its lines have fields of their own.
    """
    suffix = suffix_of(address)
    if suffix not in SENTENCES | REQUESTS | TABLES:
        raise CorpusError(f"{address}: name a .txt of sentences, or requests as .ndjson, .jsonl or .parquet")
    if fields and suffix in REQUESTS:
        flags = ", ".join("--" + name.replace("_", "-") for name in fields)
        raise CorpusError(f"{address}: its lines hold the fields; leave out {flags}, or write them into the lines")
    try:
        with reading(address) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            spans: Sequence[Span]
            if suffix in TABLES:
                from service.corpus.table import spans_of_table  # noqa: PLC0415  # which needs pyarrow

                spans, is_of_requests = spans_of_table(absolute(address), file, fields, LINES[endpoint].model_fields)
            else:
                is_of_requests = suffix in REQUESTS
                spans = list(spans_of_text(absolute(address), file, None if is_of_requests else fields, most_bytes))
            return Source(address, fields, is_of_requests, spans, digest)
    except CorpusError:
        raise
    except Exception as error:  # file systems that are far away have errors of their own
        raise unreadable(address, error) from None


def unreadable(address: str, error: Exception) -> CorpusError:
    """What is wrong where `error` was raised while the input at `address` was read."""
    return CorpusError(f"cannot read {address}: {getattr(error, 'strerror', None) or error}")
