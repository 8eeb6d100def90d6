"""Bulk: lines of JSON in, lines of JSON out, one answer or problem for each, in the same order. Knows no HTTP."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple

import orjson

from service.api.attention_request import AttentionRequest
from service.api.bulk_request import LINES, AttentionLine, TokenizeLine, answer_line, check_line, readable_id
from service.api.encoding import Buffers
from service.api.fields import fields_from_json
from service.api.grouping import in_groups, one_ahead
from service.api.operations import Operations
from service.api.problems import DeadlineError, Occurrence, ProblemError, problem_document, problem_of
from service.api.requests import SentenceRequest, TokenizeRequest
from service.api.together import Answers, answer_attention, answer_tokenize, tokenize
from service.engine.errors import RequestError
from service.engine.outcomes import each

LONG_BYTES = 64 * 1024
"""A line of so many bytes is handed over as it is: the event loop copies none."""

logger = logging.getLogger(__name__)


class _Kind(NamedTuple):
    """What the lines of an endpoint are, and how many are answered at once."""

    line: type[TokenizeLine | AttentionLine]
    fields: type[SentenceRequest]
    answer: Callable[[Operations, Sequence[Any]], AsyncIterator[Answers]]


KINDS = {
    "/tokenize": _Kind(LINES["/tokenize"], TokenizeRequest, answer_tokenize),
    "/attention": _Kind(LINES["/attention"], AttentionRequest, answer_attention),
}


async def answer_lines(
    operations: Operations, path: str, lines: AsyncIterable[bytes], occurrence: Occurrence | None = None
) -> AsyncGenerator[Buffers, None]:
    """Answer each of `lines` as `path`, /tokenize or /attention, answers it alone; blank ones are skipped.

    Yields whole lines, several at a time, each with its newline. Problems tell of `occurrence`, else of `path` alone.
    """
    kind, occurrence = KINDS[path], occurrence or Occurrence(path)
    most = operations.max_body_bytes
    given = (line async for line in lines if line.strip() or len(line) > most)
    async with aclosing(one_ahead(_tokenized(operations, kind, given))) as groups:
        async for group, tokenized in groups:
            place = 0
            async for answers in _in_time(kind.answer(operations, tokenized), len(group), operations.request_seconds):
                asked = group[place : place + len(answers)]
                place += len(answers)
                for part in _joined([_write(occurrence, most, *each) for each in zip(asked, answers, strict=True)]):
                    yield part


async def _tokenized(
    operations: Operations, kind: _Kind, lines: AsyncIterable[bytes]
) -> AsyncGenerator[tuple[list[bytes], list[Any]], None]:
    """Groups of lines, and each with the tokens that it asks about, or why there are none."""
    async with aclosing(in_groups(lines)) as groups:
        async for group in groups:
            requests = each(partial(_read, kind, operations.max_body_bytes), group)
            yield group, await tokenize(operations, requests)


async def _in_time(answering: AsyncIterator[Answers], left: int, seconds: float) -> AsyncIterator[Answers]:
    """The answers to the `left` lines of a group, each of which may take so many `seconds`."""
    while left:
        try:
            async with asyncio.timeout(left * seconds):
                answers = await anext(answering)
        except TimeoutError:
            answers = [DeadlineError(seconds)] * left
        left -= len(answers)
        yield answers


def _read(kind: _Kind, most: int, line: bytes) -> TokenizeLine | AttentionLine:
    if len(line) > most:
        raise ProblemError(
            "body-too-large", f"The line is longer than {most:,} bytes (MAX_BODY_BYTES). Send a shorter sentence."
        )
    request = fields_from_json(line, kind.line, kind.fields)
    check_line(request)
    return request


def _joined(lines: Sequence[Buffers]) -> Iterator[Buffers]:
    """`lines` in fewer pieces; the event loop copies no long one."""
    short: list[bytes | memoryview] = []
    for line in lines:
        if sum(map(len, line)) < LONG_BYTES:
            short += line
            continue
        if short:
            yield [b"".join(short)]
            short.clear()
        yield line
    if short:
        yield [b"".join(short)]


def _write(occurrence: Occurrence, most: int, asked: bytes, answer: Buffers | Exception) -> Buffers:
    """The answer, or the problem in its place."""
    if not isinstance(answer, Exception):
        return answer
    if not isinstance(answer, ProblemError | RequestError):
        logger.error("a line failed: request_id=%s path=%r", occurrence.request_id, occurrence.path, exc_info=answer)
    document = problem_document(problem_of(answer, "body"), occurrence)
    return answer_line(readable_id(asked[:most]), [orjson.dumps(document)])
