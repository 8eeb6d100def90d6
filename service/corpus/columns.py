"""The columns of a table of answers: their types are those of the answers that openapi.json describes."""

from collections.abc import Iterable
from typing import Any, get_args, get_origin

import orjson
import pyarrow
from pydantic import BaseModel

from service.corpus.sidecar import Run

TYPES = {str: pyarrow.string(), int: pyarrow.int64(), float: pyarrow.float32(), bool: pyarrow.bool_()}
METADATA = "attention-service"
"""The key under which a table says what it is of."""
COMPRESSION = "zstd"


def schema_of(answer: type[BaseModel], members: Iterable[str] | None, run: Run) -> pyarrow.Schema:
    """The `line` of the input, the answer's `members` (None = an `id` and all that there are), a `problem`'s detail.

    `parameters` have no column: they are the fields that were asked with, which the schema's metadata tell: the `run`.
    """
    names = answer.model_fields if members is None else members
    return pyarrow.schema(
        [
            pyarrow.field("line", pyarrow.int64(), nullable=False),
            *([("id", pyarrow.string())] if members is None else []),
            *((name, _arrow(answer.model_fields[name].annotation)) for name in names if name != "parameters"),
            ("problem", pyarrow.string()),
        ],
        {METADATA: orjson.dumps(run)},
    )


def _arrow(annotation: Any) -> pyarrow.DataType:  # noqa: ANN401  # a type, or what typing makes of some
    options = [option for option in get_args(annotation) if option is not type(None)]
    match get_origin(annotation):
        case None if annotation in TYPES:
            return TYPES[annotation]
        case None:
            return pyarrow.struct([(name, _arrow(field.annotation)) for name, field in annotation.model_fields.items()])
        case origin if origin is list:
            return pyarrow.list_(_arrow(options[0]))
    return _arrow(options[0])
