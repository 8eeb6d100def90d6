"""What clients get who ask for a dry run."""

from pydantic import ConfigDict, Field, JsonValue

from service.api.answers import Answer

MEDIA_TYPE = "application/vnd.attention-estimate+json"
"""JSON, of another shape than answers: generated clients need no union for who asks for none."""
EXAMPLES: list[JsonValue] = [
    {
        "model": "synthetic",
        "form": "json",
        "num_tokens": 2,
        "num_target_tokens": None,
        "shapes": {
            "query": [1, 1, 2, 4],
            "key": [1, 1, 2, 4],
            "value": [1, 1, 2, 4],
            "scores": [1, 1, 2, 2],
            "attentions": [1, 1, 2, 2],
            "output": [1, 1, 2, 4],
        },
        "picture": None,
        "bytes": 3104,
        "milliseconds": {"compute": 0.071, "encode": 0.005},
    }
]
"""Of the example request of /attention."""


class Milliseconds(Answer):
    """How long the stages of an answer may take."""

    compute: float = Field(description="The matrices.")
    encode: float = Field(description="The answer's bytes.")


class Picture(Answer):
    """What would be drawn."""

    width: int = Field(description="Of the file, in pixels; of an SVG in CSS pixels.")
    height: int = Field(description="Of the file, in pixels; of an SVG in CSS pixels.")
    matrices: int = Field(description="How many are drawn, side by side.")


class Estimate(Answer):
    """What a request would cost. It is made without computing anything."""

    model_config = ConfigDict(json_schema_extra={"examples": EXAMPLES})

    model: str = Field(description="The model that would answer.")
    form: str = Field(description="The form of the answer: what `format` takes.")
    num_tokens: int = Field(description="How many tokens the sentence has, with the second one and special tokens.")
    num_target_tokens: int | None = Field(
        description="How many tokens the decoder reads, its start token included; null without `target`."
    )
    shapes: dict[str, list[int]] = Field(
        description="The shape of each tensor that would be answered, or of the matrix that would be drawn; the last "
        "axis of `statistics` are its members."
    )
    picture: Picture | None = Field(description="The picture; null where none would be drawn.")
    bytes: int = Field(
        description="How large the answer may be, before compression: of tensors the most, which MAX_RESPONSE_BYTES "
        "limits; of a picture about."
    )
    milliseconds: Milliseconds = Field(
        description="About how long it may take where nothing else is at work, by stage; tokens were counted already."
    )
