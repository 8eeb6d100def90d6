"""Bulk: lines of JSON in, lines of JSON out, one answer or problem for each, in the same order. Knows no HTTP."""

import logging
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, NamedTuple

import orjson

from service.api.attention_request import AttentionRequest
from service.api.bulk_request import AttentionLine, TokenizeLine, check_line, readable_id
from service.api.fields import fields_from_json
from service.api.grouping import in_groups
from service.api.operations import Operations
from service.api.problems import Exchange, ProblemError, problem_document, problem_of
from service.api.requests import SentenceRequest, TokenizeRequest
from service.api.together import Answers, attention_together, tokenize_together
from service.engine.errors import RequestError
from service.engine.outcomes import each

logger = logging.getLogger(__name__)


class _Kind(NamedTuple):
    """What the lines of an endpoint are, and how many are answered at once."""

    line: type[TokenizeLine | AttentionLine]
    fields: type[SentenceRequest]
    answer: Callable[[Operations, Sequence[Any]], AsyncIterator[Answers]]


KINDS = {
    "/tokenize": _Kind(TokenizeLine, TokenizeRequest, tokenize_together),
    "/attention": _Kind(AttentionLine, AttentionRequest, attention_together),
}


async def answer_lines(
    operations: Operations, path: str, lines: AsyncIterable[bytes], exchange: Exchange | None = None
) -> AsyncGenerator[bytes, None]:
    """Answer each of `lines` as `path`, /tokenize or /attention, answers it alone; blank ones are skipped.

    Yields whole lines, several at a time, each with its newline. Problems tell of `exchange`, else of `path` alone.
    """
    kind, exchange = KINDS[path], exchange or Exchange(path)
    most = operations.max_body_bytes
    given = (line async for line in lines if line.strip() or len(line) > most)
    async with aclosing(in_groups(given)) as groups:
        async for group in groups:
            requests = each(partial(_read, kind, most), group)
            rest = zip(group, requests, strict=True)
            async for answers in kind.answer(operations, requests):
                yield b"".join([_write(*next(rest), answer, exchange) for answer in answers])


def _read(kind: _Kind, most: int, line: bytes) -> TokenizeLine | AttentionLine:
    if len(line) > most:
        raise ProblemError(
            "body-too-large", f"The line is longer than {most:,} bytes (MAX_BODY_BYTES). Send a shorter sentence."
        )
    request = fields_from_json(line, kind.line, kind.fields)
    check_line(request)
    return request


def _write(
    line: bytes, request: TokenizeLine | AttentionLine | Exception, answer: bytes | Exception, exchange: Exchange
) -> bytes:
    """The answer or the problem as a line, with the id as its first member."""
    id_ = readable_id(line) if isinstance(request, Exception) else request.id
    if isinstance(answer, Exception):
        if not isinstance(answer, ProblemError | RequestError):
            logger.error("a line failed: request_id=%s path=%r", exchange.request_id, exchange.path, exc_info=answer)
        answer = orjson.dumps(problem_document(problem_of(answer, "body"), exchange))
    return b"%b\n" % answer if id_ is None else b'{"id":%b,%b\n' % (orjson.dumps(id_), answer[1:])
