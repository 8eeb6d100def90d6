"""The folder in which several workers share what they count, so that any of them answers for all.

The files are prometheus_client's, mapped into memory: where the disk is full, to write into a hole ends the process by
SIGBUS. So they are filled before they are mapped, and the labels, which are bounded, never outgrow them.
"""

import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where prometheus_client looks for the folder when it is imported."""
FILE_BYTES = 2**20
KEPT = ("counter", "histogram")
"""What is kept of workers that have died."""
LIVE = "gauge_livesum"
DEAD = "dead"

logger = logging.getLogger(__name__)


class Folder:
    """The parent's: made before the workers start, removed when they have ended."""

    def __init__(self, workers: int) -> None:
        """Make it, and have the workers find it.

        Raises:
            OSError: it cannot be made, or has no room for so many `workers`.
        """
        self.path = Path(tempfile.mkdtemp(prefix="attention-metrics-"))
        free = shutil.disk_usage(self.path).free
        needed = FILE_BYTES * (len(KEPT) + (len(KEPT) + 1) * workers)
        if free < needed:
            self.path.rmdir()
            raise OSError(
                f"{self.path.parent} has {free:,} bytes left, and the metrics of {workers} workers need {needed:,}. "
                "Make room there, or set TMPDIR to another folder."
            )
        (self.path / "lock").touch()
        for prefix in KEPT:
            _reserve(self.path / f"{prefix}_{DEAD}.db")
        self._unmerged: list[int] = []
        os.environ[VARIABLE] = str(self.path)

    def bury(self, pid: int) -> None:
        """Add what a dead worker counted to what those before it did, and remove its files."""
        mark_process_dead(pid, str(self.path))  # type: ignore[no-untyped-call]  # its own
        self._unmerged.append(pid)
        try:
            with _locked(self.path, fcntl.LOCK_EX | fcntl.LOCK_NB):
                while self._unmerged:
                    self._merge(self._unmerged.pop())
        except BlockingIOError:  # a worker reads them, and may be suspended: they count as they are until another dies
            pass
        except Exception:  # whatever it is, the parent goes on
            logger.exception("what worker %s has counted is lost", pid)

    def _merge(self, pid: int) -> None:
        for prefix in KEPT:
            file = self.path / f"{prefix}_{pid}.db"
            if not file.exists():
                continue
            dead = MmapedDict(str(self.path / f"{prefix}_{DEAD}.db"))  # type: ignore[no-untyped-call]  # its own
            for key, value, *_ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
                dead.write_value(key, dead.read_value(key)[0] + value, 0.0)  # type: ignore[no-untyped-call]
            dead.close()  # type: ignore[no-untyped-call]
            file.unlink()

    def close(self) -> None:
        """Remove it and all that is in it."""
        os.environ.pop(VARIABLE, None)
        shutil.rmtree(self.path, ignore_errors=True)


class SharedCollector(Collector):
    """A worker's: what all workers counted, the dead ones too."""

    def __init__(self, path: Path) -> None:
        """Make this process's files in the folder `path`.

        Raises:
            OSError: there is no room for them.
        """
        self._path = path
        for prefix in (*KEPT, LIVE):
            _reserve(path / f"{prefix}_{os.getpid()}.db")

    def collect(self) -> Iterable[Metric]:
        """Add up all files."""
        with _locked(self._path, fcntl.LOCK_SH):  # or one that is being merged would count twice
            collector = MultiProcessCollector(None, str(self._path))  # type: ignore[no-untyped-call]  # its own
            metrics: Iterable[Metric] = collector.collect()  # type: ignore[no-untyped-call]
        return metrics

    def pids(self) -> list[int]:
        """The workers that live."""
        return [int(file.stem.rpartition("_")[2]) for file in self._path.glob(f"{LIVE}_*.db")]


def _reserve(file: Path) -> None:
    unnamed = file.with_suffix(".new")  # which nobody reads
    with unnamed.open("wb") as opened:
        os.posix_fallocate(opened.fileno(), 0, FILE_BYTES)
    unnamed.rename(file)


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with (path / "lock").open() as lock:  # closed, it is unlocked
        fcntl.flock(lock, how)
        yield
