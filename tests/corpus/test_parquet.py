"""Answers as a table: the numbers of the JSON to the last bit, and the same table however often the run ended early."""

import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from pyarrow import parquet

from service.api.operations import Operations
from service.corpus import row_group
from service.corpus.columns import METADATA
from tests.corpus.runs import SENTENCES, Command, sentences

MATRICES = {"include": ["embedding", "scores", "attentions", "statistics", "rollout"], "mask": "causal", "num_heads": 2}


@pytest.fixture
def command(operations: Operations, tmp_path: Path) -> Command:
    file = sentences(tmp_path / "here")
    return Command(operations, file, file.with_name("answers.parquet"), {"include": ["scores"]})


def table_of(command: Command) -> Any:
    return parquet.read_table(command.output)


def as_float32(value: Any) -> Any:
    """`value` with its numbers read as float32, and those as bits, so that nothing is equal that differs."""
    match value:
        case float():
            return struct.pack("f", value)
        case list():
            return [as_float32(item) for item in value]
        case dict():
            return {name: as_float32(item) for name, item in value.items()}
    return value


@pytest.mark.parametrize(
    ("endpoint", "fields"),
    [
        ("/tokenize", {"add_special_tokens": True, "sentence_pair": "b"}),
        ("/attention", MATRICES),
        ("/attention", {"decimals": 2, "scale": 0.1}),
        ("/attention", {"level": "word", "include": []}),
    ],
)
async def test_rows_are_the_lines_of_json_to_the_last_bit(
    command: Command, endpoint: str, fields: dict[str, Any]
) -> None:
    command = replace(command, endpoint=endpoint, fields=fields)
    await command.run()
    lines = replace(command, output=command.output.with_name("answers.ndjson"))
    await lines.run()
    rows = table_of(command).to_pylist()
    for row, line in zip(rows, lines.output.read_bytes().splitlines(), strict=True):
        answer = orjson.loads(line)
        answer.pop("parameters", None)
        if "status" in answer:
            answer = {"problem": answer["detail"]}
        del row["line"]
        assert as_float32({name: value for name, value in row.items() if value is not None}) == as_float32(answer)


async def test_a_table_has_the_columns_of_what_was_asked(command: Command) -> None:
    await command.run()
    assert table_of(command).column_names == [
        *("line", "model", "tokens", "input_ids", "offsets", "sequence_ids", "layers", "heads", "scores", "problem")
    ]


async def test_a_row_has_the_number_of_its_line(command: Command) -> None:
    command.source.write_text("one\n\n \ntwo\n")
    await command.run()
    assert table_of(command)["line"].to_pylist() == [1, 4]


async def test_a_file_of_requests_has_a_column_for_whatever_they_may_ask_and_their_ids(command: Command) -> None:
    file = command.source.with_name("requests.jsonl")
    file.write_text(
        '{"id": "a", "sentence": "hi", "include": ["query"]}\n{"id": "b", "sentence": ""}\n{"sentence": "hi"}\n[]'
    )
    await replace(command, source=file, fields={}).run()
    rows = table_of(command).to_pylist()
    assert [row["id"] for row in rows] == ["a", "b", None, None]
    assert [[name for name in ("query", "attentions", "problem") if row[name]] for row in rows] == [
        ["query"],
        ["problem"],
        ["attentions"],
        ["problem"],
    ]


async def test_a_table_says_what_it_is_of(command: Command) -> None:
    await command.run()
    told = orjson.loads(table_of(command).schema.metadata[METADATA.encode()])
    assert told["fields"] == command.fields
    assert told["software"] == command.operations.software


async def test_nothing_is_left_beside_a_finished_table(command: Command) -> None:
    await command.run()
    assert command.left == ["answers.parquet"]


async def test_an_empty_input_makes_an_empty_table(command: Command) -> None:
    command.source.write_text("")
    await command.run()
    assert table_of(command).num_rows == 0


@pytest.mark.parametrize(("limit", "value", "groups"), [("PART_LINES", 3, 3), ("PART_BYTES", 1, 7)])
async def test_a_part_of_the_lines_becomes_a_row_group(
    command: Command, monkeypatch: pytest.MonkeyPatch, limit: str, value: int, groups: int
) -> None:
    monkeypatch.setattr(row_group, limit, value)
    await command.run()
    assert parquet.ParquetFile(command.output).num_row_groups == groups


@pytest.mark.parametrize("after", range(len(SENTENCES)))
async def test_a_run_that_was_stopped_after_any_line_goes_on_there(
    command: Command, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(row_group, "PART_LINES", 2)
    await command.run()
    whole = table_of(command)
    command.output.unlink()
    await command.stop(after)
    await command.run()
    assert table_of(command).equals(whole, check_metadata=True)


@pytest.mark.parametrize(
    "kill",
    [
        lambda parts: (parts / "00001.parquet.new").write_bytes(b"half"),
        lambda parts: (parts / "00002.parquet").write_bytes((parts / "00000.parquet").read_bytes()),
        lambda parts: (parts / "00000.parquet").unlink(),
        lambda parts: (parts.parent / "answers.parquet.new").write_bytes(b"half"),
    ],
    ids=["while a part is written", "before it is counted", "a part is lost", "while the table is made"],
)
async def test_what_a_kill_may_leave_does_not_change_the_table(
    command: Command, monkeypatch: pytest.MonkeyPatch, kill: Any
) -> None:
    await command.run()
    whole = table_of(command)
    command.output.unlink()
    monkeypatch.setattr(row_group, "PART_LINES", 2)
    await command.stop(4)
    kill(command.output.with_name("answers.parquet.parts"))
    await command.run()
    assert table_of(command).equals(whole, check_metadata=True)
    assert command.left == ["answers.parquet"]


async def test_duckdb_reads_the_numbers_of_the_json(command: Command) -> None:
    await command.run()
    read = duckdb.read_parquet(str(command.output)).filter("problem is null").project("scores").fetchall()
    rows = [row["scores"] for row in table_of(command).to_pylist() if row["problem"] is None]
    assert as_float32([scores for (scores,) in read]) == as_float32(rows)
