"""Real processes: killed whenever, memory that does not grow with the input."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import orjson
import pytest
from pyarrow import parquet

from service.corpus.row_group import PART_LINES
from tests.conftest import poll

pytestmark = pytest.mark.slow

SENTENCE = "The cat sat on the mat, number {}.\n"
LINES = 12 * PART_LINES
GROWTH = 48 * 1024**2
"""How much more memory, in bytes, a process may take for an input that is five times as long and makes 80 MiB more."""
MEASURED = """
import resource
from service import cli
cli.main()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def command(source: Path, output: Path, *program: str) -> list[str]:
    return [sys.executable, *program, "bulk", str(source), "-o", str(output), "--endpoint", "tokenize"]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("input") / "sentences.txt"
    file.write_text("".join(map(SENTENCE.format, range(LINES))))
    return file


def has_saved(lines: int, sidecar: Path) -> bool:
    return sidecar.exists() and orjson.loads(sidecar.read_bytes())["counted"]["lines"] > lines


def run_with_kills(source: Path, output: Path, times: list[Callable[[], bool]]) -> None:
    """Run the command, kill it each time that one of `times` has come, and run it to the end."""
    for has_come in times:
        process = subprocess.Popen(command(source, output, "-m", "service"))
        poll(has_come, process)
        process.kill()
        assert process.wait() < 0
    subprocess.run(command(source, output, "-m", "service"), check=True)


def test_lines_of_json_are_the_same_after_kills(source: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.ndjson", tmp_path / "killed.ndjson"
    subprocess.run(command(source, whole, "-m", "service"), check=True)
    sidecar = killed.with_name("killed.ndjson.progress")
    run_with_kills(source, killed, [partial(has_saved, lines, sidecar) for lines in (0, LINES // 4, LINES // 2)])
    assert killed.read_bytes() == whole.read_bytes()
    assert sorted(tmp_path.iterdir()) == [killed, whole]


def test_a_table_is_the_same_after_kills(source: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole.parquet", tmp_path / "killed.parquet"
    subprocess.run(command(source, whole, "-m", "service"), check=True)
    parts = killed.with_name("killed.parquet.parts")
    left = (parts, *(parts / f"{number:05}.parquet" for number in range(3)))
    run_with_kills(source, killed, [path.exists for path in left])
    assert parquet.read_table(killed).equals(parquet.read_table(whole), check_metadata=True)
    assert sorted(tmp_path.iterdir()) == [killed, whole]


@pytest.mark.parametrize("name", ["answers.ndjson", "answers.parquet"])
def test_memory_does_not_grow_with_the_input(tmp_path: Path, name: str) -> None:
    source, peaks = tmp_path / "sentences.txt", []
    for lines in (10_000, 50_000):
        source.write_text(f"{'The cat sat on the mat. ' * 10}\n" * lines)
        output = tmp_path / f"{lines}-{name}"
        peaks.append(int(subprocess.check_output(command(source, output, "-c", MEASURED))))
    assert peaks[1] - peaks[0] < GROWTH
