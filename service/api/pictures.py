"""What a heatmap request asks to be drawn: a plot and its style, and how to make it again."""

from collections.abc import Sequence

import numpy as np
import orjson
from jaxtyping import Float32

from service import __version__
from service.api.heatmap_request import HeatmapRequest
from service.engine.models import Model
from service.engine.plan import Plan
from service.engine.tokenizer import Tokens
from service.engine.words import Word, trim, words_of
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
PRETRAINED_TITLES = TITLES | {
    "query": "Query Q",
    "key": "Key K",
    "value": "Value V",
    "scores": "Scores (softmax's argument)",
}
"""Other models project with a bias, turn or repeat what they project, and do not all scale it alike."""
OVER_KEYS = frozenset({"scores", "attentions"})
NOT_IN_FIELDS = {"sentence", "sentence_pair", "target", "format", "filename"}
NO_NUL = "\N{REPLACEMENT CHARACTER}"
"""Instead of NUL, at which a PNG's texts end."""
SPACE = "␣"
SPACE_MARKS = "▁Ġ"
"""What stands for a space in tokens of Llama's and of GPT-2's kind."""
CONTINUATION = "##"
"""How BERT marks a piece that continues a word."""


def plot(request: HeatmapRequest, model: Model, plan: Plan, matrices: Sequence[Float32[np.ndarray, "n m"]]) -> Plot:
    """The plot of `matrices`, whose rows are tokens or words and whose columns are, too, or dimensions."""
    words = plan.wanted.words
    name = labels_of if model.tokenizer.is_wordpiece else labels_by_text
    if request.tensor in OVER_KEYS:
        rows = Axis("query (attends from)", name(plan.queries) if words is None else _word_labels(words.queries))
        columns = Axis("key (attended to)", name(plan.keys) if words is None else _word_labels(words.keys))
    else:
        rows = Axis("token", name(plan.keys if request.tensor in {"key", "value"} else plan.queries))
        columns = Axis("dimension", [Label(str(index)) for index in range(matrices[0].shape[1])])
    is_grid, layers, heads = request.view == "grid", plan.wanted.layers, plan.wanted.heads
    return Plot(
        matrices,
        rows,
        columns,
        titles=_titles(plan) if is_grid else [],
        per_row=len(heads) if len(layers) > 1 else None,
        caption=_caption(request, model, plan),
    )


def _caption(request: HeatmapRequest, model: Model, plan: Plan) -> str:
    """Which model, layer and heads of it a picture shows. The synthetic model has one layer, and often one head."""
    layers, heads = plan.wanted.layers, plan.wanted.heads
    shown = [] if len(layers) > 1 else [f"layer {layers[0]}"]
    if plan.wanted.reduction is not None:
        word = "maximum" if plan.wanted.reduction == "max" else "mean"
        shown.append(f"{word} of {len(heads)} heads")
    elif request.view == "single" and request.tensor != "embedding":
        shown.append(f"head {heads[0]}")
    if model.facts.kind == "synthetic":
        return shown[-1] if plan.wanted.reduction is not None else ""
    stack = [plan.stack] if len(model.facts.stacks) > 1 else []
    return ", ".join([request.model, *stack, *shown])


def _titles(plan: Plan) -> list[Sequence[str]]:
    """The titles of small multiples, each in a long form and in a short one."""
    layers, heads = plan.wanted.layers, plan.wanted.heads
    if len(layers) == 1:
        return [(f"head {head}", str(head)) for head in heads]
    return [
        (f"layer {layer}, head {head}", f"L{layer} H{head}", f"{layer}.{head}") for layer in layers for head in heads
    ]


def style(request: HeatmapRequest, model: Model) -> Style:
    """How the picture looks."""
    return Style(
        title=_title(request, model),
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


def metadata(request: HeatmapRequest, model: Model, plan: Plan) -> dict[str, str]:
    """What the picture shows, and the fields that make it again: the sentences and `fields`, a JSON object."""
    heads = plan.wanted.reduction or ",".join(map(str, plan.wanted.heads))
    shown = {
        "Title": _title(request, model),
        "Software": f"attention-service {__version__}",
        "sentence": request.sentence,
        "model": request.model if model.facts.revision is None else f"{request.model} {model.facts.revision}",
        "layer": ",".join(map(str, plan.wanted.layers)),
        "head": request.view if request.view == "grid" else heads,
        "fields": orjson.dumps(request.model_dump(exclude_defaults=True, exclude=NOT_IN_FIELDS)).decode(),
    }
    if model.facts.kind == "synthetic":
        shown["seed"] = str(request.seed)
    for name in ("sentence_pair", "target"):
        if getattr(request, name) is not None:
            shown[name] = getattr(request, name)
    return {key: text.replace("\0", NO_NUL) for key, text in shown.items()}


def _title(request: HeatmapRequest, model: Model) -> str:
    if request.title is not None:
        return request.title
    if model.facts.kind == "pretrained":
        return PRETRAINED_TITLES[request.tensor]
    if request.tensor == "scores" and request.scale is not None:
        return "Scores Q·Kᵀ·scale"
    return TITLES[request.tensor]


def labels_of(tokens: Tokens) -> list[Label]:
    """WordPieces as people read them: special tokens pale, and the mark of a piece that continues a word."""
    return [
        _label(token, token.startswith(CONTINUATION), token.removeprefix(CONTINUATION), special)
        for token, special in zip(tokens.tokens, tokens.special_tokens_mask, strict=True)
    ]


def labels_by_text(tokens: Tokens) -> list[Label]:
    """Other tokens as the text that they stand for, marked alike: their own letters are no one's ("Ã©" for "é")."""
    continuing = {index for word in words_of(tokens) for index in word.token_indices[1:]}
    return [
        _label(token, index in continuing, _text_of(tokens, index), special)
        for index, (token, special) in enumerate(zip(tokens.tokens, tokens.special_tokens_mask, strict=True))
    ]


def _text_of(tokens: Tokens, index: int) -> str:
    offset = tokens.offsets[index]
    if offset is None:
        return ""
    if not tokens.tokens[index].strip(SPACE_MARKS):  # its place may be that of the letter behind it
        return SPACE
    sentence = tokens.sentences[tokens.sequence_ids[index] or 0]
    start, end = trim(sentence, offset)
    return sentence[start:end] or SPACE


def _label(token: str, is_continuing: bool, text: str, special: int) -> Label:
    if special:
        return Label("", faint=token)
    return Label(text, faint=CONTINUATION if is_continuing else "")


def _word_labels(words: Sequence[Word]) -> list[Label]:
    return [Label("", faint=word.text) if word.start is None else Label(word.text) for word in words]
