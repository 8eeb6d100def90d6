"""What an actor does for a corpus, in this process: the same table, a part each piece, as the local engine makes."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pyarrow
import pytest
from pyarrow import parquet

from service.api.endpoints import SENTENCE_ENDPOINTS
from service.bulk import answer_here
from service.corpus.errors import CorpusError
from service.corpus.source import open_source
from service.deploy import pieces
from service.deploy.answering import Answerer, Task, describe
from service.deploy.errors import ClusterError
from service.deploy.pieces import pieces_of, read
from service.settings import Settings
from tests.corpus.runs import MOST_BYTES, SENTENCES, sentences

SETTINGS = Settings(device="cpu")
ATTENTION = next(endpoint for endpoint in SENTENCE_ENDPOINTS if endpoint.path == "/attention")


@pytest.fixture
def three_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_LINES", 3)


def task_of(file: Path, fields: dict[str, Any]) -> Task:
    source = open_source(str(file), fields, ATTENTION.path, MOST_BYTES)
    return Task(SETTINGS, ATTENTION, source, str(file.with_name("parts.parquet")))


def requests_as_lines(folder: Path) -> Path:
    file = folder / "requests.ndjson"
    lines = [{"sentence": sentence, "id": str(number), "seed": number} for number, sentence in enumerate(SENTENCES)]
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    return file


def requests_as_rows(folder: Path) -> Path:
    file = folder / "requests.parquet"
    columns = {"sentence": SENTENCES, "seed": range(len(SENTENCES))}
    parquet.write_table(pyarrow.table(columns), file, row_group_size=4)
    return file


def answered(task: Task) -> list[dict[str, Any]]:
    """What an actor says of each piece."""
    tables = [piece for number, span in enumerate(task.source.spans) for piece in read(number, span, set())]
    with closing(Answerer(task, describe(task))) as answerer:
        return [row for table in tables for row in answerer(table).to_pylist()]


@pytest.mark.usefixtures("three_a_piece")
@pytest.mark.parametrize(
    ("make", "fields"),
    [
        (lambda folder: sentences(folder / "here"), {"include": ["scores"], "num_heads": 2}),
        (requests_as_lines, {}),
        (requests_as_rows, {"include": ["output"]}),
    ],
    ids=["sentences", "requests", "rows"],
)
def test_the_parts_are_the_table_of_the_local_engine(tmp_path: Path, make: Any, fields: dict[str, Any]) -> None:
    file = make(tmp_path)
    task = task_of(file, fields)
    Path(task.output).mkdir()
    said = answered(task)
    whole = tmp_path / "whole.parquet"
    answer_here(SETTINGS, ATTENTION, open_source(str(file), fields, "/attention", MOST_BYTES), str(whole), force=False)
    assert parquet.read_table(task.output).equals(parquet.read_table(whole), check_metadata=True)
    assert len(said) > 2
    assert [sum(row[name] for row in said) for name in ("lines", "problems")] == [len(SENTENCES), 1]


@pytest.mark.usefixtures("three_a_piece")
def test_pieces_whose_parts_are_there_are_not_asked_again(tmp_path: Path) -> None:
    [span] = task_of(sentences(tmp_path / "here"), {}).source.spans
    names = [table["part"].to_pylist() for table in read(7, span, {"000007-000001.parquet"})]
    assert names == [["000007-000000.parquet"], ["000007-000002.parquet"]]


def test_a_piece_of_long_lines_has_fewer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "PIECE_BYTES", 2 * MOST_BYTES)
    [span] = task_of(sentences(tmp_path / "here", ["a" * (MOST_BYTES - 50)] * 7), {}).source.spans
    assert [len(piece) for piece in pieces_of(span)] == [3, 3, 1]


def test_fields_that_the_model_does_not_take_are_refused_before_any_piece(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="layers is for pretrained models"):
        describe(task_of(sentences(tmp_path / "here"), {"layers": [0]}))


def test_models_that_cannot_be_loaded_are_told_in_an_error_that_reaches_other_processes(tmp_path: Path) -> None:
    task = replace(task_of(sentences(tmp_path / "here"), {}), settings=Settings(models=str(tmp_path / "nothing")))
    with pytest.raises(ClusterError, match="model nothing: there is no folder"):
        describe(task)


def test_a_node_that_would_answer_otherwise_is_refused(tmp_path: Path) -> None:
    task = task_of(sentences(tmp_path / "here"), {})
    described = describe(task)
    with pytest.raises(ClusterError, match="a node has other software than another: use nodes that are alike"):
        Answerer(task, replace(described, run={**described.run, "software": "another"}))


def test_a_part_that_cannot_be_written_is_told_as_what_a_piece_came_to(tmp_path: Path) -> None:
    """Here there is no folder."""
    task = task_of(sentences(tmp_path / "here"), {})
    assert answered(task) == [{"lines": 0, "problems": 0, "failure": "No such file or directory"}]
