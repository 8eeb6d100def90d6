"""A whole corpus through a Ray cluster: `attention-service bulk --engine ray`.

Ray Data reads pieces of the corpus, leads each to an actor that is free, and tries again on another node where one is
lost. Each piece becomes a part of the table, whole or not at all; a run that goes on asks for those that are missing.
"""

import logging
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from time import monotonic
from typing import Any

import ray
from ray.data import ActorPoolStrategy, DataContext, Dataset
from ray.exceptions import RayError, RayTaskError

from service.api.endpoints import SentenceEndpoint
from service.corpus.addresses import absolute
from service.corpus.errors import CorpusError
from service.corpus.parts import Parts
from service.corpus.run import progress, summary
from service.corpus.sidecar import Counted
from service.corpus.source import Source, unreadable
from service.deploy.answering import Answerer, Described, Task, describe
from service.deploy.cluster_settings import ClusterSettings
from service.deploy.errors import ClusterError
from service.deploy.nodes import is_listening
from service.deploy.pieces import Pieces

RETRIES = 5
"""How often a piece may cost its actor: one that always does, as where memory is too small, must not do so for ever."""
WAIT_SECONDS = 15
"""How long a node with room is waited for before that is said."""

logger = logging.getLogger(__name__)


def run_on_ray(
    settings: ClusterSettings, endpoint: SentenceEndpoint, source: Source, output: str, *, force: bool
) -> tuple[Counted, str]:
    """Answer each line of `source` at `endpoint`, but for the parts of the folder `output` that are there, and sum up.

    Raises:
        CorpusError: the fields ask for what the model does not have, or another run has begun the output.
        ClusterError: the cluster cannot be reached, or what its nodes do failed.
        OSError: a part cannot be written.
    """
    parts = Parts(output)
    parts.check(force=force)
    asked = replace(source, spans=())  # which no actor reads
    task = Task(settings.of_a_replica, endpoint, asked, absolute(output))
    with _failures_told(source), _connected(settings):
        described = _describe(settings, task)
        done = parts.begin(described.run, force=force)
        counted, started = parts.count(done), monotonic()
        before = counted.lines
        if not source.lines and not done:
            with parts.writing("000000-000000.parquet", described.schema):
                pass  # a table without rows has columns, too
            counted = counted._replace(size=1)
        with progress(source, before) as bar:
            for row in _answered(settings, task, described, Pieces(source.spans, done)).iter_rows():
                if row["failure"]:
                    raise OSError(row["failure"])
                counted = Counted(counted.lines + row["lines"], counted.problems + row["problems"], counted.size + 1)
                bar.update(row["lines"])
        if counted.lines != source.lines:
            raise ClusterError(f"{output} has {counted.lines:,} of {source.lines:,} lines: run the same command again")
        parts.finish(counted.size)
        return counted, summary(output, counted, before, monotonic() - started)


def _answered(settings: ClusterSettings, task: Task, described: Described, pieces: Pieces) -> Dataset:
    """What the actors say of each of the `pieces`; they begin as it is read."""
    context = DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.target_max_block_size = 1  # a piece is a block: all in one go to the same actor
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", "`ray_remote_args` is deprecated")  # until retries have a name of their own
    warnings.filterwarnings("ignore", module="ray.data")  # of few pieces, of which some actors get none
    read = ray.data.read_datasource(
        pieces,
        override_num_blocks=max(1, len(pieces)),
        concurrency=max(2, settings.replicas),
        num_cpus=0,  # they wait more than they compute: the CPUs are the actors'
    )
    answered: Dataset = read.map_batches(
        Answerer,
        fn_constructor_args=(task, described),
        batch_size=1,
        batch_format="pyarrow",
        compute=ActorPoolStrategy(min_size=settings.replicas, max_size=settings.max_replicas or settings.replicas),
        max_task_retries=RETRIES,
        **_resources(settings),
    )
    return answered


def _describe(settings: ClusterSettings, task: Task) -> Described:
    """Ask any node that has room for an actor."""
    asked = ray.remote(describe).options(**_resources(settings), max_retries=0).remote(task)
    if not ray.wait([asked], timeout=WAIT_SECONDS)[0]:
        logger.warning("waiting for a node that has free what an actor reserves: %s", _resources(settings))
    described: Described = ray.get(asked)
    return described


def _resources(settings: ClusterSettings) -> dict[str, Any]:
    return {
        "num_cpus": settings.replica_cpus,
        "num_gpus": settings.replica_gpus,
        "memory": settings.replica_memory or None,
    }


@contextmanager
def _connected(settings: ClusterSettings) -> Iterator[None]:
    """Part of the cluster that RAY_ADDRESS names, else of a new one on this machine."""
    named = os.environ.get("RAY_ADDRESS")
    if named and not is_listening(named):
        raise ClusterError(f"no cluster listens at {named} (RAY_ADDRESS): start one there, or name another")
    resources = {"num_cpus": settings.node_cpus, "object_store_memory": settings.object_store_memory}
    alone: dict[str, Any] = {} if named else {"include_dashboard": False, **resources}
    try:
        ray.init(named or "local", logging_level=logging.WARNING, **alone)
    except ConnectionError as error:
        raise ClusterError(f"cannot join {named} (RAY_ADDRESS): run this on one of its nodes; {error}") from None
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Ray's own way is to print stacks
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _failures_told(source: Source) -> Iterator[None]:
    """What nodes raise as what it was there, if that is for users."""
    try:
        yield
    except RayTaskError as error:
        if isinstance(error.cause, CorpusError | ClusterError):
            raise error.cause from None
        if isinstance(error.cause, OSError):
            raise unreadable(source.address, error.cause) from None
        raise
    except RayError as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise ClusterError(said[-1].removeprefix(f"{ClusterError.__module__}.ClusterError: ")) from None
