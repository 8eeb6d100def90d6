"""Replicas on a Ray cluster of one machine, beside a plain process with one thread that is loaded in the same rounds.

A replica computes with one thread, too. wrk and HAProxy take part of the same cores; what they used a second is told.
The ratio of two replicas to one is that of their ratios to the plain process, so that a machine that is slower for a
while makes neither look better, with wrk's share of the cores taken out of two: it would be the replicas'.
"""

import contextlib
import os
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field

import psutil

from tests.benchmarks.load import Target, load, seconds_of_children
from tests.benchmarks.pretrained import folder
from tests.benchmarks.tables import Rows
from tests.conftest import serving
from tests.deploy.cluster import Cluster, cluster

BAR = 1.6
CLIENTS = 64
"""Half of them fill a replica's batches, so that two have as large ones as one has."""
HEAD = ',"model":"minilm","layers":[-1],"heads":[0]'
LONG = f',"sentence_pair":"{"cat " * 27}"'
TARGETS = (
    Target("/tokenize", "service", "/tokenize"),
    Target("/attention", "service", "/attention"),
    Target("a head of all-MiniLM-L6-v2, 12 tokens", "service", "/attention", HEAD),
    Target("a head of all-MiniLM-L6-v2, 39 tokens", "service", "/attention", HEAD + LONG),
)


@dataclass
class Loaded:
    """What rounds of load on one target came to."""

    rates: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    """Of the plain process."""
    wrk: list[float] = field(default_factory=list)
    haproxy: list[float] = field(default_factory=list)
    """Cores that they used."""

    @property
    def ratio(self) -> float:
        """To the plain process."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.rates, self.plain, strict=True))


def measure(rounds: int, seconds: int) -> Rows:
    """Load one replica, then two, and a plain process in turn, `rounds` times for `seconds` each; a row a target."""
    flags = ("--models", f"minilm={folder()}", "--num-threads", "1", "--max-concurrent-requests", str(CLIENTS))
    with serving(*flags) as server:
        loaded = {replicas: _load(replicas, flags, server.url, rounds, seconds) for replicas in (1, 2)}
    return [_row(target, loaded[1][target], loaded[2][target]) for target in TARGETS]


def _load(replicas: int, flags: tuple[str, ...], plain: str, rounds: int, seconds: int) -> dict[Target, Loaded]:
    loaded = {target: Loaded() for target in TARGETS}
    with cluster(*flags, "--replicas", str(replicas), "--node-cpus", str(replicas), nodes=1) as made:
        for number in range(rounds + 1):
            for target in TARGETS:
                of, start = loaded[target], (number + 1) * 1_000_000
                last = seconds if number else 1
                theirs = load(plain, target, start, last, CLIENTS)
                with _using(made, of, last):
                    mine = load(made.url, target, start, last, CLIENTS)
                if number:  # the first one warms up
                    of.plain.append(theirs)
                    of.rates.append(mine)
    return loaded


@contextlib.contextmanager
def _using(made: Cluster, of: Loaded, seconds: int) -> Iterator[None]:
    """Note what wrk and HAProxy use meanwhile."""
    proxies = [
        each for each in psutil.Process(made.processes[0].pid).children(recursive=True) if "haproxy" in each.name()
    ]
    before = seconds_of_children(), sum(sum(proxy.cpu_times()[:2]) for proxy in proxies)
    yield
    of.wrk.append((seconds_of_children() - before[0]) / seconds)
    of.haproxy.append((sum(sum(proxy.cpu_times()[:2]) for proxy in proxies) - before[1]) / seconds)


def _row(target: Target, one: Loaded, two: Loaded) -> dict[str, object]:
    cores = len(os.sched_getaffinity(0))
    wrk, haproxy = statistics.median(two.wrk), statistics.median(two.haproxy)
    return {
        "target": target.name,
        "plain_a_second": round(statistics.median(one.plain + two.plain)),
        "one_replica": round(statistics.median(one.rates)),
        "of_plain": round(one.ratio, 2),
        "two_replicas": round(statistics.median(two.rates)),
        "cores_of_wrk": round(wrk, 2),
        "cores_of_HAProxy": round(haproxy, 2),
        "two_of_one": round(two.ratio / one.ratio, 2),
        "without_wrk": round(two.ratio / one.ratio * cores / (cores - wrk), 2),
        "bar": BAR if "MiniLM" in target.name else None,
    }
