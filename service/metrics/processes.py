"""What is known of the processes at the time of a scrape: read from /proc, and so right whoever is asked."""

import os
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from service import __version__

PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


class BuildCollector(Collector):
    """Which software this is."""

    def collect(self) -> Iterator[Metric]:
        """One gauge, always 1, whose labels say it."""
        build = GaugeMetricFamily("attention_build_info", "Versions; always 1.", labels=["version", "torch"])
        build.add_metric([__version__, version("torch")], 1)
        yield build


class WorkerCollector(Collector):
    """What each worker process has of memory, processor, files and threads."""

    def __init__(self, pids: Callable[[], Iterable[int]]) -> None:
        """Look at the processes that `pids` lists at the time."""
        self._pids = pids

    def collect(self) -> Iterator[Metric]:
        """Read /proc; a process that has just ended is left out, as is all where there is no /proc."""
        resident = GaugeMetricFamily("attention_worker_resident_bytes", "Resident memory.", labels=["pid"])
        cpu = CounterMetricFamily("attention_worker_cpu_seconds", "Processor time, user and system.", labels=["pid"])
        files = GaugeMetricFamily("attention_worker_open_fds", "Open file descriptors.", labels=["pid"])
        threads = GaugeMetricFamily("attention_worker_threads", "Threads.", labels=["pid"])
        for pid in self._pids():
            folder = Path("/proc", str(pid))
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()  # proc(5): from field 3 on
                open_fds = len(list((folder / "fd").iterdir()))
            except OSError:
                continue
            label = [str(pid)]
            resident.add_metric(label, int(fields[21]) * PAGE_BYTES)
            cpu.add_metric(label, (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND)
            files.add_metric(label, open_fds)
            threads.add_metric(label, int(fields[17]))
        yield from (resident, cpu, files, threads)
