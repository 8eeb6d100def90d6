"""What workers counted is kept when they die; their files are not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from service.metrics.storage import Folder, SharedCollector

COUNT = """
import os
from pathlib import Path
from service.metrics.storage import SharedCollector
SharedCollector(Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]))
from prometheus_client import Counter, Gauge
Counter("counted", "What a worker counts.").inc(3)
Gauge("held", "What a worker has.", multiprocess_mode="livesum").set(7)
print(os.getpid())
"""


@pytest.fixture
def folder() -> Iterator[Folder]:
    with closing(Folder(workers=2)) as folder:
        yield folder


def count_and_die() -> int:
    """The number of a worker that has counted three things, held seven, and ended."""
    return int(subprocess.run([sys.executable, "-c", COUNT], stdout=subprocess.PIPE, check=True).stdout)


def totals(path: Path) -> dict[str, float]:
    return {sample.name: sample.value for metric in SharedCollector(path).collect() for sample in metric.samples}


def test_what_dead_workers_counted_is_added_up_and_what_they_held_is_gone(folder: Folder) -> None:
    for _ in range(2):
        folder.bury(count_and_die())
    assert totals(folder.path) == {"counted_total": 6.0}


def test_a_dead_workers_files_are_removed(folder: Folder) -> None:
    pid = count_and_die()
    folder.bury(pid)
    assert not list(folder.path.glob(f"*_{pid}.db"))


def test_what_a_living_worker_counts_and_holds_is_told(folder: Folder) -> None:
    count_and_die()  # and nobody knows yet
    assert totals(folder.path) == {"counted_total": 3.0, "held": 7.0}


def test_the_folder_ends_with_its_service(folder: Folder) -> None:
    folder.close()
    assert not folder.path.exists()
    assert "PROMETHEUS_MULTIPROC_DIR" not in os.environ


def test_a_disk_without_room_is_told_before_anything_is_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(OSError, match="bytes left, and the metrics of 1000000000 workers need"):
        Folder(workers=10**9)
    assert not list(tmp_path.iterdir())
