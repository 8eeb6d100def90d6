"""Ten thousand random pictures: nothing is raised, and memory stays flat."""

import sys
from pathlib import Path

import numpy as np
import pytest

from service.heatmap.colors import COLORMAPS
from service.heatmap.composition import Plot
from service.heatmap.labelling import Axis
from service.heatmap.render import Renderer
from service.heatmap.style import Style
from service.heatmap.typesetting import Label
from tests.heatmap.drawing import WORDS

PICTURES, WARM_UP = 10_000, 2_000
GROWTH = 1.1


def resident_pages() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1])


def random_request(random: np.random.Generator) -> tuple[Plot, Style]:
    rows, columns = (int(random.choice([1, 2, 9, 20, int(random.integers(1, 300))])) for _ in range(2))
    count = int(random.choice([1, 1, 1, 1, 6, 30]))
    names = [Label(f"{random.choice(WORDS)}{random.integers(10**6)}", random.choice(["", "##"])) for _ in range(5)]
    queries, keys = (Axis("tokens", [names[index % 5] for index in range(size)]) for size in (rows, columns))
    matrices = [random.random((rows, columns), dtype=np.float32) for _ in range(count)]
    titles = [(f"head {index}", str(index)) for index in range(count)] if count > 1 else []
    style = Style(
        title=str(random.choice(WORDS)) * int(random.integers(4)),
        colormap=COLORMAPS[random.integers(len(COLORMAPS))],
        color_scale="log" if random.random() < 0.2 else "linear",
        values=bool(random.random() < 0.2),
        width=int(random.integers(16, 500)),
        height=int(random.integers(16, 500)),
        dpi_scale=int(random.integers(1, 3)),
    )
    return Plot(matrices, queries, keys, titles), style


@pytest.mark.slow
def test_ten_thousand_random_pictures_raise_nothing_and_memory_stays_flat() -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("resident memory is read from /proc")
    random = np.random.default_rng(0)
    renderer = Renderer()
    warm = 0
    for number in range(PICTURES):
        plot, style = random_request(random)
        renderer.render(plot, style, "svg" if number % 5 == 0 else "png")
        if number == WARM_UP:
            warm = resident_pages()
    print(f"resident pages after {WARM_UP:,} pictures {warm:,}, after {PICTURES:,} {resident_pages():,}")  # noqa: T201  # its figure
    assert resident_pages() < GROWTH * warm
