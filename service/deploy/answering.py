"""What the nodes of a cluster do for a corpus: an actor with an engine answers pieces of it."""

import asyncio
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass

import pyarrow

from service.api.endpoints import SentenceEndpoint
from service.corpus.columns import schema_of
from service.corpus.forms import ANSWERS
from service.corpus.output import is_problem
from service.corpus.parts import Parts
from service.corpus.row_group import RowGroup
from service.corpus.run import answers_to, identity_of, members_of
from service.corpus.sidecar import Run
from service.corpus.source import Source
from service.deploy.errors import ClusterError
from service.engine.errors import EngineError
from service.loader import load_operations
from service.logs import configure_logging
from service.settings import Settings


@dataclass(frozen=True, slots=True)
class Task:
    """A corpus and what is asked about it."""

    settings: Settings
    endpoint: SentenceEndpoint
    source: Source
    output: str
    """The address of the folder of the table's parts."""


@dataclass(frozen=True, slots=True)
class Described:
    """What a task's table is: what decides it, and its columns."""

    run: Run
    schema: pyarrow.Schema


def describe(task: Task) -> Described:
    """What an engine on this node says of the task.

    Raises:
        CorpusError: the fields ask for what the model does not have.
        ClusterError: the models cannot be loaded.
    """
    with closing(Answerer(task)) as answerer:
        return answerer.described


class Answerer:
    """An actor of Ray Data: an engine that answers a piece at a time, and writes its part."""

    def __init__(self, task: Task, described: Described | None = None) -> None:
        """Load the engine, which must be of those that are `described`.

        Raises:
            ClusterError: the models cannot be loaded, or this node computes other bits than another.
        """
        configure_logging(task.settings.log_level, task.settings.log_format)
        self._task = task
        try:
            self._operations = load_operations(task.settings)
        except (EngineError, OSError) as error:  # which do not survive the way to another process, or say too little
            raise ClusterError(str(error)) from None
        self._runner = asyncio.Runner()
        self._parts = Parts(task.output)
        try:
            self.described = self._runner.run(self._describe())
            if described is not None and self.described != described:
                others = [name for name in described.run if self.described.run[name] != described.run[name]]
                raise ClusterError(f"a node has other {' and '.join(others)} than another: use nodes that are alike")
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the engine."""
        self._operations.engine.close()
        self._runner.close()

    def __call__(self, piece: pyarrow.Table) -> pyarrow.Table:
        """Answer a piece, which is the one row of a table, and say how many lines and problems there were.

        Or what kept the part from being written: of what is raised here, Ray Data keeps no more than a traceback.
        """
        [row] = piece.to_pylist()
        requests = zip(row["numbers"], row["requests"], strict=True)
        lines, problems, failure = 0, 0, ""
        try:
            lines, problems = self._runner.run(self._answer(row["part"], requests))
        except OSError as error:
            failure = error.strerror or str(error)
        return pyarrow.table({"lines": [lines], "problems": [problems], "failure": [failure]})

    async def _describe(self) -> Described:
        endpoint, source = self._task.endpoint, self._task.source
        members = await members_of(self._operations, endpoint, source)
        run = identity_of(self._operations, endpoint, source)
        return Described(run, schema_of(ANSWERS[endpoint.path], members, run))

    async def _answer(self, part: str, requests: Iterable[tuple[int, bytes]]) -> tuple[int, int]:
        lines = problems = 0
        group = RowGroup(self.described.schema)
        with self._parts.writing(part, self.described.schema) as writer:
            async for number, answer in answers_to(self._operations, self._task.endpoint, requests):
                group.add(number, answer)
                lines, problems = lines + 1, problems + is_problem(answer)
                if group.is_full:
                    writer.write_table(group.take())
            if group:
                writer.write_table(group.take())
        return lines, problems
