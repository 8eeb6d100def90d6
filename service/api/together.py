"""Many requests at once: tokenized in one call, computed together, encoded in one go. Each is answered as it is alone.

A request that failed already is an error in its place, and so is the answer of one that fails now.
"""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Generic, NamedTuple, TypeVar

from service.api import questions
from service.api.attention_request import AttentionRequest
from service.api.bulk_request import answer_line, id_of
from service.api.encoding import Buffers
from service.api.members import encode_tokens
from service.api.operations import AttentionTask, Operations, seconds_to_encode
from service.api.requests import SentenceRequest, TokenizeRequest
from service.engine.models import Model
from service.engine.outcomes import each, outcome, parts, result
from service.engine.plan import Attention
from service.engine.tokens import Tokens
from service.engine.worker import INLINE_SECONDS

Request = TypeVar("Request", bound=SentenceRequest)
Answers = list[Buffers | Exception]
"""A line each."""


class Tokenized(NamedTuple, Generic[Request]):
    """A request, its model and the tokens of its text."""

    request: Request
    model: Model
    tokens: Tokens


class _Computed(NamedTuple):
    task: AttentionTask
    attention: Attention


async def answer_tokenize(
    operations: Operations, tokenized: Sequence[Tokenized[TokenizeRequest] | Exception]
) -> AsyncIterator[Answers]:
    """The answers of /tokenize as lines of JSON."""
    seconds = sum(seconds_to_encode(one.tokens) for one in tokenized if not isinstance(one, Exception))
    yield await operations.engine.worker.run("encode", {}, seconds, each, _encode_tokens, tokenized)


async def answer_attention(
    operations: Operations, tokenized: Sequence[Tokenized[AttentionRequest] | Exception]
) -> AsyncIterator[Answers]:
    """The answers of /attention as lines of JSON, as many at a time as together are no larger than one may be."""
    tasks = [
        one
        if isinstance(one, Exception)
        else await outcome(operations.prepare(one.request, "json", one.model, one.tokens, {}))
        for one in tokenized
    ]
    for part in parts(tasks, _bytes, operations.max_response_bytes):
        yield await _encode(operations, await _compute(operations, part))


async def tokenize(
    operations: Operations, requests: Sequence[Request | Exception]
) -> list[Tokenized[Request] | Exception]:
    """The tokens of each request's text."""
    asked = each(lambda request: (request, operations.model_of(request)), requests)
    texts = [(one[1], questions.text_of(*one)) for one in asked if not isinstance(one, Exception)]
    tokens = deque(await operations.engine.tokenize_all(texts, {}))
    return each(lambda one: Tokenized(*one, result(tokens.popleft())), asked)


async def _compute(operations: Operations, tasks: Sequence[AttentionTask | Exception]) -> list[_Computed | Exception]:
    plans = [(task.model, task.plan) for task in tasks if not isinstance(task, Exception)]
    attentions = deque(await operations.engine.attend_all(plans, {}))
    return each(lambda task: _Computed(task, result(attentions.popleft())), tasks)


def _bytes(task: AttentionTask | Exception) -> int:
    return 0 if isinstance(task, Exception) else task.size


async def _encode(operations: Operations, computed: Sequence[_Computed | Exception]) -> Answers:
    """Short answers together, long ones step by step."""
    answers: Answers = []
    for part in parts(computed, _seconds, INLINE_SECONDS):
        if len(part) > 1:
            answers += await operations.engine.worker.run("encode", {}, 0, each, _encode_short, part)
        else:
            answers.append(await outcome(_encode_long(operations, part[0])))
    return answers


def _seconds(one: _Computed | Exception) -> float:
    return 0 if isinstance(one, Exception) else one.task.seconds


def _encode_short(one: _Computed) -> Buffers:
    return answer_line(id_of(one.task.request), one.task.encode(one.attention).buffers)


async def _encode_long(operations: Operations, computed: _Computed | Exception) -> Buffers:
    one = result(computed)
    encoded = await operations.encode_attention(one.task, one.attention, {})
    return answer_line(id_of(one.task.request), encoded.buffers)


def _encode_tokens(one: Tokenized[TokenizeRequest]) -> Buffers:
    return answer_line(id_of(one.request), encode_tokens(one.request, one.tokens).buffers)
