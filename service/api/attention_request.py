"""What clients send to /attention: the fields that decide the numbers, which of them to answer, and how."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from service.api.requests import DRY_RUN, FILENAME, Filename, ModelParameters, SentenceRequest

TensorName = Literal[
    "embedding",
    "query_weights",
    "key_weights",
    "value_weights",
    "query",
    "key",
    "value",
    "scores",
    "attentions",
    "output",
    "statistics",
    "row_entropy",
    "row_maximum",
    "mass_by_distance",
    "rollout",
    "value_weighted",
]
AttentionForm = Literal["json", "safetensors", "npy"]
Quantize = Literal["float16", "uint8"]
Indices = Annotated[list[Annotated[int, Field(ge=-4096, le=4096)]], Field(min_length=1, max_length=4096)]


class AttentionParameters(ModelParameters):
    """The effective values of a request; posted back with its sentences they give the same answer."""

    layers: Indices | None = Field(
        None,
        description="Which layers to answer, in this order; negatives count from the end; null = the last. Pretrained "
        "models only.",
        examples=[[-1]],
    )
    heads: Indices | None = Field(
        None,
        description="Which heads of each layer to answer, in this order; negatives count from the end; null = all. "
        "Pretrained models only.",
        examples=[[0, 1]],
    )

    include: Annotated[list[TensorName], Field(max_length=len(get_args(TensorName)))] | None = Field(
        None,
        description="Which tensors and analyses to answer; null = `attentions`, for `synthetic` and `output`; an empty "
        "list = none (only in a body: a query's empty value is null).",
        examples=[["query", "key", "value", "scores", "attentions", "output"]],
    )
    decimals: Annotated[int, Field(ge=0, le=9)] | None = Field(
        None,
        description="Round the tensors' numbers to so many decimals; null = the shortest text that reads back to the "
        "same float32.",
    )

    bins: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=2, max_length=2)] | None = Field(
        None,
        description="[rows, columns]: pool `scores` and `attentions` into at most so many bins of equal size (the last "
        "may have fewer cells), within the windows if there are any. Masked cells are left out; a bin of `scores` that "
        "is masked as a whole is null, one of `attentions` 0. All numbers are then computed as those of long texts "
        "are: not to the last bit of the notebook's, but to a relative 1e-5.",
        examples=[[256, 256]],
    )
    pooling: Literal["max", "mean"] = Field("max", description="What a bin tells of its cells.")
    top_k: Annotated[int, Field(ge=1, le=4096)] | None = Field(
        None,
        description="Instead of whole rows of `attentions`, of each query the so many keys (of those in `key_window`) "
        "with the greatest: `indices` and `attentions` are [layer][head][query][k], the greatest first, ties to the "
        "lower index. Fewer where there are fewer keys.",
        examples=[8],
    )

    @field_validator("include", "layers", "heads")
    @classmethod
    def _each_once(cls, items: list[Any] | None) -> list[Any] | None:
        if items is not None and len(set(items)) < len(items):
            raise PydanticCustomError("duplicates", "something is named twice: name each once")
        return items


class AttentionRequest(AttentionParameters, SentenceRequest):
    """A sentence whose attention is computed."""

    format: AttentionForm | None = Field(
        None,
        description="Form of the answer; beats the Accept header. `safetensors`: every included tensor by name, the "
        "rest of the answer as JSON in the metadata under `response`; `npy`: `attentions` alone, whatever `include` "
        "says; with `top_k` records of `indices` and `attentions`.",
    )
    quantize: Quantize | None = Field(
        None,
        description="Send tensors in fewer bits, as safetensors or npy: `float16`, or `uint8` (number = offset + "
        "scale·byte; 255 stands for null). How to read each, and the largest error, are told as JSON in the metadata "
        "under `quantization`, for npy in the header X-Quantization.",
    )
    filename: Filename | None = Field(None, description=FILENAME)
    dry_run: bool = Field(False, description=DRY_RUN)
