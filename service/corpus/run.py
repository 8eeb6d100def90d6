"""The run: lines in, answers out, progress for people meanwhile."""

from collections import deque
from collections.abc import AsyncIterator, Iterable
from time import monotonic
from typing import NoReturn

import orjson
from tqdm import tqdm

from service.api.bulk import answer_lines
from service.api.endpoints import SentenceEndpoint
from service.api.operations import Operations
from service.corpus.errors import CorpusError
from service.corpus.output import Output, is_problem
from service.corpus.sidecar import Counted, Run
from service.corpus.source import ANY_SENTENCE, Source


async def run(operations: Operations, endpoint: SentenceEndpoint, source: Source, output: Output) -> str:
    """Answer each line of `source` at `endpoint`, from where an earlier run ended on, and say what was done.

    Raises:
        CorpusError: the fields ask for what the model does not have, or another run has begun the output.
        OSError: the output cannot be written.
    """
    members = await members_of(operations, endpoint, source)
    try:
        output.begin(identity_of(operations, endpoint, source), members)
        before, started = output.counted.lines, monotonic()
        try:
            with progress(source, before) as bar:
                async for number, answer in answers_to(operations, endpoint, source.requests(skip=before)):
                    output.write(number, answer)
                    bar.update()
        except BaseException:  # what was answered until Ctrl-C need not be answered again
            output.save()
            raise
        output.finish()
    finally:
        output.close()
    return summary(output.path, output.counted, before, monotonic() - started)


async def answers_to(
    operations: Operations, endpoint: SentenceEndpoint, requests: Iterable[tuple[int, bytes]]
) -> AsyncIterator[tuple[int, bytes]]:
    """The number of each of `requests`, and its answer, a line of JSON."""
    numbers: deque[int] = deque()

    async def lines() -> AsyncIterator[bytes]:
        for number, request in requests:
            numbers.append(number)
            yield request

    async for buffers in answer_lines(operations, endpoint.path, lines()):
        for answer in b"".join(buffers).splitlines(keepends=True):
            yield numbers.popleft(), answer


async def members_of(operations: Operations, endpoint: SentenceEndpoint, source: Source) -> list[str] | None:
    """The members that every answer has, in their order; None where requests have fields of their own.

    Raises:
        CorpusError: no line can be answered, for the fields ask for what the model does not have.
    """
    if source.is_of_requests:
        return None
    trial = [(1, orjson.dumps({"sentence": ANY_SENTENCE, **source.fields}))]
    [answer] = [answer async for _, answer in answers_to(operations, endpoint, trial)]
    members = orjson.loads(answer)
    if is_problem(answer):
        raise CorpusError(members["detail"])
    return list(members)


def identity_of(operations: Operations, endpoint: SentenceEndpoint, source: Source) -> Run:
    """What decides the output."""
    asked = endpoint.fields.model_validate({"sentence": ANY_SENTENCE, **source.fields})
    models = list(operations.engine.models) if source.is_of_requests else [asked.model]
    return {
        "input": source.digest,
        "endpoint": endpoint.path,
        "fields": source.fields,
        "model": [operations.normalize(endpoint.fields(sentence=ANY_SENTENCE, model=model)) for model in models],
        "limits": operations.limits,
        "software": operations.software,
    }


def progress(source: Source, before: int) -> "tqdm[NoReturn]":
    """A bar that shows, on terminals, how many of the lines are answered."""
    return tqdm(total=source.lines, initial=before, unit=" lines", disable=None)


def summary(output: object, counted: Counted, before: int, seconds: float) -> str:
    """What was done, `before` lines of it by an earlier run, in a line for people."""
    lines, problems, _ = counted
    earlier = f" ({before:,} by an earlier run)" if before else ""
    rate = (lines - before) / max(seconds, 0.001)
    return f"{output}: lines: {lines:,}{earlier}, problems: {problems:,}, {seconds:,.1f} s, {rate:,.0f} lines/s"
