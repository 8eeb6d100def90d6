"""Runs in this process, whole or cut short, and the files they leave."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from service.api.endpoints import SENTENCE_ENDPOINTS
from service.api.operations import Operations
from service.corpus.forms import open_output
from service.corpus.run import run
from service.corpus.source import Source, open_source

MOST_BYTES = 1000
SENTENCES = ["The cat sat on the mat.", "naïve café", "\x00", "東京 🙂", "words " * 12, "x", "the last one"]
"""One of them has no tokens."""


class StoppedError(Exception):
    """What ends a run before its time."""


@dataclass(frozen=True)
class StoppingSource(Source):
    """Ends the run when so many lines were read."""

    after: int = 0

    def requests(self, skip: int) -> Iterator[tuple[int, bytes]]:
        for number, line in enumerate(Source.requests(self, skip)):
            if number == self.after:
                raise StoppedError
            yield line


@dataclass(frozen=True)
class Command:
    """What a user asks for, in one folder."""

    operations: Operations
    source: Path
    output: Path
    fields: dict[str, Any]
    endpoint: str = "/attention"

    async def run(self, *, after: int | None = None, force: bool = False) -> str:
        """Run it to the end, or until so many lines were read; say what it says."""
        (endpoint,) = (each for each in SENTENCE_ENDPOINTS if each.path == self.endpoint)
        source = open_source(str(self.source), self.fields, self.endpoint, MOST_BYTES)
        if after is not None:
            source = StoppingSource(
                source.address, source.fields, source.is_of_requests, source.spans, source.digest, after
            )
        return await run(self.operations, endpoint, source, open_output(self.output, self.endpoint, force=force))

    async def stop(self, after: int) -> None:
        """Run until so many lines were read."""
        try:
            await self.run(after=after)
        except StoppedError:
            return
        raise AssertionError("it ended")

    @property
    def left(self) -> list[str]:
        """The names of what lies beside the input."""
        return sorted(file.name for file in self.output.parent.iterdir() if file != self.source)


def sentences(folder: Path, lines: list[str] = SENTENCES) -> Path:
    """A file of sentences in a new folder."""
    folder.mkdir()
    file = folder / "sentences.txt"
    file.write_text("\n".join(lines) + "\n")
    return file


def copy(folder: Path, to: Path) -> Path:
    """The state of a folder, to go on from more than once."""
    shutil.rmtree(to, ignore_errors=True)
    return Path(shutil.copytree(folder, to))
