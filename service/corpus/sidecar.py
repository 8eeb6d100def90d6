"""The file beside an unfinished output: which run writes it, and how much of it is safe on disk."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from service.corpus.errors import CorpusError
from service.corpus.files import replacing, sync

Run = Mapping[str, object]
"""All that decides an output, by words that tell a user which of it is another."""


class Counted(NamedTuple):
    """How far an output is."""

    lines: int = 0
    problems: int = 0
    """Those of the lines that could not be answered."""
    size: int = 0
    """Bytes, or parts, of the output that hold them."""


class Sidecar:
    """`answers.ndjson.progress` for `answers.ndjson`: there from a run's first moment until its output is whole."""

    def __init__(self, output: Path, *, force: bool) -> None:
        """Give way, with `force`, to no output but that of the same run: to go on is as good as to start anew.

        Raises:
            CorpusError: without, the output is there and finished.
        """
        self._output = output
        self._path = output.with_name(output.name + ".progress")
        self._force = force
        self._run: Run = {}
        if not force and not self._path.exists() and output.exists() and output.stat().st_size:
            raise already_there(output)

    def begin(self, run: Run) -> Counted:
        """How far `run` is: nowhere, where it is new.

        Raises:
            CorpusError: another run has begun the output.
        """
        self._run = run
        found = orjson.loads(self._path.read_bytes()) if self._path.exists() else None
        if found is None or not is_same(found["run"], run, self._output, force=self._force):
            self.count(Counted())
            return Counted()
        return Counted(**found["counted"])

    def count(self, counted: Counted) -> None:
        """Keep `counted`, all of which must be on disk."""
        with replacing(self._path) as file:
            file.write(orjson.dumps({"run": self._run, "counted": counted._asdict()}, option=orjson.OPT_INDENT_2))

    def remove(self) -> None:
        """The output is whole."""
        self._path.unlink()
        sync(self._path.parent)


def is_same(found: Mapping[str, Any], run: Run, output: object, *, force: bool) -> bool:
    """Whether `found`, the run that began `output`, is `run`.

    Raises:
        CorpusError: it is not, and there is no `force`.
    """
    others = [name for name in run if found.get(name) != run[name]]
    if others and not force:
        raise CorpusError(
            f"{output} is unfinished, and was begun with other {' and '.join(others)}: run that command again to "
            "finish it, or start anew with --force"
        )
    return not others


def already_there(output: object) -> CorpusError:
    """What is wrong with a finished `output`."""
    return CorpusError(f"{output} is there already: name another file, or overwrite it with --force")
