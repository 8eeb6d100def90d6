"""The run: lines in, answers out, progress for people meanwhile."""

from collections import deque
from collections.abc import AsyncIterator
from time import monotonic

import orjson
from tqdm import tqdm

from service.api.bulk import answer_lines
from service.api.endpoints import SentenceEndpoint
from service.api.operations import Operations
from service.corpus.errors import CorpusError
from service.corpus.output import Output, is_problem
from service.corpus.sidecar import Run
from service.corpus.source import ANY_SENTENCE, Source


async def run(operations: Operations, endpoint: SentenceEndpoint, source: Source, output: Output) -> str:
    """Answer each line of `source` at `endpoint`, from where an earlier run ended on, and say what was done.

    Raises:
        CorpusError: the fields ask for what the model does not have, or another run has begun the output.
        OSError: the output cannot be written.
    """
    members = await _members(operations, endpoint, source)
    try:
        output.begin(_identity(operations, endpoint, source), members)
        before, started = output.counted.lines, monotonic()
        try:
            await _answer(operations, endpoint, source, output)
        except BaseException:  # what was answered until Ctrl-C need not be answered again
            output.save()
            raise
        output.finish()
    finally:
        output.close()
    return _summary(output, before, monotonic() - started)


async def _answer(operations: Operations, endpoint: SentenceEndpoint, source: Source, output: Output) -> None:
    numbers: deque[int] = deque()

    async def requests() -> AsyncIterator[bytes]:
        for number, request in source.requests(skip=output.counted.lines):
            numbers.append(number)
            yield request

    with tqdm(total=source.lines, initial=output.counted.lines, unit=" lines", disable=None) as bar:  # on terminals
        async for buffers in answer_lines(operations, endpoint.path, requests()):
            for answer in b"".join(buffers).splitlines(keepends=True):
                output.write(numbers.popleft(), answer)
                bar.update()


async def _members(operations: Operations, endpoint: SentenceEndpoint, source: Source) -> list[str] | None:
    """The members that every answer has, in their order; None where requests have fields of their own."""
    fields = source.fields
    if fields is None:
        return None

    async def trial() -> AsyncIterator[bytes]:
        yield orjson.dumps({"sentence": ANY_SENTENCE, **fields})

    async for buffers in answer_lines(operations, endpoint.path, trial()):
        answer = b"".join(buffers)
        members = orjson.loads(answer)
    if is_problem(answer):  # then no line can be answered
        raise CorpusError(members["detail"])
    return list(members)


def _identity(operations: Operations, endpoint: SentenceEndpoint, source: Source) -> Run:
    """What decides the output."""
    asked = endpoint.fields.model_validate({"sentence": ANY_SENTENCE, **(source.fields or {})})
    models = list(operations.engine.models) if source.fields is None else [asked.model]
    return {
        "input": source.digest,
        "endpoint": endpoint.path,
        "fields": source.fields,
        "model": [operations.normalize(endpoint.fields(sentence=ANY_SENTENCE, model=model)) for model in models],
        "limits": operations.limits,
        "software": operations.software,
    }


def _summary(output: Output, before: int, seconds: float) -> str:
    lines, problems, _ = output.counted
    earlier = f" ({before:,} by an earlier run)" if before else ""
    rate = (lines - before) / max(seconds, 0.001)
    return f"{output.path}: lines: {lines:,}{earlier}, problems: {problems:,}, {seconds:,.1f} s, {rate:,.0f} lines/s"
