"""The input: which lines count, and what is asked for each."""

from pathlib import Path
from typing import Any

import fsspec
import orjson
import pytest

from service.corpus import text
from service.corpus.addresses import suffix_of
from service.corpus.errors import CorpusError
from service.corpus.source import open_source
from tests.corpus.runs import MOST_BYTES


def sentences_of(file: Path, content: bytes) -> dict[int, Any]:
    """Line numbers and what is asked for each."""
    file.write_bytes(content)
    return dict(open_source(str(file), {}, "/attention", MOST_BYTES).requests(skip=0))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "sentences.txt"


@pytest.mark.parametrize(
    ("content", "sentences"),
    [
        (b"one\ntwo\n", {1: "one", 2: "two"}),
        (b"one\n\n  \t\ntwo", {1: "one", 4: "two"}),
        (b"one\r\n\r\ntwo\r\n", {1: "one", 3: "two"}),
        (b"\xef\xbb\xbfone\n", {1: "one"}),
        (b"\xef\xbb\xbf\none\n", {2: "one"}),
        (b" one \n", {1: " one "}),
        ("a\u2028b\x0bc\x85d\n".encode(), {1: "a\u2028b\x0bc\x85d"}),
        (b'"quoted" \\ back\tslash\n', {1: '"quoted" \\ back\tslash'}),
        (b"", {}),
    ],
)
def test_each_line_that_is_not_blank_is_a_sentence(file: Path, content: bytes, sentences: dict[int, str]) -> None:
    asked = sentences_of(file, content)
    assert {number: orjson.loads(line) for number, line in asked.items()} == {
        number: {"sentence": sentence} for number, sentence in sentences.items()
    }


def test_a_line_that_is_no_utf_8_is_no_json_so_that_its_answer_says_so(file: Path) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(sentences_of(file, b"caf\xe9\n")[1])


def test_a_line_that_is_too_long_is_cut_to_be_refused_and_the_next_is_read_whole(file: Path) -> None:
    first, second = sentences_of(file, b"a" * 10 * MOST_BYTES + b"\n" + b"b" * (MOST_BYTES - 20)).values()
    assert MOST_BYTES < len(first) < 2 * MOST_BYTES
    assert orjson.loads(second) == {"sentence": "b" * (MOST_BYTES - 20)}


def test_fields_are_asked_with_every_sentence(file: Path) -> None:
    file.write_bytes(b"one\n")
    [(_, line)] = open_source(str(file), {"seed": 3}, "/attention", MOST_BYTES).requests(skip=0)
    assert orjson.loads(line) == {"sentence": "one", "seed": 3}


def test_lines_that_are_blank_are_not_skipped_twice(file: Path) -> None:
    file.write_bytes(b"\none\n\ntwo\nthree\n")
    source = open_source(str(file), {}, "/attention", MOST_BYTES)
    assert source.lines == 3
    assert [number for number, _ in source.requests(skip=2)] == [5]


def test_a_file_of_requests_is_read_as_it_is(tmp_path: Path) -> None:
    assert sentences_of(tmp_path / "requests.JSONL", b'{"sentence": 1}\n\n[]') == {1: b'{"sentence": 1}', 3: b"[]"}


def test_fields_beside_a_file_of_requests_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="its lines hold the fields; leave out --d-k, or write them into the lines"):
        open_source(str(tmp_path / "requests.ndjson"), {"d_k": 2}, "/attention", MOST_BYTES)


@pytest.mark.parametrize("skip", range(6))
def test_a_source_that_is_read_in_spans_has_the_lines_of_one_read_whole(
    file: Path, monkeypatch: pytest.MonkeyPatch, skip: int
) -> None:
    content = b"\xef\xbb\xbfone\n\ntwo\r\n\n\n" + b"a" * 10 * MOST_BYTES + b"\n \nfour\nfive"
    whole = sentences_of(file, content)
    monkeypatch.setattr(text, "SPAN_LINES", 2)
    source = open_source(str(file), {}, "/attention", MOST_BYTES)
    assert [span.lines for span in source.spans] == [2, 2, 1]
    assert list(source.requests(skip)) == list(whole.items())[skip:]


def test_a_source_may_lie_wherever_fsspec_reaches(file: Path) -> None:
    with fsspec.open("memory://sentences.txt", "wb") as far:
        far.write(b"one\ntwo\n")
    whole = sentences_of(file, b"one\ntwo\n")
    assert dict(open_source("memory://sentences.txt", {}, "/attention", MOST_BYTES).requests(skip=0)) == whole


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("nowhere://sentences.txt", "cannot read nowhere://sentences.txt: Protocol not known: nowhere"),
        ("memory://no/sentences.txt", "cannot read memory://no/sentences.txt"),
    ],
)
def test_an_address_that_cannot_be_read_is_told(address: str, says: str) -> None:
    with pytest.raises(CorpusError, match=f"^{says}"):
        open_source(address, {}, "/attention", MOST_BYTES)


@pytest.mark.parametrize("change", [b"two\none\n", b"one\n"], ids=["other lines", "fewer"])
def test_a_file_that_changes_after_it_was_read_through_is_refused(file: Path, change: bytes) -> None:
    file.write_bytes(b"one\ntwo\n")
    source = open_source(str(file), {}, "/attention", MOST_BYTES)
    file.write_bytes(change)
    with pytest.raises(CorpusError, match="is not what it was when this run began: run the same command again"):
        list(source.requests(skip=0))


def test_a_file_that_is_gone_after_it_was_read_through_is_told(file: Path) -> None:
    file.write_bytes(b"one\n")
    source = open_source(str(file), {}, "/attention", MOST_BYTES)
    file.unlink()
    with pytest.raises(CorpusError, match=r"^cannot read .*sentences\.txt: No such file or directory"):
        list(source.requests(skip=0))


def test_blanks_of_any_length_are_no_line(file: Path) -> None:
    assert sentences_of(file, b" " * MOST_BYTES + b"\none\n") == sentences_of(file, b"\none\n")


@pytest.mark.parametrize(
    ("address", "suffix"),
    [
        ("a.TXT", ".txt"),
        ("s3://bucket/a.b/c.ndjson", ".ndjson"),
        ("https://host/a.parquet?X-Signature=b.c", ".parquet"),
        ("zip://a.txt::s3://bucket/b.zip", ".txt"),
    ],
)
def test_the_kind_of_an_address_is_that_of_its_file(address: str, suffix: str) -> None:
    assert suffix_of(address) == suffix
