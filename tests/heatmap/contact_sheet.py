"""`python -m tests.heatmap.contact_sheet`: pictures of every kind on one sheet, to be looked at.

Drawn with the fonts of this machine; the sheet in the repository with Noto's.
"""

from collections.abc import Sequence
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from service.heatmap.composition import Plot
from service.heatmap.fonts import find_fonts
from service.heatmap.labelling import Axis
from service.heatmap.render import Renderer
from service.heatmap.style import Style
from service.heatmap.typesetting import Label

GOLDEN = Path(__file__).parents[1] / "golden"
TILE = (500, 300)
PER_ROW = 4
PART = (0, 0, 1000, 600)
SENTENCE = ["transformers", "are", "powerful", "models", "for", "natural", "language", "process", "##ing", "."]


def labels(words: Sequence[str], n: int) -> list[Label]:
    chosen = [words[index % len(words)] for index in range(n)]
    return [Label(word.removeprefix("##"), "##" if word.startswith("##") else "") for word in chosen]


def square(n: int, words: Sequence[str] = SENTENCE, *, causal: bool = False) -> Plot:
    matrix = attentions(n, seed=n)
    if causal:
        matrix[np.triu_indices(n, 1)] = np.nan
    return Plot([matrix], Axis("query (attends from)", labels(words, n)), Axis("key (attended to)", labels(words, n)))


def attentions(n: int, seed: int) -> np.ndarray:
    """Like those of a model: a strong diagonal, some columns that all attend to."""
    random = np.random.default_rng(seed)
    distance = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    scores = random.normal(size=(n, n)) + random.normal(size=n) * 1.5 - distance / (3 + seed % 5)
    weights = np.exp(scores)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def dimensions() -> Plot:
    matrix = np.random.default_rng(1).normal(size=(9, 4)).astype(np.float32)
    return Plot([matrix], Axis("token", labels(SENTENCE, 9)), Axis("dimension", labels("0123", 4)))


def grid() -> Plot:
    matrices = [attentions(12, seed) for seed in range(72)]
    titles = [(f"layer {index // 12}, head {index % 12}", f"{index // 12}.{index % 12}") for index in range(72)]
    rows, columns = (Axis(name, labels(SENTENCE, 12)) for name in ("query", "key"))
    return Plot(matrices, rows, columns, titles, per_row=12)


def pictures() -> list[tuple[Plot, Style]]:
    title = "Attention Scores Heatmap"
    style = partial(Style, width=TILE[0], height=TILE[1])
    return [
        (square(10, causal=True), style(title=title, values=True)),
        (square(9, ["東京", "は", "日本", "の", "首都", "です", "。"]), style(title="東京")),
        (square(40), style(title="40 tokens", colormap="magma")),
        (grid(), style(title="6 layers × 12 heads")),
        (dimensions(), style(title="Query Q = X·W", colormap="RdBu")),
        (square(7, ["السلام", "عليكم", "ورحمة", "الله", "وبركاته", "שלום", "עולם"]), style(title="السلام عليكم")),
        (square(12, causal=True), style(title="log scale", color_scale="log")),
        (square(8, ["🙂", "🚀", "नमस्ते", "สวัสดี", "안녕", "☃", "x²", "é"]), style(title="🙂 emoji", colormap="Blues")),
        (square(1, ["one"]), style(title="n = 1")),
        (square(2, ["two", "tokens"]), style(title="n = 2", values=True)),
        (square(128), style(title="128 tokens")),
        (square(512), style(title="512 tokens", color_scale="log")),
        (square(4, ["x" * 30 + str(number) + "y" * 29 for number in range(4)]), style(title="long")),
        (square(9), Style(title="200 × 200", width=200, height=200)),
        (square(9), Style(title="4000 × 4000", width=4000, height=4000)),
        (square(9), style(title="dpi_scale 2", dpi_scale=2)),
    ]


def main() -> None:
    """Draw the sheet, and the part of it that README shows."""
    renderer = Renderer(find_fonts())
    tiles = [Image.open(BytesIO(renderer.render(*request))).convert("RGB") for request in pictures()]
    sheet = Image.new("RGB", (TILE[0] * PER_ROW, TILE[1] * -(-len(tiles) // PER_ROW)), "white")
    for index, tile in enumerate(tiles):
        tile.thumbnail(TILE)
        sheet.paste(tile, (index % PER_ROW * TILE[0], index // PER_ROW * TILE[1]))
    sheet.quantize(256).save(GOLDEN / "contact-sheet.png", optimize=True)
    sheet.crop(PART).quantize(256).save(GOLDEN / "contact-sheet-part.png", optimize=True)


if __name__ == "__main__":
    main()
