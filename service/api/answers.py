"""What clients get: the shapes of the JSON answers. n tokens, h heads; one layer for `synthetic`.

Answers are encoded straight from arrays, so these models are never filled on the way out: they are the documentation,
and the tests validate real answers against them.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from service.api.requests import AttentionParameters

Offset = Annotated[list[int], Field(min_length=2, max_length=2)]
Matrix = list[list[float]]
HeadTensor = list[list[Matrix]]


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid")


def _tensor(shape: str, description: str) -> Any:  # noqa: ANN401  # what pydantic's Field returns, too
    return Field(default_factory=list, description=f"{shape} {description} Present when `include` names it.")


class _Tokens(Answer):
    model: str = Field(description="The model that answered.")
    tokens: list[str] = Field(description="[n] The tokens; ## begins a piece that continues a word.")
    input_ids: list[int] = Field(description="[n] The tokens' ids in the model's vocabulary.")
    offsets: list[Offset | None] = Field(
        description="[n] Where a token stands: [start, end) in the sentence it came from, counted in `offset_unit`s; "
        "null for added special tokens. Pieces of one character share its range."
    )
    sequence_ids: list[int | None] = Field(
        description="[n] 0 for the first sentence's tokens, 1 for the second's, null for added special tokens."
    )


class TokenizeAnswer(_Tokens):
    """A tokenized sentence: n tokens as parallel arrays."""

    word_ids: list[int | None] = Field(
        description="[n] Which word of its sentence each token belongs to, from 0; null for added special tokens."
    )
    token_type_ids: list[int] = Field(description="[n] BERT's segment: 0 for the first sentence, 1 for the second.")
    special_tokens_mask: list[int] = Field(description="[n] 1 for added special tokens, else 0.")


class AttentionAnswer(_Tokens):
    """How a sentence's attention is computed. Per-head tensors have the axes [layer][head][query][·]."""

    parameters: AttentionParameters
    layers: list[int] = Field(description="Which layers the first axis of the tensors holds.")
    heads: list[int] = Field(description="Which heads the second axis of the tensors holds.")
    embedding: Matrix = _tensor("[n][d_model]", "The layer's input X, positions included.")
    query_weights: Matrix = _tensor("[d_model][h·d_k]", "The projection to the queries, all heads side by side.")
    key_weights: Matrix = _tensor("[d_model][h·d_k]", "The projection to the keys, all heads side by side.")
    value_weights: Matrix = _tensor("[d_model][h·d_v]", "The projection to the values, all heads side by side.")
    query: HeadTensor = _tensor("[layer][head][n][d_k]", "Q = X·W of each head.")
    key: HeadTensor = _tensor("[layer][head][n][d_k]", "K = X·W of each head.")
    value: HeadTensor = _tensor("[layer][head][n][d_v]", "V = X·W of each head.")
    scores: list[list[list[list[float | None]]]] = _tensor(
        "[layer][head][query][key]", "Softmax's argument: Q·Kᵀ/√d_k, or Q·Kᵀ·scale; null where masked."
    )
    attentions: HeadTensor = _tensor(
        "[layer][head][query][key]",
        "Softmax of the scores over the keys: rows sum to 1. The notebook's `attention_scores`.",
    )
    output: HeadTensor = _tensor(
        "[layer][head][n][d_v]", "attentions·V of each head. The notebook's `weighted_values`."
    )


class ModelDescription(Answer):
    """What a model is and takes."""

    id: str = Field(description="What the field `model` takes.")
    kind: Literal["synthetic"] = Field(description="`synthetic`: seeded random weights.")
    layers: int = Field(description="How many layers it has.")
    heads: int | None = Field(description="How many heads a layer has; null = the request's `num_heads`.")
    num_key_value_heads: int | None = Field(
        description="How many heads share keys and values of their own; null = as many as heads."
    )
    widths: dict[str, int] | None = Field(
        description="d_model, d_k and d_v where the model decides them; null = the request does."
    )
    max_tokens: int = Field(description="The most tokens a request may have.")
    tensors: list[str] = Field(description="The names that `include` takes.")
    fields: dict[str, list[str]] = Field(description="The fields that each endpoint takes with this model.")
    defaults: dict[str, Any] = Field(description="What a field means that a request leaves out or sends as null.")
    dtype: str = Field(description="Precision of its numbers.")
    revision: str | None = Field(description="Which version of its weights; null where they are drawn.")
    device: str = Field(description="The torch device it runs on.")
    tolerance: float = Field(
        description="Largest relative difference between two answers to one request here; 0 = equal to the last bit."
    )
    tokenizer: str = Field(description="Where its vocabulary comes from.")
    license: str = Field(description="Licence of its vocabulary and weights.")


class ModelList(Answer):
    """The models that this service offers."""

    models: list[ModelDescription]


class Status(Answer):
    """That the service is well."""

    status: Literal["alive", "ready"]


class Info(Answer):
    """What runs here."""

    name: str = Field(description="The service's name.")
    version: str = Field(description="The service's version.")
    versions: dict[str, str] = Field(
        description="Versions of Python and of the libraries that decide numbers and pictures."
    )
    device: str = Field(description="The torch device the models run on.")
    cpu_capability: str = Field(
        description="The instruction set that torch uses; products differ in their last bits between them."
    )
    num_threads: int = Field(description="Threads that torch computes with.")
    limits: dict[str, int] = Field(description="The limits in force, by the names of their settings.")
