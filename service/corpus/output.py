"""What is written, a line at a time, so that a run that ended early goes on where it was."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from service.corpus.sidecar import Counted, Run, Sidecar


class Output(ABC):
    """An output in one form. What `counted` says is what was written; that what was saved stays whatever happens."""

    def __init__(self, path: Path, *, force: bool) -> None:
        """Write nothing yet; with `force`, overwrite what there is.

        Raises:
            CorpusError: without, the output is there and finished.
        """
        self.path = path
        self.counted = Counted()
        self._sidecar = Sidecar(path, force=force)

    def begin(self, run: Run, members: Sequence[str] | None) -> None:  # noqa: ARG002  # a table must know
        """Go on where `run` was, if it was begun; what was written since it was saved last is cut off.

        Every answer has these `members`; None = each has its own.

        Raises:
            CorpusError: another run has begun the output, or another process writes it.
            OSError: it cannot be written; nor can it in what follows.
        """
        self._open()
        self.counted = self._cut(self._sidecar.begin(run))

    def write(self, number: int, answer: bytes) -> None:
        """Add the `answer`, a line of JSON, to the input's line `number`; save now and then."""
        size = self._add(number, answer)
        self.counted = Counted(self.counted.lines + 1, self.counted.problems + is_problem(answer), size)
        if self._is_due():
            self.save()

    def save(self) -> None:
        """Bring all that was written to disk."""
        self.counted = self.counted._replace(size=self._flush())
        self._sidecar.count(self.counted)

    def finish(self) -> None:
        """Save; the output is whole."""
        self.save()
        self._sidecar.remove()

    @abstractmethod
    def close(self) -> None:
        """Let go of the files; what was not saved is lost."""

    @abstractmethod
    def _open(self) -> None:
        """Lock the output."""

    @abstractmethod
    def _cut(self, counted: Counted) -> Counted:
        """Leave of the output what is `counted`, and say what that is."""

    @abstractmethod
    def _add(self, number: int, answer: bytes) -> int:
        """Write, maybe to memory, and say how large the output is then."""

    @abstractmethod
    def _is_due(self) -> bool:
        """Whether it is time to save."""

    @abstractmethod
    def _flush(self) -> int:
        """Bring what was added to disk, and say how large the output is then."""


def is_problem(answer: bytes) -> bool:
    """Whether a line of JSON is a problem: these have a `status`, answers never do, and in texts quotes are escaped."""
    return b'"status":' in answer
