"""HTTP requests to validated fields, from a JSON body or from the query."""

from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel
from starlette.requests import Request

from service.api.fields import SHOWN_CHARACTERS, fields_from_json, fields_from_text
from service.api.problems import FieldError, ProblemError

Fields = TypeVar("Fields", bound=BaseModel)

JSON = "application/json"


async def read_body(request: Request, model: type[Fields], max_bytes: int) -> Fields:
    """The fields in a JSON body of at most `max_bytes`.

    Raises:
        ProblemError: the body is no JSON object with these fields, is too large, or is of another type.
    """
    _check_headers(request)
    return fields_from_json(await _receive(request, max_bytes), model)


def read_query(request: Request, model: type[Fields]) -> Fields:
    """The fields in a query string: lists comma-separated or repeated, an empty value is null.

    Raises:
        ProblemError: the query does not decode, or the fields are not valid.
    """
    try:
        pairs = parse_qsl(request.scope["query_string"].decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise ProblemError(
            "malformed-query", "The query does not decode to UTF-8. Percent-encode it as UTF-8."
        ) from None
    return fields_from_text(pairs, model, "query")


def _check_headers(request: Request) -> None:
    if request.scope["query_string"]:
        detail = "With a JSON body the query must be empty: put the fields into one place."
        raise ProblemError(
            "invalid-fields", detail, [FieldError(where="query", pointer="", code="extra_forbidden", detail=detail)]
        )
    media_type, _, parameters = request.headers.get("content-type", JSON).lower().partition(";")
    charset = parameters.partition("charset=")[2].strip(' "')
    if media_type.strip() != JSON or charset not in {"", "utf-8", "utf8"}:
        raise ProblemError(
            "unsupported-media-type",
            f"The body's type is {request.headers['content-type'][:SHOWN_CHARACTERS]!r}. Send {JSON} in UTF-8.",
            headers={"Accept": JSON},
        )
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise ProblemError(
            "unsupported-media-type",
            "The body is compressed. Send it plain, without Content-Encoding.",
            headers={"Accept": JSON, "Accept-Encoding": "identity"},
        )


async def _receive(request: Request, max_bytes: int) -> bytes:
    too_large = ProblemError(
        "body-too-large",
        f"The body is larger than {max_bytes:,} bytes (MAX_BODY_BYTES). Send a shorter sentence.",
        headers={"Connection": "close"},
    )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise too_large
        chunks.append(chunk)
    return b"".join(chunks)
