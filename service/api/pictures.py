"""What a heatmap request asks to be drawn: a plot and its style, and how to make it again."""

from collections.abc import Sequence

import numpy as np
import orjson
from jaxtyping import Float32

from service import __version__
from service.api.heatmap_request import HeatmapRequest
from service.engine.tokenizer import Tokens
from service.heatmap.composition import Plot
from service.heatmap.labelling import Axis
from service.heatmap.style import Style
from service.heatmap.typesetting import Label

TITLES = {
    "embedding": "Embedding X",
    "query": "Query Q = X·W",
    "key": "Key K = X·W",
    "value": "Value V = X·W",
    "scores": "Scores Q·Kᵀ/√d_k",
    "attentions": "Attention Scores Heatmap",
    "output": "Output: attentions·V",
}
OVER_KEYS = frozenset({"scores", "attentions"})
NOT_IN_FIELDS = {"sentence", "sentence_pair", "format", "filename"}
NO_NUL = "\N{REPLACEMENT CHARACTER}"
"""Instead of NUL, at which a PNG's texts end."""
CONTINUATION = "##"
"""How BERT marks a piece that continues a word."""


def plot(request: HeatmapRequest, tokens: Tokens, matrices: Sequence[Float32[np.ndarray, "n m"]]) -> Plot:
    """The plot of `matrices`, whose rows are tokens and whose columns are tokens, too, or dimensions."""
    labels = [_label(token, special) for token, special in zip(tokens.tokens, tokens.special_tokens_mask, strict=True)]
    rows = Axis("query (attends from)" if request.tensor in OVER_KEYS else "token", labels)
    if request.tensor in OVER_KEYS:
        columns = Axis("key (attended to)", labels)
    else:
        columns = Axis("dimension", [Label(str(index)) for index in range(matrices[0].shape[1])])
    titles = [(f"head {head}", str(head)) for head in range(len(matrices))] if request.view == "grid" else []
    return Plot(matrices, rows, columns, titles)


def style(request: HeatmapRequest) -> Style:
    """How the picture looks."""
    return Style(
        title=_title(request),
        colormap=request.colormap,
        color_range=request.color_range,
        color_scale=request.color_scale,
        pooling=request.pooling,
        labels=request.labels,
        colorbar=request.colorbar,
        values=request.values,
        width=request.width,
        height=request.height,
        dpi_scale=request.dpi_scale,
    )


def metadata(request: HeatmapRequest) -> dict[str, str]:
    """What the picture shows, and the fields that make it again: the sentences and `fields`, a JSON object."""
    shown = {
        "Title": _title(request),
        "Software": f"attention-service {__version__}",
        "sentence": request.sentence,
        "model": request.model,
        "seed": str(request.seed),
        "layer": str(request.layer or 0),
        "head": request.view if request.view == "grid" else str(request.head_reduction or request.head or 0),
        "fields": orjson.dumps(request.model_dump(exclude_defaults=True, exclude=NOT_IN_FIELDS)).decode(),
    }
    if request.sentence_pair is not None:
        shown["sentence_pair"] = request.sentence_pair
    return {key: text.replace("\0", NO_NUL) for key, text in shown.items()}


def _title(request: HeatmapRequest) -> str:
    if request.title is not None:
        return request.title
    if request.tensor == "scores" and request.scale is not None:
        return "Scores Q·Kᵀ·scale"
    return TITLES[request.tensor]


def _label(token: str, special: int) -> Label:
    if special:
        return Label("", faint=token)
    if token.startswith(CONTINUATION):
        return Label(token.removeprefix(CONTINUATION), faint=CONTINUATION)
    return Label(token)
