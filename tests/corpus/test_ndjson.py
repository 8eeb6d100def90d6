"""Answers as lines of JSON: HTTP's bytes, and the same file however often the run ended early."""

from dataclasses import replace
from pathlib import Path

import httpx
import orjson
import pytest

from service.api.operations import Operations
from tests.corpus.runs import SENTENCES, Command, copy, sentences


@pytest.fixture
def command(operations: Operations, tmp_path: Path) -> Command:
    file = sentences(tmp_path / "here")
    return Command(operations, file, file.with_name("answers.ndjson"), {"d_k": 2, "include": ["scores"]})


async def test_answers_have_the_bytes_that_the_endpoint_streams(client: httpx.AsyncClient, command: Command) -> None:
    await command.run()
    lines = [orjson.dumps({"sentence": sentence, **command.fields}) for sentence in SENTENCES]
    headers = {"Content-Type": "application/x-ndjson", "X-Request-Id": "none"}
    streamed = await client.post("/attention", content=b"\n".join(lines), headers=headers)
    assert command.output.read_bytes() == streamed.content.replace(b',"request_id":"none"', b"")


async def test_a_file_of_requests_is_answered_with_the_fields_of_each_line(
    client: httpx.AsyncClient, command: Command
) -> None:
    requests = [{"sentence": "one"}, {"sentence": "two", "add_special_tokens": True}]
    file = command.source.with_name("requests.ndjson")
    file.write_bytes(b"\n\n".join(map(orjson.dumps, requests)))
    await replace(command, source=file, fields={}, endpoint="/tokenize").run()
    for request, line in zip(requests, command.output.read_bytes().splitlines(), strict=True):
        assert line == (await client.post("/tokenize", json=request)).content


async def test_nothing_is_left_beside_a_finished_output(command: Command) -> None:
    await command.run()
    assert command.left == ["answers.ndjson"]


@pytest.mark.parametrize("after", range(len(SENTENCES)))
async def test_a_run_that_was_stopped_after_any_line_goes_on_there(command: Command, after: int) -> None:
    await command.run()
    whole = command.output.read_bytes()
    command.output.unlink()
    await command.stop(after)
    summary = await command.run()
    assert command.output.read_bytes() == whole
    assert (f"({after} by an earlier run)" in summary) == (after > 0)


async def test_a_file_that_a_kill_left_at_any_byte_becomes_the_same(command: Command, tmp_path: Path) -> None:
    await command.run()
    whole = command.output.read_bytes()
    command.output.unlink()
    await command.stop(3)
    saved = command.output.stat().st_size
    stopped = copy(tmp_path / "here", tmp_path / "stopped")
    for size in {*range(0, len(whole), 499), saved - 1, saved, saved + 1, len(whole) - 1, len(whole)}:
        folder = copy(stopped, tmp_path / "here")
        (folder / "answers.ndjson").write_bytes(whole[:size])
        await command.run()
        assert command.output.read_bytes() == whole, size


async def test_what_was_written_after_the_last_save_is_not_trusted(command: Command) -> None:
    await command.run()
    whole = command.output.read_bytes()
    command.output.unlink()
    await command.stop(3)
    with command.output.open("ab") as file:
        file.write(b"\0" * 4096 + b"\n")  # as a power cut may leave it
    await command.run()
    assert command.output.read_bytes() == whole


async def test_problems_of_an_earlier_run_are_counted(command: Command) -> None:
    await command.stop(4)
    assert "lines: 7 (4 by an earlier run), problems: 1," in await command.run()


async def test_an_empty_input_makes_an_empty_output(command: Command) -> None:
    command.source.write_text("\n \n")
    await command.run()
    assert command.output.read_bytes() == b""
