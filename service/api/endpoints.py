"""The three endpoints that take a sentence: what each takes and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from service.api.answers import AttentionAnswer, TokenizeAnswer
from service.api.attention_request import AttentionRequest
from service.api.heatmap_request import HeatmapRequest
from service.api.reading import JSON, LINES, TEXT
from service.api.requests import SentenceRequest, TokenizeRequest

JSON_ONLY = {"json": JSON}


@dataclass(frozen=True, slots=True)
class SentenceEndpoint:
    """One of the three endpoints that take a sentence, by POST and GET."""

    path: str
    summary: str
    description: str
    fields: type[SentenceRequest]
    answer: type[TokenizeAnswer | AttentionAnswer] | None
    """The shape of a JSON answer; None for a picture."""
    forms: Mapping[str, str]
    """What the field `format` may say, and the media types of it; the first is the default."""
    operation: Literal["tokenize", "attention", "heatmap"]
    """The method of `Operations` that answers."""
    takes: Sequence[str] = (JSON, TEXT)
    """The types of body."""


SENTENCE_ENDPOINTS = (
    SentenceEndpoint(
        path="/tokenize",
        summary="Split a sentence into tokens",
        description="The model's own tokens, with their ids and where each stands in the sentence: for `synthetic` "
        "WordPieces of bert-base-uncased (lower-cased, accents stripped), for a pretrained model those of its "
        "tokenizer. Special tokens that are typed in a sentence are text.",
        fields=TokenizeRequest,
        answer=TokenizeAnswer,
        forms=JSON_ONLY,
        operation="tokenize",
        takes=(JSON, LINES, TEXT),
    ),
    SentenceEndpoint(
        path="/attention",
        summary="Compute a sentence's attention, step by step",
        description="For `synthetic`, X = `embedding`; Q, K, V = X·W for each of the three weights; `scores` = "
        "Q·Kᵀ/√d_k; `attentions` = softmax of the scores over the keys; `output` = attentions·V. For a pretrained "
        "model the same of the `layers` and `heads` chosen, as the model itself computes them: with its biases, "
        "positions, scaling and mask. `include` names the tensors to answer.",
        fields=AttentionRequest,
        answer=AttentionAnswer,
        forms={
            "json": JSON,
            "safetensors": "application/vnd.safetensors",
            "npy": "application/x-npy",
        },
        operation="attention",
        takes=(JSON, LINES, TEXT),
    ),
    SentenceEndpoint(
        path="/heatmap",
        summary="Draw a sentence's attention",
        description="A heatmap of one head's attentions or of another tensor, of all heads reduced to one, or of all "
        "heads as small multiples: rows are queries (attend from), columns are keys (attended to). Labels that would "
        "overlap are thinned; masked cells are hatched. The picture says in its metadata how to make it again.",
        fields=HeatmapRequest,
        answer=None,
        forms={"png": "image/png", "svg": "image/svg+xml"},
        operation="heatmap",
    ),
)
