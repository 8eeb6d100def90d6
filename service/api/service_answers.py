"""What clients get to know of the service itself: its models, versions and health."""

from typing import Any, Literal

from pydantic import Field

from service.api.answers import Answer


class ModelDescription(Answer):
    """What a model is and takes."""

    id: str = Field(description="What the field `model` takes.")
    kind: Literal["synthetic", "pretrained"] = Field(
        description="`synthetic`: seeded random weights; `pretrained`: a Hugging Face transformer."
    )
    architecture: str | None = Field(description="Its class in transformers; null for `synthetic`.")
    stacks: dict[str, int] = Field(
        description="How many layers each stack has: `encoder`, `decoder`, `cross`. The first is the default."
    )
    layers: int = Field(description="How many layers the default stack has.")
    heads: int | None = Field(description="How many heads a layer has; null = the request's `num_heads`.")
    num_key_value_heads: int | None = Field(
        description="How many heads of keys and values there are; null = as many as heads."
    )
    widths: dict[str, int] | None = Field(
        description="d_model, d_k and d_v where the model decides them; null = the request does, or the model is "
        "outside transformers' attention interface and tells none."
    )
    max_tokens: int = Field(
        description="The most tokens of a text whose matrices are wanted as a whole: MAX_TOKENS, or the model's "
        "positions if they are fewer."
    )
    max_stream_tokens: int = Field(
        description="The most tokens of any text: for pictures, windows, bins, `top_k` and what does not grow with the "
        "square of the length; MAX_STREAM_TOKENS, or the model's positions if they are fewer."
    )
    tensors: list[str] = Field(description="The names that `include` takes.")
    fields: dict[str, list[str]] = Field(description="The fields that each endpoint takes with this model.")
    defaults: dict[str, Any] = Field(description="What a field means that a request leaves out or sends as null.")
    dtype: str = Field(description="Precision of its numbers.")
    revision: str | None = Field(
        description="Which version of its weights: a commit, or for a folder a digest of its files; null where they "
        "are drawn."
    )
    device: str = Field(description="The torch device it runs on.")
    tolerance: float = Field(
        description="Largest difference between the attentions of two answers to one request; 0 = equal in every bit."
    )
    tokenizer: str = Field(description="Where its vocabulary comes from.")
    license: str | None = Field(description="Licence of its vocabulary and weights, where known.")


class ModelList(Answer):
    """The models that this service offers."""

    models: list[ModelDescription] = Field(description="What each model is, takes and offers; the default one first.")


class Status(Answer):
    """That the service is well."""

    status: Literal["alive", "ready"] = Field(description="`alive` from /livez, `ready` from /readyz and /health.")


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
