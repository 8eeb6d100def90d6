"""A folder of tables that many processes write: whole parts or none, of one run alone."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import fsspec
import pyarrow
import pytest
from pyarrow import parquet

from service.corpus.errors import CorpusError
from service.corpus.parts import PROGRESS, Parts

RUN = {"input": "a", "software": "b"}
SCHEMA = pyarrow.schema([("line", pyarrow.int64()), ("problem", pyarrow.string())])
FIRST, SECOND = "000000-000000.parquet", "000000-000001.parquet"


@pytest.fixture(params=["path", "memory"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A folder that is not there yet: on this machine, or elsewhere."""
    if request.param == "path":
        yield str(tmp_path / "answers.parquet")
        return
    yield f"memory://{uuid4()}/answers.parquet"
    fsspec.filesystem("memory").store.clear()


def begun(address: str, run: dict[str, str] = RUN, *, force: bool = False) -> tuple[Parts, set[str]]:
    parts = Parts(address)
    parts.check(force=force)
    return parts, parts.begin(run, force=force)


def write(parts: Parts, name: str, *problems: str | None) -> None:
    table = pyarrow.table({"line": range(len(problems)), "problem": problems}, schema=SCHEMA)
    with parts.writing(name, SCHEMA) as writer:
        writer.write_table(table)


def names(address: str) -> list[str]:
    files, root = fsspec.core.url_to_fs(address)
    return sorted(path.rpartition("/")[2] for path in files.ls(root, detail=False))


def test_a_part_that_is_written_is_there_for_the_next_to_go_on(address: str) -> None:
    parts, there = begun(address)
    assert there == set()
    write(parts, FIRST, None)
    assert begun(address)[1] == {FIRST}


def test_lines_and_problems_of_parts_are_counted(address: str) -> None:
    parts, _ = begun(address)
    write(parts, FIRST, None, "no tokens")
    write(parts, SECOND, "no tokens", "too long", None)
    assert parts.count({FIRST, SECOND}) == (5, 3, 2)


def test_a_part_whose_writer_fails_is_not_there(address: str) -> None:
    parts, _ = begun(address)
    with pytest.raises(RuntimeError), parts.writing(FIRST, SCHEMA):
        raise RuntimeError
    assert names(address) == [PROGRESS]


def test_nothing_but_the_parts_is_left_when_all_are_there(address: str) -> None:
    parts, _ = begun(address)
    write(parts, FIRST, None)
    files, root = fsspec.core.url_to_fs(address)
    files.pipe_file(f"{root}/{SECOND}.{uuid4().hex}.new", b"of a process that was killed")
    parts.finish(1)
    assert names(address) == [FIRST]


def test_a_whole_table_is_not_overwritten_but_by_force(address: str) -> None:
    parts, _ = begun(address)
    write(parts, FIRST, None)
    parts.finish(1)
    with pytest.raises(CorpusError, match="is there already: name another file, or overwrite it with --force"):
        begun(address)
    assert begun(address, force=True)[1] == set()
    assert names(address) == [PROGRESS]


def test_an_unfinished_table_is_left_to_the_run_that_began_it_but_by_force(address: str) -> None:
    write(begun(address)[0], FIRST, None)
    other = RUN | {"input": "c"}
    with pytest.raises(CorpusError, match="is unfinished, and was begun with other input: run that command again"):
        begun(address, other)
    assert begun(address, other, force=True)[1] == set()
    assert names(address) == [PROGRESS]


def test_force_does_not_throw_away_what_the_same_run_has_done(address: str) -> None:
    write(begun(address)[0], FIRST, None)
    assert begun(address, force=True)[1] == {FIRST}


def test_a_folder_with_other_tables_is_refused_even_with_force(tmp_path: Path) -> None:
    (tmp_path / "mine.parquet").touch()
    with pytest.raises(CorpusError, match=r"has other tables in it, such as mine\.parquet: name another folder"):
        begun(str(tmp_path), force=True)


def test_a_file_is_refused_even_with_force(tmp_path: Path) -> None:
    (tmp_path / "answers.parquet").touch()
    with pytest.raises(CorpusError, match="is a file: name a folder for the parts of the table"):
        begun(str(tmp_path / "answers.parquet"), force=True)


def test_an_address_that_fsspec_does_not_know_is_told() -> None:
    with pytest.raises(CorpusError, match=r"^cannot write nowhere://a: Protocol not known: nowhere"):
        Parts("nowhere://a")


def test_readers_of_folders_pass_over_what_is_no_part(tmp_path: Path) -> None:
    address = str(tmp_path / "answers.parquet")
    parts, _ = begun(address)
    write(parts, SECOND, "second")
    write(parts, FIRST, "first", None)
    assert parquet.read_table(address)["problem"].to_pylist() == ["first", None, "second"]


def test_parts_that_other_nodes_wrote_elsewhere_are_missed(address: str) -> None:
    parts, _ = begun(address)
    write(parts, FIRST, None)
    with pytest.raises(CorpusError, match="has 1 of 2 parts: name a folder that all nodes share, and run again"):
        parts.finish(2)
    assert begun(address)[1] == {FIRST}


def test_a_table_whose_run_cannot_be_read_is_another_run(address: str) -> None:
    write(begun(address)[0], FIRST, None)
    files, root = fsspec.core.url_to_fs(address)
    files.pipe_file(f"{root}/{PROGRESS}", b"")
    with pytest.raises(CorpusError, match="is unfinished, and was begun with other input and software"):
        begun(address)
    assert begun(address, force=True)[1] == set()
