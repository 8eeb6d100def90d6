"""Problem documents (RFC 9457): every way a request can fail, its status, and which error means which, in one table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal, NamedTuple
from urllib.parse import quote

import orjson
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from service.api.caching import VARY
from service.api.exchange import Exchange
from service.engine.errors import (
    NoTokensError,
    RequestError,
    ResponseTooLargeError,
    TooManyTokensError,
    TooMuchWorkError,
)
from service.heatmap.errors import NotDrawableError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER = {"Retry-After": "1"}
"""Seconds."""
CLOSE = {"Connection": "close"}

Where = Literal["body", "query"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One way a request can fail."""

    status: int
    title: str
    description: str


KINDS = {
    "malformed-request": Kind(400, "Not HTTP", "What was sent is no HTTP/1.1 request."),
    "malformed-json": Kind(400, "The body is not JSON", "The body is not JSON in UTF-8, or holds a lone surrogate."),
    "malformed-text": Kind(400, "The body is not text", "The body is not text in UTF-8."),
    "malformed-query": Kind(400, "The query is not UTF-8", "The query's percent-encoding does not decode to UTF-8."),
    "host-not-allowed": Kind(400, "Host not allowed", "The Host header names none of ALLOWED_HOSTS."),
    "unauthorized": Kind(401, "A key is needed", "The service has API keys, and the request holds none of them."),
    "not-found": Kind(404, "Not found", "There is nothing at this address."),
    "method-not-allowed": Kind(405, "Method not allowed", "Allow lists the methods that this address takes."),
    "not-acceptable": Kind(406, "Not acceptable", "The Accept header covers no form that this address answers in."),
    "request-timeout": Kind(408, "The sender is too slow", "The headers or the body did not come in time."),
    "body-too-large": Kind(413, "The body is too large", "The body, or a line of it, is larger than MAX_BODY_BYTES."),
    "query-too-long": Kind(414, "The query is too long", "The query is longer than 16 KiB: use POST."),
    "unsupported-media-type": Kind(
        415, "Unsupported media type", "The body is of a type that is not taken here, or is compressed."
    ),
    "invalid-fields": Kind(422, "Invalid fields", "Fields are missing, unknown or wrong; `errors` names each."),
    "no-tokens": Kind(422, "No tokens", "Nothing is left of a sentence after tokenization."),
    "too-many-tokens": Kind(
        422,
        "Too many tokens",
        "The text has more tokens than MAX_STREAM_TOKENS, for whole matrices than MAX_TOKENS, or than positions.",
    ),
    "response-too-large": Kind(422, "Answer too large", "The answer would be larger than MAX_RESPONSE_BYTES."),
    "too-much-work": Kind(
        422, "Too much work", "To compute it would take longer than REQUEST_TIMEOUT, or too much memory."
    ),
    "too-many-requests": Kind(
        429,
        "Too many requests",
        "All slots are taken and the queue is full, or long requests would have their turn too late; see Retry-After.",
    ),
    "too-many-bytes": Kind(
        429, "Too many bytes in flight", "Bodies and answers at work would have more than MAX_INFLIGHT_BYTES."
    ),
    "headers-too-large": Kind(431, "The headers are too large", "They are larger than MAX_HEADER_BYTES."),
    "internal-error": Kind(500, "Internal error", "The service failed; its log has the reason under the request id."),
    "not-ready": Kind(503, "Not ready", "The models are still being loaded; Retry-After says when to come back."),
    "shutting-down": Kind(503, "Shutting down", "The service ends or is replaced; Retry-After says when to come back."),
    "too-many-connections": Kind(503, "Too many connections", "More than MAX_CONNECTIONS are open; see Retry-After."),
    "deadline-exceeded": Kind(504, "Too late", "The answer did not begin within REQUEST_TIMEOUT."),
}


class FieldError(BaseModel):
    """What is wrong with one field."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    where: Where = Field(alias="in", description="Where the field stands.")
    pointer: str = Field(description='JSON pointer (RFC 6901) to the field, as "/d_k"; "" is the whole.')
    code: str = Field(description="What is wrong, for programs.")
    detail: str = Field(description="What is wrong, the limit and what to do, for people.")


class Problem(BaseModel):
    """Why a request failed (RFC 9457)."""

    model_config = ConfigDict(extra="forbid")

    type: str = Field(
        description="What kind of problem it is.", json_schema_extra={"enum": [f"/problems/{code}" for code in KINDS]}
    )
    title: str = Field(description="The kind of problem, for people.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was wrong this time, the limit, and what to do.")
    instance: str = Field(description="The path that was asked for.")
    request_id: str = Field(description="The request's id, as in X-Request-Id and in the service's log.")
    errors: list[FieldError] = Field(default_factory=list, description="For 422: what is wrong with each field.")


class ProblemError(Exception):
    """A request failed in the way that `code`, a key of `KINDS`, names."""

    def __init__(
        self,
        code: str,
        detail: str,
        errors: Sequence[FieldError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`detail` and `errors` go into the document, `headers` beside it."""
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}


