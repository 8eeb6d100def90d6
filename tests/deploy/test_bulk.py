"""`attention-service bulk --engine ray` on a cluster that it starts: the local engine's table, whatever is killed."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from pyarrow import parquet

from tests.conftest import poll

pytestmark = pytest.mark.slow

LINES = 20_000
GROWTH = 48 * 1024**2
"""How much more memory, in bytes, a process may take for an input that is five times as long and makes 80 MiB more."""
ENVIRONMENT = os.environ | {"ATTENTION_NUM_THREADS": "1", "ATTENTION_REPLICAS": "2", "ATTENTION_REPLICA_MEMORY": "0"}


def command(source: Path, output: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "service", "bulk", str(source), "-o", str(output), *flags]


def start_on_ray(source: Path, output: Path, *flags: str) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "RAY_ADDRESS"}
    return subprocess.Popen(command(source, output, "--engine", "ray", *flags), env=environment)


def actors(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Those that answer."""
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            found += [child] if "Answerer" in " ".join(child.cmdline()) else []
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("input") / "sentences.txt"
    file.write_text("".join(f"The cat number {number} sat on the mat.\n" for number in range(LINES)))
    return file


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The local engine's table."""
    file = tmp_path_factory.mktemp("whole") / "answers.parquet"
    subprocess.run(command(source, file), env=ENVIRONMENT, check=True)
    return file


def is_the_same(output: Path, whole: Path) -> bool:
    return bool(parquet.read_table(output).equals(parquet.read_table(whole), check_metadata=True))


def test_twenty_thousand_sentences_make_the_same_table_after_a_kill_of_everything(
    source: Path, whole: Path, tmp_path: Path
) -> None:
    output = tmp_path / "answers.parquet"
    process = start_on_ray(source, output)
    poll(lambda: list(output.glob("*.parquet")), process)
    process.kill()
    process.wait()
    done = {part: part.stat().st_mtime_ns for part in output.glob("*.parquet")}
    again = start_on_ray(source, output)
    assert again.wait() == 0
    assert is_the_same(output, whole)
    assert {part: part.stat().st_mtime_ns for part in done} == done
    assert all(part.suffix == ".parquet" for part in output.iterdir())


def test_a_killed_actor_is_replaced_and_the_table_the_same(source: Path, whole: Path, tmp_path: Path) -> None:
    output = tmp_path / "answers.parquet"
    process = start_on_ray(source, output)
    victim = poll(lambda: actors(process), process)[0]
    poll(lambda: list(output.glob("*.parquet")), process)
    victim.send_signal(signal.SIGKILL)
    assert process.wait() == 0
    assert is_the_same(output, whole)


@contextmanager
def watching(process: subprocess.Popen[bytes]) -> Iterator[list[int]]:
    """Bytes of memory, now and then, of whichever process of the command, or actor, has most of its own."""
    sizes: list[int] = []
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            with suppress(psutil.NoSuchProcess):
                memory = [each.memory_info() for each in (psutil.Process(process.pid), *actors(process))]
                sizes.append(max(each.rss - each.shared for each in memory))

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield sizes
    finally:
        ended.set()
        thread.join()


def test_memory_does_not_grow_with_the_input(tmp_path: Path) -> None:
    peaks = []
    for lines in (10_000, 50_000):
        source = tmp_path / "sentences.txt"
        source.write_text(f"{'The cat sat on the mat. ' * 10}\n" * lines)
        process = start_on_ray(source, tmp_path / f"{lines}.parquet", "--endpoint", "tokenize")
        with watching(process) as sizes:
            assert process.wait() == 0
        peaks.append(max(sizes))
    print("most memory of a process:", *[f"{peak / 1024**2:.0f} MiB" for peak in peaks])  # noqa: T201  # the figure
    assert peaks[1] - peaks[0] < GROWTH


def test_a_failure_on_a_node_is_one_line(source: Path, tmp_path: Path) -> None:
    environment = ENVIRONMENT | {"ATTENTION_MODELS": str(tmp_path / "nothing")}
    line = command(source, tmp_path / "answers.parquet", "--engine", "ray")
    ended = subprocess.run(line, env=environment, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == f"attention-service: model nothing: there is no folder {tmp_path / 'nothing'}\n"
