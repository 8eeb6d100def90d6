"""Bulk: lines of JSON in, lines of JSON out, one answer or problem for each, in the same order. Knows no HTTP."""

import logging
from collections.abc import AsyncIterable, AsyncIterator

import orjson

from service.api.attention_request import AttentionRequest
from service.api.bulk_request import AttentionLine, TokenizeLine, check_line, readable_id
from service.api.fields import fields_from_json
from service.api.operations import Operations
from service.api.problems import Exchange, ProblemError, problem_document, problem_of
from service.api.requests import TokenizeRequest
from service.engine.errors import RequestError

logger = logging.getLogger(__name__)


async def answer_lines(
    operations: Operations, path: str, lines: AsyncIterable[bytes], exchange: Exchange | None = None
) -> AsyncIterator[bytes]:
    """Answer each of `lines` as `path`, /tokenize or /attention, answers it alone; blank ones are skipped.

    Yields whole lines, several at a time, each with its newline. Problems tell of `exchange`, else of `path` alone.
    """
    exchange = exchange or Exchange(path)
    async for line in lines:
        if line.strip() or len(line) > operations.limits["MAX_BODY_BYTES"]:
            yield await _answer(operations, path, line, exchange) + b"\n"


async def _answer(operations: Operations, path: str, line: bytes, exchange: Exchange) -> bytes:
    try:
        _check_length(line, operations.limits["MAX_BODY_BYTES"])
        request: TokenizeLine | AttentionLine
        if path == "/tokenize":
            request = fields_from_json(line, TokenizeLine, TokenizeRequest)
            encoded = await operations.tokenize(request, "json", {})
        else:
            request = fields_from_json(line, AttentionLine, AttentionRequest)
            check_line(request)
            encoded = await operations.attention(request, "json", {})
    except Exception as error:  # a bad line harms no other
        if not isinstance(error, ProblemError | RequestError):
            logger.exception("a line failed: request_id=%s path=%r", exchange.request_id, exchange.path)
        document = problem_document(problem_of(error, "body"), exchange)
        return _with_id(readable_id(line), orjson.dumps(document))
    return _with_id(request.id, b"".join(encoded.buffers))


def _with_id(id_: str | None, document: bytes) -> bytes:
    """`document` with the line's id as its first member."""
    return document if id_ is None else b'{"id":' + orjson.dumps(id_) + b"," + document[1:]


def _check_length(line: bytes, most: int) -> None:
    if len(line) > most:
        raise ProblemError(
            "body-too-large", f"The line is longer than {most:,} bytes (MAX_BODY_BYTES). Send a shorter sentence."
        )
