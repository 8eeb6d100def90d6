"""The pieces of openapi.json that all operations share: headers, problems, references."""

import json
from collections import defaultdict
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from service.api import problems
from service.api.bulk_request import MAX_ID_CHARACTERS
from service.api.problems import KINDS, Problem

Json = dict[str, Any]

REFERENCE = "#/components/schemas/{model}"

HEADERS: Json = {
    "X-Request-Id": "The caller's X-Request-Id if it is sane, else a new one.",
    "Server-Timing": "Milliseconds by stage: tokenize, queue, compute, encode; those that ran. Not of streams.",
    "ETag": "Tag of this answer, for If-None-Match.",
    "Cache-Control": "How long the answer may be kept.",
    "Vary": "The request headers that choose between forms of this answer.",
    "Content-Encoding": "zstd, br or gzip, as Accept-Encoding prefers; absent where the answer is not compressed.",
    "Content-Disposition": "The name to save it under, where `filename` was sent.",
    "X-Quantization": "How to read the numbers of an npy where `quantize` was sent: `dtype`, `scale`, `offset`, "
    "`largest_error`, as JSON under the tensor's name.",
    "Content-Security-Policy": "Of an SVG: what a browser that opens it may do, which is nothing.",
    "WWW-Authenticate": "How to send a key: Bearer.",
    "Allow": "The methods that this address takes.",
    "Accept": "The types of body that this address takes.",
    "Retry-After": "Seconds to wait before trying again.",
}


def reference(model: type[BaseModel]) -> Json:
    """A reference to the component that describes `model`."""
    return {"$ref": REFERENCE.format(model=model.__name__)}


def headers(*names: str) -> Json:
    """References to the components that describe these headers."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


PROBLEM_HEADERS = ("X-Request-Id", "Cache-Control", "Vary", "Content-Encoding")
ERROR_HEADERS: dict[int, tuple[str, ...]] = {
    HTTPStatus.UNAUTHORIZED: ("WWW-Authenticate",),
    HTTPStatus.METHOD_NOT_ALLOWED: ("Allow",),
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: ("Accept",),
    HTTPStatus.UNPROCESSABLE_ENTITY: ("Server-Timing",),
    HTTPStatus.SERVICE_UNAVAILABLE: ("Retry-After",),
}

SECURITY_SCHEMES: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key, where the service has any."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key, as a header."},
}
SECURITY: list[Json] = [{}, {"bearer": []}, {"header": []}]
"""Without keys, by default, everything is open."""

UNCHANGED: Json = {
    "description": "The client's copy (If-None-Match) is fresh.",
    "headers": headers("X-Request-Id", "ETag", "Cache-Control", "Vary"),
}


def bulk_body(request: Json) -> Json:
    """How many requests come as lines, such as `request`."""
    description = (
        "One request a line (newline-delimited JSON in UTF-8): an object with the fields of the JSON body, and an `id` "
        f"of up to {MAX_ID_CHARACTERS} characters where the answer shall have one. `format`, other than `json`, "
        "`quantize`, `filename` and `dry_run` are for requests that stand alone. Blank lines are skipped. A body up to "
        "MAX_BODY_BYTES is read before it is answered; of a longer one the answers must be read while it is sent. A "
        "single line may have MAX_BODY_BYTES."
    )
    return {"schema": {"type": "string", "description": description}, "example": _lines(request)}


def text_body(request: Json) -> Json:
    """How a sentence comes alone, such as that of `request`."""
    description = (
        "The sentence alone, in UTF-8: a document of up to MAX_BODY_BYTES. All other fields are the query's, as a GET "
        "has them."
    )
    return {"schema": {"type": "string", "description": description}, "example": request["sentence"]}


def bulk_answer(answer: Json) -> Json:
    """How the answers come as lines, such as `answer`."""
    description = (
        "For `application/x-ndjson`: one answer a line, in the order of the requests, streamed as they are ready, "
        "without Server-Timing. Each is what its request gets alone as JSON, behind the request's `id`. A request that "
        "fails gets its problem document in place, behind its `id` where that could be read: problems have a "
        "`status`, answers never do."
    )
    return {"schema": {"type": "string", "description": description}, "example": _lines(answer)}


def _lines(member: Json) -> str:
    return "".join(json.dumps({"id": id_, **member}, ensure_ascii=False) + "\n" for id_ in ("first", "second"))


def problem_responses(codes: Iterable[str]) -> Json:
    """The responses, by status, that the problems with these codes are."""
    by_status: defaultdict[int, list[str]] = defaultdict(list)
    for code in codes:
        by_status[KINDS[code].status].append(code)
    return {
        str(status): {
            "description": " ".join(f"`{code}`: {KINDS[code].description}" for code in by_status[status]),
            "headers": headers(*PROBLEM_HEADERS, *ERROR_HEADERS.get(status, ())),
            "content": {
                problems.MEDIA_TYPE: {
                    "schema": reference(Problem),
                    "examples": {code: {"value": _problem_example(code)} for code in by_status[status]},
                }
            },
        }
        for status in sorted(by_status)
    }


def _problem_example(code: str) -> Json:
    kind = KINDS[code]
    example = {
        "type": f"/problems/{code}",
        "title": kind.title,
        "status": kind.status,
        "detail": kind.description,
        "instance": "/attention",
        "request_id": "9f86d081884c7d659a2feaa0c55ad015",
    }
    if kind.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        example["errors"] = [{"in": "body", "pointer": "/sentence", "code": "missing", "detail": kind.description}]
    return example
