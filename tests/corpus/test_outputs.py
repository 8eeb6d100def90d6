"""What an output gives way to: nothing but the run that began it, unless a user insists. For both forms."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from service.api.operations import Operations
from service.corpus.errors import CorpusError
from service.corpus.forms import open_output
from service.corpus.sidecar import Sidecar
from tests.corpus.runs import Command, sentences

RUN = {"input": "a", "fields": {"seed": 1}, "software": "1"}


@pytest.fixture(params=["answers.ndjson", "answers.parquet"])
def command(request: pytest.FixtureRequest, operations: Operations, tmp_path: Path) -> Command:
    file = sentences(tmp_path / "here")
    return Command(operations, file, file.with_name(request.param), {"seed": 1})


@contextmanager
def most_bytes_of_a_file(count: int) -> Iterator[None]:
    """What a full disk is like."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_finished_output_is_not_overwritten(command: Command) -> None:
    await command.run()
    with pytest.raises(CorpusError, match="is there already: name another file, or overwrite it with --force"):
        await command.run()


async def test_a_finished_output_is_overwritten_by_force(command: Command) -> None:
    await replace(command, fields={}).run()
    other = command.output.read_bytes()
    await command.run(force=True)
    assert command.output.read_bytes() != other


async def test_an_unfinished_output_is_left_to_the_command_that_began_it(command: Command) -> None:
    await command.stop(2)
    with pytest.raises(CorpusError, match="is unfinished, and was begun with other fields: run that command again"):
        await replace(command, fields={"seed": 2}).run()
    assert "(2 by an earlier run)" in await command.run()


async def test_an_unfinished_output_gives_way_to_another_command_by_force(command: Command) -> None:
    await replace(command, fields={"seed": 2}).run()
    expected = command.output.read_bytes()
    command.output.unlink()
    await command.stop(2)
    await replace(command, fields={"seed": 2}).run(force=True)
    assert command.output.read_bytes() == expected


async def test_force_does_not_throw_away_what_the_same_command_has_done(command: Command) -> None:
    await command.stop(2)
    assert "(2 by an earlier run)" in await command.run(force=True)


async def test_an_input_that_has_changed_is_another(command: Command) -> None:
    await command.stop(2)
    command.source.write_text(command.source.read_text().upper())
    with pytest.raises(CorpusError, match="was begun with other input"):
        await command.run()


async def test_an_output_that_cannot_be_written_on_can_be_when_there_is_room_again(command: Command) -> None:
    command = replace(command, fields={"num_heads": 8})
    await command.run()
    expected = command.output.read_bytes()
    command.output.unlink()
    with most_bytes_of_a_file(10_000), pytest.raises(OSError, match="File too large"):
        await command.run()
    await command.run()
    assert command.output.read_bytes() == expected


async def test_two_processes_do_not_write_one_output(command: Command) -> None:
    await command.stop(2)
    other = open_output(command.output, command.endpoint, force=False)
    try:
        other._open()
        with pytest.raises(CorpusError, match="is being written by another process"):
            await command.run()
    finally:
        other.close()


@pytest.mark.parametrize("name", RUN)
def test_a_run_is_another_if_anything_differs(tmp_path: Path, name: str) -> None:
    Sidecar(tmp_path / "answers.ndjson", force=False).begin(RUN)
    with pytest.raises(CorpusError, match=f"other {name}:"):
        Sidecar(tmp_path / "answers.ndjson", force=False).begin({**RUN, name: "other"})


async def test_fields_that_the_model_does_not_take_are_refused_before_any_line(command: Command) -> None:
    with pytest.raises(CorpusError, match="layers is for pretrained models"):
        await replace(command, fields={"layers": [0]}).run()
    assert command.left == []
