"""What clients get: the shapes of the JSON answers. n tokens, h heads; one layer for `synthetic`.

Answers are encoded straight from arrays, so these models are never filled on the way out: they are the documentation,
and the tests validate real answers against them.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from service.api.attention_request import AttentionParameters

Offset = Annotated[list[int], Field(min_length=2, max_length=2)]
Matrix = list[list[float]]
HeadTensor = list[list[Matrix]]


class Answer(BaseModel):
    """Base of all answers."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


def _tensor(shape: str, description: str) -> Any:  # noqa: ANN401  # what pydantic's Field returns, too
    return Field(default_factory=list, description=f"{shape} {description} Present when `include` names it.")


class _Tokens(Answer):
    model: str = Field(description="The model that answered.")
    tokens: list[str] = Field(
        description="[n] The tokens, as the model's vocabulary writes them: ## begins a WordPiece that continues a "
        "word; in other vocabularies Ġ or ▁ stands for the space before a word."
    )
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
    token_type_ids: list[int] = Field(
        description="[n] The tokenizer's segments; BERT's are 0 for the first sentence, 1 for the second."
    )
    special_tokens_mask: list[int] = Field(description="[n] 1 for added special tokens, else 0.")


class HeadStatistics(Answer):
    """What one head attends to. Masses are averaged over the queries that have such a token; null where none has."""

    entropy: float = Field(description="-Σ a·ln a of a row, in nats (0·ln 0 = 0), averaged over the queries.")
    distance: float = Field(description="Σ a·|i - j| of a row, in tokens (or words), averaged over the queries.")
    self: float = Field(description="What a query gives to itself.")
    previous: float | None = Field(description="What a query gives to the token before it.")
    next: float | None = Field(description="What a query gives to the token after it.")
    first: float = Field(description="What a query gives to the first token.")
    special: float | None = Field(description="What a query gives to added special tokens.")
    maximum: float = Field(description="The largest attention of all.")


class Word(Answer):
    """A run of tokens without whitespace between them, or one special token."""

    text: str = Field(description="The word, or the special token.")
    start: int | None = Field(
        description="Where it starts in its sentence, in `offset_unit`s; null for special tokens."
    )
    end: int | None = Field(description="Where it ends.")
    token_indices: list[int] = Field(description="Which tokens it is made of.")


class AttentionAnswer(_Tokens):
    """How a sentence's attention is computed. Per-head tensors have the axes [layer][head][query][·]."""

    parameters: AttentionParameters = Field(
        description="Every effective value; posted back with the same sentences they give the same answer."
    )
    layers: list[int] = Field(description="Which layers the first axis of the tensors holds.")
    heads: list[int] = Field(description="Which heads the second axis of the tensors holds.")
    embedding: Matrix = _tensor("[query][d_model]", "The first layer's input X, with what positions are added to it.")
    query_weights: Matrix = _tensor("[d_model][h·d_k]", "The projection to the queries, all heads side by side.")
    key_weights: Matrix = _tensor("[d_model][h·d_k]", "The projection to the keys, all heads side by side.")
    value_weights: Matrix = _tensor("[d_model][h·d_v]", "The projection to the values, all heads side by side.")
    query: HeadTensor = _tensor(
        "[layer][head][query][d_k]",
        "Q of each head: X·W for `synthetic`; a pretrained model's with bias, after rotary positions.",
    )
    key: HeadTensor = _tensor(
        "[layer][head][key][d_k]",
        "K of each head: X·W for `synthetic`; a pretrained model's with bias, after rotary positions, repeated to the "
        "query heads where they share keys.",
    )
    value: HeadTensor = _tensor(
        "[layer][head][key][d_v]",
        "V of each head: X·W for `synthetic`; a pretrained model's with bias, repeated to the query heads where they "
        "share values.",
    )
    scores: list[list[list[list[float | None]]]] = _tensor(
        "[layer][head][query][key]",
        "Softmax's argument: for `synthetic` Q·Kᵀ/√d_k, or Q·Kᵀ·scale; a pretrained model's after scaling, relative or "
        "ALiBi bias, soft cap and mask. null where masked.",
    )
    attentions: HeadTensor = _tensor(
        "[layer][head][query][key]",
        "Softmax of the scores over the keys: rows sum to 1, but for a `sink`. The notebook's `attention_scores`. With "
        "`bins` their maximum or mean; with `top_k` those of the strongest keys.",
    )
    output: HeadTensor = _tensor(
        "[layer][head][query][d_v]", "attentions·V of each head. The notebook's `weighted_values`."
    )
    indices: list[list[list[list[int]]]] = Field(
        default_factory=list,
        description="[layer][head][query][k] With `top_k`: the positions of each query's strongest keys, whose "
        "attentions `attentions` holds, [layer][head][query][k].",
    )
    sink: list[list[list[float]]] = Field(
        default_factory=list,
        description="[layer][head][query] What a query gives to its head's attention sink: rows of `attentions` sum to "
        "1 minus this. Present with `attentions` where a model has sinks.",
    )
    statistics: list[list[HeadStatistics]] = _tensor("[layer][head]", "What tells one head's behaviour from another's.")
    row_entropy: list[list[list[float]]] = _tensor(
        "[layer][head][query]", "-Σ a·ln a of each query's row, in nats (0·ln 0 = 0)."
    )
    row_maximum: list[list[list[float]]] = _tensor("[layer][head][query]", "The largest attention of each query.")
    mass_by_distance: list[list[list[list[float]]]] = _tensor(
        "[layer][head][query][distance]",
        "What each query gives to keys at distance |i - j| of 0, 1, 2 to 3, 4 to 7, and so on: each range but the "
        "first two is twice as long as the one before it.",
    )
    rollout: list[Matrix] = _tensor(
        "[layer][query][key]",
        "Attention rollout (Abnar & Zuidema 2020): R_l = Â_l…Â_0, where Â = ½(A + I) with rows normalised again and A "
        "is the mean over all heads of a layer, whatever `layers` and `heads` say.",
    )
    value_weighted: HeadTensor = _tensor(
        "[layer][head][query][key]",
        "α_ij·‖v_j·W_O‖₂ (Kobayashi et al. 2020): v with its bias, W_O, the head's output projection, without; not "
        "normalised.",
    )
    query_tokens: list[str] = Field(
        default_factory=list,
        description="The tokens that attend. Present, with `key_tokens`, for stack `decoder` and `cross` of an "
        "encoder-decoder.",
    )
    key_tokens: list[str] = Field(default_factory=list, description="The tokens that are attended to.")
    words: list[Word] = Field(
        default_factory=list, description="The words that rows and columns stand for. Present with level `word`."
    )
    query_words: list[Word] = Field(
        default_factory=list, description="The words that rows stand for, where they are others than `words`."
    )
