"""What a heatmap request asks to be drawn: a plot and its style, and how to make it again."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import orjson

from service import __version__
from service.api.heatmap_request import HeatmapRequest
from service.engine.models import Model
from service.engine.plan import Plan
from service.engine.tokens import Tokens
from service.engine.words import Word, trim, words_of
from service.heatmap.composition import Plot
from service.heatmap.labelling import Axis
from service.heatmap.lazily import Lazily
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
NUMBERED = 256
"""Axes with more labels tell their positions, too."""
SPACE = "␣"
SPACE_MARKS = "▁Ġ"
"""What stands for a space in tokens of Llama's and of GPT-2's kind."""
CONTINUATION = "##"
"""How BERT marks a piece that continues a word."""


def plot(request: HeatmapRequest, model: Model, plan: Plan) -> Plot:
    """The plot, still blank, of a plan's matrices: rows are tokens or words, and columns are, too, or dimensions."""
    words, view = plan.wanted.words, plan.wanted.view
    name = labels_of if model.tokenizer.is_wordpiece else labels_by_text
    queries, keys = (slice(None), slice(None)) if view is None else view.window
    if request.tensor in OVER_KEYS:
        rows = _axis(
            "query (attends from)", name(plan.queries) if words is None else _word_labels(words.queries), queries
        )
        columns = _axis("key (attended to)", name(plan.keys) if words is None else _word_labels(words.keys), keys)
    else:
        is_of_keys = request.tensor in {"key", "value"}
        rows = _axis("token", name(plan.keys if is_of_keys else plan.queries), keys if is_of_keys else queries)
        width = plan.size.shape(request.tensor)[-1]
        columns = Axis("dimension", Lazily(lambda index: Label(str(index)), range(width)))
    count = len(plan.wanted.layers) * (1 if plan.wanted.reduction else len(plan.wanted.heads))
    blank = np.broadcast_to(np.float32(0), (len(rows.labels), len(columns.labels)))  # takes no memory
    matrices = [blank] * (1 if request.tensor == "embedding" else count)
    is_grid, layers, heads = request.view == "grid", plan.wanted.layers, plan.wanted.heads
    return Plot(
        matrices,
        rows,
        columns,
        titles=_titles(plan) if is_grid else [],
        per_row=len(heads) if len(layers) > 1 else None,
        caption=_caption(request, model, plan),
    )


def _axis(title: str, labels: Sequence[Label], window: slice) -> Axis:
    """The labels in a window; of a long text with their positions, for only some of them will be seen."""
    start, stop, _ = window.indices(len(labels))
    shown = Lazily(labels.__getitem__, range(start, stop))
    if stop - start <= NUMBERED:
        return Axis(title, shown, start)

    def numbered(index: int) -> Label:
        label = labels[index]
        return Label(label.text, faint=f"{index:,} {label.faint}")

    return Axis(title, Lazily(numbered, range(start, stop)), start, shown)


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


def labels_of(tokens: Tokens) -> Sequence[Label]:
    """WordPieces as people read them: special tokens pale, and the mark of a piece that continues a word."""

    def label(index: int) -> Label:
        token, is_special = tokens.tokens[index], tokens.sequence_ids[index] is None
        return _label(token, token.startswith(CONTINUATION), token.removeprefix(CONTINUATION), is_special=is_special)

    return Lazily(label, range(len(tokens)))


def labels_by_text(tokens: Tokens) -> Sequence[Label]:
    """Other tokens as the text that they stand for, marked alike: their own letters are no one's ("Ã©" for "é")."""
    continuing = cache(lambda: {index for word in words_of(tokens) for index in word.token_indices[1:]})

    def label(index: int) -> Label:
        is_special = tokens.sequence_ids[index] is None
        return _label(tokens.tokens[index], index in continuing(), _text_of(tokens, index), is_special=is_special)

    return Lazily(label, range(len(tokens)))


def _text_of(tokens: Tokens, index: int) -> str:
    offset = tokens.offsets[index]
    if offset is None:
        return ""
    if not tokens.tokens[index].strip(SPACE_MARKS):  # its place may be that of the letter behind it
        return SPACE
    sentence = tokens.sentences[tokens.sequence_ids[index] or 0]
    start, end = trim(sentence, offset)
    return sentence[start:end] or SPACE


def _label(token: str, is_continuing: bool, text: str, *, is_special: bool) -> Label:
    if is_special:
        return Label("", faint=token)
    return Label(text, faint=CONTINUATION if is_continuing else "")


def _word_labels(words: Sequence[Word]) -> list[Label]:
    return [Label("", faint=word.text) if word.start is None else Label(word.text) for word in words]
