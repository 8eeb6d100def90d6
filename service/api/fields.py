"""Text to validated fields: JSON, and (name, text) pairs as queries and command lines have them."""

import json
import re
from collections.abc import Iterable
from functools import cache
from itertools import islice
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from service.api.problems import FieldError, ProblemError, Where

Fields = TypeVar("Fields", bound=BaseModel)

INTEGER = re.compile(r"-?[0-9]{1,100}")
NUMBER = re.compile(r"-?[0-9]{1,100}(\.[0-9]{1,100})?([eE][-+]?[0-9]{1,4})?")
BOOLEANS = {"true": True, "false": False}
JARGON = re.compile(r"^(Input|String|List) | after validation|, unable to parse .*")
"""What pydantic's messages say to programmers alone."""
SHOWN_CHARACTERS = 60
SHOWN_ERRORS = 20
MOST_VALUES = 10_000
"""In JSON: no valid request has as many. Millions would keep the event loop waiting before the first is refused."""
STRING_OR_COMMA = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|,', re.DOTALL)


def fields_from_json(body: bytes, model: type[Fields], listed: type[BaseModel] | None = None) -> Fields:
    """The fields in a JSON object; who sends others is told those of `listed`, or of `model`.

    Raises:
        ProblemError: it is no JSON, or the fields are not valid.
    """
    if has_too_many_values(body):
        detail = f"There are more than {MOST_VALUES:,} values, and no field takes as many. Send fewer."
        raise ProblemError(
            "invalid-fields", detail, [FieldError(where="body", pointer="", code="too_long", detail=detail)]
        )
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            if details["type"] == "json_invalid":
                raise ProblemError(
                    "malformed-json",
                    f"The body cannot be read as JSON in UTF-8: {details['ctx']['error']}. Send a JSON object.",
                ) from None
        raise _invalid_fields(error, listed or model, "body") from None


def has_too_many_values(body: bytes) -> bool:
    """Whether a JSON text has more values than any valid request."""
    if body.count(b",") <= MOST_VALUES:
        return False
    commas = (match for match in STRING_OR_COMMA.finditer(body) if match[0] == b",")
    return next(islice(commas, MOST_VALUES, None), None) is not None


def fields_from_text(pairs: Iterable[tuple[str, str]], model: type[Fields], where: Where) -> Fields:
    """The fields in (name, text) pairs, validated as strictly as a JSON body with the same values.

    Raises:
        ProblemError: a scalar is given twice, or the fields are not valid.
    """
    kinds = _kinds(model)
    values: dict[str, Any] = {}
    for name, text in pairs:
        _check_unicode(name, text)
        kind, is_list = kinds.get(name, (str, False))
        if is_list:
            items = [_convert(kind, item) for item in text.split(",")] if text else []
            values[name] = [*(values.get(name) or []), *items] or None
        elif name in values:
            detail = f"{name} is given twice: give it once."
            raise ProblemError(
                "invalid-fields", detail, [FieldError(where=where, pointer=f"/{name}", code="repeated", detail=detail)]
            )
        else:
            values[name] = _convert(kind, text) if text else None
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _invalid_fields(error, model, where) from None


def _check_unicode(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:  # a command line's bytes that are no UTF-8 arrive as lone surrogates
        raise ProblemError("malformed-query", f"{name} is not valid UTF-8.") from None


def _convert(kind: type, text: str) -> object:
    """The value that `text` stands for; the text itself where it stands for none, so that validation says why."""
    if kind is bool:
        return BOOLEANS.get(text, text)
    if kind is int and INTEGER.fullmatch(text):
        return int(text)
    if kind is float and NUMBER.fullmatch(text):
        return float(text)
    return text


@cache
def _kinds(model: type[BaseModel]) -> dict[str, tuple[type, bool]]:
    return {name: _kind(field.annotation) for name, field in model.model_fields.items()}


def _kind(annotation: object) -> tuple[type, bool]:
    """A field's scalar type and whether it is a list of them."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _kind(get_args(annotation)[0])
    if origin in {Union, UnionType}:
        return _kind(next(option for option in get_args(annotation) if option is not type(None)))
    if origin is list:
        return _kind(get_args(annotation)[0])[0], True
    return (annotation, False) if annotation in {bool, int, float} else (str, False)


def _invalid_fields(error: ValidationError, model: type[BaseModel], where: Where) -> ProblemError:
    """The problem that pydantic's findings mean, one entry for each of the first few."""
    found = error.errors(include_url=False)
    errors = [_field_error(details, model, where) for details in found[:SHOWN_ERRORS]]
    more = f" (and {len(found) - 1} more, see errors)" if len(found) > 1 else ""
    return ProblemError("invalid-fields", errors[0].detail + more, errors)


def _field_error(details: ErrorDetails, model: type[BaseModel], where: Where) -> FieldError:
    location = [str(part) for part in details["loc"]]
    pointer = "".join("/" + part[:SHOWN_CHARACTERS].replace("~", "~0").replace("/", "~1") for part in location)
    name = ".".join(location)[:SHOWN_CHARACTERS] if location else "The request"
    match details["type"]:
        case "missing":
            detail = f"{name} is missing: it is required."
        case "extra_forbidden":
            detail = f"There is no field {name!r} here. Use: {', '.join(model.model_fields)}."
        case _ if where == "query" and details["input"] is None:
            is_required = model.model_fields[location[0]].is_required()
            detail = f"{name} is empty: {'it is required' if is_required else 'leave it out for its default'}."
        case _:
            detail = f"{name}: {message_of(details)}. It is {_shown(details['input'])}."
    return FieldError(where=where, pointer=pointer, code=details["type"], detail=detail)


def message_of(details: ErrorDetails) -> str:
    """What pydantic found, in plain words."""
    return "should be true or false" if details["type"] == "bool_type" else JARGON.sub("", details["msg"])


def _shown(value: object) -> str:
    """`value` as JSON writes it, shortened."""
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
