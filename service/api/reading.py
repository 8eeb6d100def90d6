"""HTTP requests to validated fields, from a JSON body or from the query."""

from collections.abc import Sequence
from email.message import Message
from functools import lru_cache
from typing import TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from service.api.fields import SHOWN_CHARACTERS, fields_from_json, fields_from_text
from service.api.headers import header
from service.api.problems import FieldError, ProblemError

Fields = TypeVar("Fields", bound=BaseModel)

JSON = "application/json"
LINES = "application/x-ndjson"
TEXT = "text/plain"
MAX_DROPPED_BYTES = 8 * 1024**2


def check_headers(scope: Scope, takes: Sequence[str]) -> str:
    """Which of the types that an address `takes` a body has.

    Raises:
        ProblemError: it is of another type, or there is a query beside fields.
    """
    given = header(scope, b"content-type") or JSON
    media_type = _media_type(given)
    if scope["query_string"] and (media_type != TEXT or TEXT not in takes):
        detail = (
            "POST takes its fields as a JSON body, and its query must be empty: put them into the body, use GET, or "
            "send the sentence alone as text/plain."
        )
        culprit = FieldError(where="query", pointer="", code="extra_forbidden", detail=detail)
        raise ProblemError("invalid-fields", detail, [culprit])
    if media_type is None or media_type not in takes:
        raise ProblemError(
            "unsupported-media-type",
            f"The body's type is {given[:SHOWN_CHARACTERS]!r}. Send {' or '.join(takes)} in UTF-8.",
            headers={"Accept": ", ".join(takes)},
        )
    if (header(scope, b"content-encoding") or "identity").lower() != "identity":
        raise ProblemError(
            "unsupported-media-type",
            "The body is compressed. Send it plain, without Content-Encoding.",
            headers={"Accept": ", ".join(takes), "Accept-Encoding": "identity"},
        )
    return media_type


async def read_body(receive: Receive, declared: int | None, model: type[Fields], max_bytes: int) -> Fields:
    """The fields in a JSON body of at most `max_bytes`.

    Raises:
        ProblemError: the body is no JSON object with these fields, or is too large.
    """
    return fields_from_json(await _read(receive, declared or 0, max_bytes), model)


async def read_text(
    receive: Receive, declared: int | None, query: bytes, model: type[Fields], max_bytes: int
) -> Fields:
    """The fields in a query string, beside a body of at most `max_bytes` that is the sentence.

    Raises:
        ProblemError: the body is no text in UTF-8, or is too large; or the fields are not valid.
    """
    body = await _read(receive, declared or 0, max_bytes)
    try:
        sentence = body.decode("utf-8-sig")  # some editors mark files as UTF-8 by a character that is none of the text
    except UnicodeDecodeError as error:
        raise ProblemError(
            "malformed-text", f"The body is not text in UTF-8: byte {error.start:,} fits nowhere. Send it as UTF-8."
        ) from None
    return fields_from_text([("sentence", sentence), *_pairs(query)], model, "query")


def read_query(query: bytes, model: type[Fields]) -> Fields:
    """The fields in a query string: lists comma-separated or repeated, an empty value is null.

    Raises:
        ProblemError: the query does not decode, or the fields are not valid.
    """
    return fields_from_text(_pairs(query), model, "query")


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(query.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise ProblemError(
            "malformed-query", "The query does not decode to UTF-8. Percent-encode it as UTF-8."
        ) from None


@lru_cache(maxsize=256)
def _media_type(content_type: str) -> str | None:
    """The type without its parameters; None where it is not in UTF-8."""
    header = Message()
    header["Content-Type"] = content_type
    return header.get_content_type() if header.get_content_charset("utf-8") in {"utf-8", "utf8"} else None


async def _read(receive: Receive, declared: int, max_bytes: int) -> bytes:
    """The body; of one that is too large the rest is read and dropped, as many clients read no answer before."""
    pieces: list[bytes] = []
    size = declared if declared > max_bytes + MAX_DROPPED_BYTES else 0
    while size <= max_bytes + MAX_DROPPED_BYTES:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > max_bytes:
            pieces.clear()
        if not message.get("more_body", False):
            break
    if size <= max_bytes:
        return b"".join(pieces)
    raise ProblemError(
        "body-too-large",
        f"The body is larger than {max_bytes:,} bytes (MAX_BODY_BYTES). Send a shorter sentence.",
        headers={"Connection": "close"},
    )
