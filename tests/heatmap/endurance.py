"""Draws ten thousand random pictures; prints the resident pages after the first two thousand, and at the end."""

from pathlib import Path

import numpy as np

from service.heatmap.colors import COLORMAPS
from service.heatmap.composition import Plot
from service.heatmap.labelling import Axis
from service.heatmap.render import Renderer
from service.heatmap.style import Style
from service.heatmap.typesetting import Label
from tests.heatmap.drawing import WORDS

PICTURES, WARM_UP = 10_000, 2_000


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def random_request(random: np.random.Generator) -> tuple[Plot, Style]:
    rows, columns = (int(random.choice([1, 2, 9, 20, int(random.integers(1, 100))])) for _ in range(2))
    count = int(random.choice([1, 1, 1, 1, 1, 1, 1, 6]))
    names = [Label(f"{random.choice(WORDS)}{random.integers(10**6)}", random.choice(["", "##"])) for _ in range(5)]
    queries, keys = (Axis("tokens", [names[index % 5] for index in range(size)]) for size in (rows, columns))
    matrices = [random.random((rows, columns), dtype=np.float32) for _ in range(count)]
    titles = [(f"head {index}", str(index)) for index in range(count)] if count > 1 else []
    style = Style(
        title=str(random.choice(WORDS)) * int(random.integers(4)),
        colormap=COLORMAPS[random.integers(len(COLORMAPS))],
        color_scale="log" if random.random() < 0.2 else "linear",
        values=bool(random.random() < 0.2),
        width=int(random.integers(16, 400)),
        height=int(random.integers(16, 400)),
        dpi_scale=int(random.choice([1, 1, 1, 2])),
    )
    return Plot(matrices, queries, keys, titles), style


def main() -> None:
    random = np.random.default_rng(0)
    renderer = Renderer()
    for number in range(1, PICTURES + 1):
        plot, style = random_request(random)
        renderer.render(plot, style, "svg" if number % 5 == 0 else "png")
        if number in {WARM_UP, PICTURES}:
            print(resident_pages())  # noqa: T201  # what the test reads


if __name__ == "__main__":
    main()
