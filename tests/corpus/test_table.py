"""A Parquet table as input: rows are requests, columns fields."""

from pathlib import Path
from typing import Any

import orjson
import pyarrow
import pytest
from pyarrow import parquet

from service.corpus.errors import CorpusError
from service.corpus.source import Source, open_source
from tests.corpus.runs import MOST_BYTES


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sentences.parquet"


def source_of(file: Path, columns: dict[str, Any], fields: dict[str, object] | None = None) -> Source:
    """The table of these `columns`, two rows a row group."""
    parquet.write_table(pyarrow.table(columns), file, row_group_size=2)
    return open_source(str(file), fields or {}, "/attention", MOST_BYTES)


def asked(source: Source, skip: int = 0) -> list[tuple[int, Any]]:
    return [(number, orjson.loads(request)) for number, request in source.requests(skip)]


def test_a_row_is_a_request_and_columns_are_its_fields(file: Path) -> None:
    source = source_of(file, {"id": ["a", "b"], "sentence": ["one", "two"], "include": [["scores"], []]})
    assert asked(source) == [
        (1, {"id": "a", "sentence": "one", "include": ["scores"]}),
        (2, {"id": "b", "sentence": "two", "include": []}),
    ]
    assert source.is_of_requests


def test_a_table_of_sentences_alone_is_like_a_file_of_them(file: Path) -> None:
    source = source_of(file, {"sentence": ["one"]}, {"seed": 3})
    assert asked(source) == [(1, {"sentence": "one", "seed": 3})]
    assert not source.is_of_requests


def test_what_is_null_was_not_given(file: Path) -> None:
    source = source_of(file, {"sentence": ["one", None], "seed": [None, 2]})
    assert [request for _, request in asked(source)] == [{"sentence": "one"}, {"seed": 2}]


@pytest.mark.parametrize("skip", range(6))
def test_rows_are_numbered_through_all_row_groups(file: Path, skip: int) -> None:
    source = source_of(file, {"sentence": list("abcde")})
    assert [span.lines for span in source.spans] == [2, 2, 1]
    assert asked(source, skip) == [(number, {"sentence": "abcde"[number - 1]}) for number in range(1 + skip, 6)]


@pytest.mark.parametrize("kind", [pyarrow.string(), pyarrow.large_string(), pyarrow.dictionary("int8", "string")])
def test_texts_of_every_kind_are_read(file: Path, kind: pyarrow.DataType) -> None:
    assert asked(source_of(file, {"sentence": pyarrow.array(["naïve"]).cast(kind)})) == [(1, {"sentence": "naïve"})]


@pytest.mark.parametrize(
    ("columns", "fields", "says"),
    [
        (
            {"sentence": ["a"], "url": ["b"]},
            {},
            "column url is no field of a request: drop it, or name it as one of sentence,",
        ),
        ({"sentence": ["a"], "seed": [1]}, {"seed": 2}, "a column holds seed; leave out --seed, or drop the column"),
        ({"sentence": [b"a"]}, {}, "column sentence is binary: make it texts, numbers, or lists of them"),
    ],
)
def test_a_table_that_cannot_be_asked_with_is_refused(
    file: Path, columns: dict[str, Any], fields: dict[str, object], says: str
) -> None:
    with pytest.raises(CorpusError, match=says):
        source_of(file, columns, fields)


def test_what_is_no_table_is_refused(file: Path) -> None:
    file.write_bytes(b"no table")
    with pytest.raises(CorpusError, match=r"^cannot read .*sentences\.parquet: Parquet magic bytes not found"):
        open_source(str(file), {}, "/attention", MOST_BYTES)


def test_a_table_that_changes_after_it_was_read_through_is_refused(file: Path) -> None:
    source = source_of(file, {"sentence": ["one", "two"]})
    source_of(file, {"sentence": ["two", "one"]})
    with pytest.raises(CorpusError, match="is not what it was when this run began: run the same command again"):
        list(source.requests(skip=0))


def test_a_text_that_is_no_utf_8_is_no_json_so_that_its_answer_says_so(file: Path) -> None:
    texts = pyarrow.array([b"one", b"caf\xe9", b"three"]).view(pyarrow.string())
    source = source_of(file, {"sentence": texts})
    first, second, third = (request for _, request in source.requests(skip=0))
    assert [orjson.loads(request) for request in (first, third)] == [{"sentence": "one"}, {"sentence": "three"}]
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(second)