class NotReadyError(ProblemError):
    """The models are still being loaded."""

    def __init__(self, progress: str) -> None:
        """Ask the client to come back; `progress` says what is being done."""
        super().__init__("not-ready", f"Not ready: {progress}. Try again in a moment.", headers=RETRY_AFTER)


class DeadlineError(ProblemError):
    """The answer did not begin in time."""

    def __init__(self, seconds: float) -> None:
        """It should have within `seconds`."""
        super().__init__(
            "deadline-exceeded",
            f"There is no answer after {seconds:g} seconds (REQUEST_TIMEOUT). Try again later, or ask for less.",
        )


class SlowSenderError(ProblemError):
    """The request did not come in time."""

    def __init__(self, seconds: float, what: str = "request", setting: str = "REQUEST_TIMEOUT") -> None:
        """`what` of it should have come within `seconds`, as `setting` says."""
        super().__init__(
            "request-timeout",
            f"The {what} did not come within {seconds:g} seconds ({setting}). Send faster.",
            headers=CLOSE,
        )


class ShuttingDownError(ProblemError):
    """The service is about to end."""

    def __init__(self) -> None:
        """Ask the client to come back, over another connection."""
        super().__init__(
            "shutting-down",
            "The service is shutting down. Try again in a moment.",
            headers={**RETRY_AFTER, **CLOSE},
        )


REQUEST_ERRORS: dict[type[RequestError], str] = {
    NoTokensError: "no-tokens",
    TooManyTokensError: "too-many-tokens",
    ResponseTooLargeError: "response-too-large",
    TooMuchWorkError: "too-much-work",
}
"""The kinds of the engine's errors; any other RequestError is `invalid-fields`."""


def problem_of(error: Exception, where: Where) -> ProblemError:
    """The problem that an exception means; fields stand in `where`."""
    match error:
        case ProblemError():
            return error
        case RequestError():
            culprits = [
                FieldError(where=where, pointer=f"/{field}", code=error.code, detail=str(error))
                for field in error.fields
            ]
            return ProblemError(REQUEST_ERRORS.get(type(error), "invalid-fields"), str(error), culprits)
        case NotDrawableError():
            culprit = FieldError(where=where, pointer=f"/{error.field}", code=error.code, detail=error.detail)
            return ProblemError("invalid-fields", error.detail, [culprit])
        case HTTPException(status_code=404):
            return ProblemError("not-found", "There is nothing here. /docs lists the addresses that exist.")
        case HTTPException(status_code=405, headers=headers):
            allow = {method.strip() for method in (headers or {}).get("Allow", "").split(",")}
            methods = ", ".join(sorted(allow | {"HEAD"} if "GET" in allow else allow))
            return ProblemError("method-not-allowed", f"Use one of: {methods}.", headers={"Allow": methods})
    return ProblemError("internal-error", "The service failed. Report the request_id to whoever runs it.")


class Occurrence(NamedTuple):
    """What a problem document tells of where it arose."""

    path: str
    """As it was asked for."""
    request_id: str | None = None
    """None = outside HTTP, where there is none."""


def problem_document(problem: ProblemError, occurrence: Occurrence) -> dict[str, object]:
    """The members of the problem document (RFC 9457)."""
    kind = KINDS[problem.code]
    document: dict[str, object] = {
        "type": f"/problems/{problem.code}",
        "title": kind.title,
        "status": kind.status,
        "detail": problem.detail,
        "instance": quote(occurrence.path),
    }
    if occurrence.request_id is not None:
        document["request_id"] = occurrence.request_id
    if kind.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        document["errors"] = [field.model_dump(by_alias=True) for field in problem.errors]
    return document


def problem_response(request: Request, error: Exception) -> Response:
    """The problem document that answers `request` when `error` was raised."""
    where: Where = "query" if request.method in {"GET", "HEAD"} else request.scope.get("fields_in", "body")
    problem = problem_of(error, where)
    if "fields_in" in request.scope:  # but for the sentence, which is the body
        problem.errors = [
            culprit.model_copy(update={"where": "body"}) if culprit.pointer == "/sentence" else culprit
            for culprit in problem.errors
        ]
    exchange: Exchange = request.scope["exchange"]
    exchange.problem = problem.code
    document = problem_document(problem, Occurrence(request.scope["path"], exchange.request_id))
    headers = {"Cache-Control": "no-store", "Vary": VARY, **problem.headers}
    return Response(orjson.dumps(document), KINDS[problem.code].status, headers, MEDIA_TYPE)
