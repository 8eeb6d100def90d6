"""What a line of a bulk request may hold: the fields of a request that stands alone, and an id."""

from typing import TYPE_CHECKING, Annotated

import orjson
from pydantic import Field
from pydantic_core import from_json

from service.api.attention_request import AttentionRequest
from service.api.fields import has_too_many_values
from service.api.requests import Fields, SentenceRequest, TokenizeRequest
from service.engine.errors import NotOfferedError

if TYPE_CHECKING:  # which imports numpy
    from service.api.encoding import Buffers

MAX_ID_CHARACTERS = 64
_WHY = "lines are answered as JSON, together. Leave it out, or post this request alone."


class Line(Fields):
    """What a line has beside the fields of its endpoint."""

    id: Annotated[str, Field(max_length=MAX_ID_CHARACTERS)] | None = None


class TokenizeLine(Line, TokenizeRequest):
    """A line of /tokenize."""


class AttentionLine(Line, AttentionRequest):
    """A line of /attention."""


LINES: dict[str, type[TokenizeLine | AttentionLine]] = {"/tokenize": TokenizeLine, "/attention": AttentionLine}


def check_line(request: SentenceRequest) -> None:
    """Let pass what can be answered by a line.

    Raises:
        NotOfferedError: it asks for another form than JSON, names a file, or is a dry run.
    """
    if not isinstance(request, AttentionRequest):
        return
    if request.format not in {None, "json"}:
        raise NotOfferedError("format", f"format is {request.format}, but {_WHY}")
    if request.quantize is not None:
        raise NotOfferedError("quantize", f"quantize is for safetensors and npy, but {_WHY}")
    if request.filename is not None:
        raise NotOfferedError("filename", f"filename is for an answer of its own, but {_WHY}")
    if request.dry_run:
        raise NotOfferedError("dry_run", f"dry_run is for a request that stands alone, but {_WHY}")


def readable_id(line: bytes) -> str | None:
    """The id in a line whose fields are not valid, if that much can be read."""
    if has_too_many_values(line):
        return None
    try:
        fields = from_json(line)
    except ValueError:
        return None
    found = fields.get("id") if isinstance(fields, dict) else None
    return found if isinstance(found, str) and len(found) <= MAX_ID_CHARACTERS else None


def id_of(request: SentenceRequest) -> str | None:
    """The id of a request that is a line."""
    return request.id if isinstance(request, Line) else None


def answer_line(id_: str | None, buffers: "Buffers") -> "Buffers":
    """An object in JSON as a line, with the line's id as its first member."""
    if id_ is None:
        return [*buffers, b"\n"]
    first, *others = buffers
    return [b'{"id":', orjson.dumps(id_), b",", memoryview(first)[1:], *others, b"\n"]
