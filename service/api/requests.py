"""What clients send: the fields of the three endpoints, with their limits and meanings.

These models are the one declaration of a field: JSON bodies, query parameters, command-line flags and openapi.json are
made from them. Validation is strict (numbers are no strings, 1.0 is no integer), and unknown fields are refused.
"""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

MAX_WIDTH = 4096
"""The most columns a projection of all heads together may have."""

Stack = Literal["encoder", "decoder", "cross"]
Size = Annotated[int, Field(ge=1, le=MAX_WIDTH)]
Index = Annotated[int, Field(ge=-4096, le=4096)]
MOST_TOKENS = 2**24
"""More than any text has."""


def _check_window(window: list[int]) -> list[int]:
    if window[0] >= window[1]:
        raise PydanticCustomError("empty_window", "holds nothing: start must be less than end")
    return window


Window = Annotated[
    list[Annotated[int, Field(ge=0, le=MOST_TOKENS)]],
    Field(min_length=2, max_length=2),
    AfterValidator(_check_window),
]
"""[start, end) along an axis, in tokens."""
MODEL_ID = r"^[a-z0-9._-]{1,64}$"
"""What an id looks like, for openapi.json: whatever else is sent is the id of no model, too, and told so."""
FILE_NAME = r"^[^\x00-\x1f\x7f/\\]+$"


def _check_filename(name: str) -> str:
    if not re.fullmatch(FILE_NAME, name):
        raise PydanticCustomError("string_pattern_mismatch", "should have no slashes and no control characters")
    return name


Filename = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra={"pattern": FILE_NAME}),
    AfterValidator(_check_filename),
]

DRY_RUN = (
    "Compute nothing: answer token counts, shapes, and an estimate of bytes and milliseconds, as JSON whatever the "
    "form. What would be refused for its size is refused."
)
FILENAME = "Name under which a browser saves the answer (Content-Disposition); no slashes, no control characters."


class Fields(BaseModel):
    """Base of all requests."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, defer_build=True)  # built at first use


class Sentences(Fields):
    """What is asked about."""

    sentence: str = Field(
        description="The text. At least one token must be left of it after tokenization.",
        examples=["Transformers are powerful models for natural language processing."],
    )
    sentence_pair: str | None = Field(
        None,
        description="A second sentence, as BERT's sentence B: the two become one sequence, first then second.",
        examples=["Attention is all you need."],
    )


class TokenizeParameters(Fields):
    """How a sentence is tokenized."""

    add_special_tokens: bool | None = Field(
        None,
        description="Whether to add the model's special tokens, such as [CLS] and [SEP]; null = its own default, false "
        "for `synthetic`, true for pretrained models.",
    )
    model: str = Field(
        "synthetic",
        description="An id that `GET /models` lists.",
        json_schema_extra={"pattern": MODEL_ID},
        examples=["synthetic"],
    )
    offset_unit: Literal["codepoint", "utf16"] = Field(
        "codepoint", description="What an offset counts: Unicode code points, or UTF-16 units as JavaScript strings do."
    )
    truncate: bool = Field(
        False,
        description="Cut a text at the model's most tokens instead of refusing it: at `max_tokens` of `GET /models` "
        "where whole matrices are answered, else at `max_stream_tokens`; pretrained models only.",
    )


class SyntheticParameters(TokenizeParameters):
    """What decides the synthetic model's numbers; the defaults are the notebook's."""

    seed: int = Field(
        0,
        ge=0,
        le=2**63 - 1,
        description="Seed of the random embedding and weights, as in `torch.manual_seed(seed)`. torch counts seeds "
        "modulo 2³²; JavaScript clients stay below 2⁵³.",
    )
    d_model: Size = Field(8, description="Width of the embedding; the notebook's `embedding_dim`.")
    d_k: Size = Field(4, description="Width of each head's queries and keys; the notebook's `dk`.")
    d_v: Size = Field(4, description="Width of each head's values; the notebook's `dv`.")
    num_heads: int = Field(
        1, ge=1, le=64, description="Number of heads; num_heads·d_k and num_heads·d_v may be 4096 at most."
    )
    embedding_mode: Literal["per_position", "per_token"] = Field(
        "per_position",
        description="`per_position`: every position draws its own row, as the notebook does; `per_token`: every "
        "occurrence of a token takes the row of its first.",
    )
    initialization: Literal["uniform", "normal"] = Field(
        "uniform",
        description="`uniform`: the notebook's draws from [0, 1); `normal`: standard normal draws, the weights divided "
        "by √d_model, so that softmax does not saturate as dimensions grow.",
    )
    positions: Literal["none", "sinusoidal"] = Field(
        "none", description="`sinusoidal` adds the position encoding of Vaswani et al. (2017) to the embedding."
    )
    mask: Literal["none", "causal"] = Field(
        "none", description="`causal`: no query attends to later keys; their scores are null, their attentions 0."
    )
    scale: Annotated[float, Field(allow_inf_nan=False, ge=-1e6, le=1e6)] | None = Field(
        None, description="What the scores Q·Kᵀ are multiplied with; null = divide by √d_k."
    )

    @field_validator("num_heads")
    @classmethod
    def _heads_fit(cls, num_heads: int, info: ValidationInfo) -> int:
        for field in ("d_k", "d_v"):
            width = num_heads * info.data.get(field, 1)
            if width > MAX_WIDTH:
                raise PydanticCustomError(
                    "projection_too_wide",
                    "num_heads·{field} is {width}, the limit is {limit}: use fewer heads or a smaller {field}",
                    {"field": field, "width": width, "limit": MAX_WIDTH},
                )
        return num_heads


class ModelParameters(SyntheticParameters):
    """What decides the numbers of any model."""

    stack: Stack | None = Field(
        None,
        description="The attention of the `encoder`, of the `decoder` to itself, or `cross`, of the decoder to the "
        "encoder, where the model has it (`stacks` of `GET /models`); null = its first stack. Pretrained models only.",
    )
    target: str | None = Field(
        None,
        description="Of an encoder-decoder: the decoder's text, for stack `decoder` and `cross`. The decoder reads its "
        "start token, then the target's tokens.",
    )
    level: Literal["token", "word"] = Field(
        "token",
        description="`word`: matrices of words, summed over a word's key pieces and averaged over its query pieces. A "
        "word is a run of tokens without whitespace between them; special tokens stand alone.",
    )
    query_window: Window | None = Field(
        None,
        description="[start, end): only the queries (rows) of these positions, counted in tokens from 0; null = all. "
        "Their attentions have the true normaliser of the whole row. For level `token`.",
        examples=[[0, 128]],
    )
    key_window: Window | None = Field(
        None,
        description="[start, end): only the keys (columns) of these positions; null = all. For level `token`.",
        examples=[[0, 128]],
    )


class SentenceRequest(TokenizeParameters, Sentences):
    """The fields of all three endpoints."""


class TokenizeRequest(SentenceRequest):
    """A sentence to tokenize."""


SYNTHETIC_ONLY = frozenset(SyntheticParameters.model_fields) - frozenset(TokenizeParameters.model_fields)
PRETRAINED_ONLY = frozenset({"truncate", "layers", "heads", "stack", "target"})
