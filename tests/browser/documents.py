"""Long texts, and the explorer's picture of one as its readers see it and move in it."""

import json
import re
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import numpy as np
from playwright.async_api import Locator, Page, expect

from tests.browser.explorer import Explorer

WORDS = ("the", "cat", "sat", "on", "a", "mat", "while", "dogs", "ran", "over", "hills", "under", "stars")
"""Each is one token."""
TOKENS = [*islice(cycle([*WORDS, *WORDS[::3]]), 5001)]
TEXT = " ".join(TOKENS)
"""A text of 5,001 tokens; no bin size divides that."""
MARGIN, SIDE = 104, 696
"""Of the picture in a window of 1440 × 900."""
LABELS = """
const { fillText, setTransform } = CanvasRenderingContext2D.prototype;
CanvasRenderingContext2D.prototype.setTransform = function (...matrix) {
    this.canvas.labels = [];
    setTransform.apply(this, matrix);
};
CanvasRenderingContext2D.prototype.fillText = function (text, ...where) {
    this.canvas.labels?.push(text);
    fillText.call(this, text, ...where);
};
"""
"""Remembers what was written on a canvas since it was drawn last."""


@dataclass
class Document:
    """The heatmap of a long text in a tab."""

    explorer: Explorer

    @property
    def page(self) -> Page:
        return self.explorer.page

    @property
    def canvas(self) -> Locator:
        return self.page.locator(".document .plot canvas")

    async def open(self, text: str = TEXT, **state: str) -> None:
        """Type the text into the page, and wait until the picture is whole."""
        await self.page.add_init_script(LABELS)
        await self.explorer.show(**{"view": "heatmap", **state})
        await self.explorer.field("sentence").fill(text)
        await self.settled()

    async def settled(self) -> None:
        """Wait until every tile that is seen is there."""
        await expect(self.page.locator(".document")).to_have_attribute("aria-busy", "false", timeout=30_000)

    async def labels(self) -> list[str]:
        """What stands beside the picture."""
        return list(await self.canvas.evaluate("canvas => canvas.labels"))

    def part(self, name: str) -> Locator:
        """A part of the read-out."""
        return self.page.locator(f".document .part[data-part={name}] bdi")

    async def value(self, name: str = "value") -> float:
        """The number that is read out."""
        return float((await self.part(name).inner_text()).replace("−", "-"))

    async def middle(self) -> tuple[float, float]:
        """The middle of the picture, on the page; it is scrolled to where all of it is seen."""
        await self.page.evaluate("document.querySelector('.document .plot').scrollIntoView({block: 'end'})")
        box = await self.canvas.bounding_box()
        assert box is not None
        return box["x"] + MARGIN + SIDE / 2, box["y"] + MARGIN + SIDE / 2

    async def wheel(self, steps: int) -> None:
        """Turn the wheel over the middle; negative zooms in."""
        await self.page.mouse.move(*await self.middle())
        for _ in range(abs(steps)):
            await self.page.mouse.wheel(0, 120 if steps > 0 else -120)
        await self.settled()

    async def drag(self, dx: float, dy: float) -> None:
        x, y = await self.middle()
        await self.page.mouse.move(x, y)
        await self.page.mouse.down()
        await self.page.mouse.move(x + dx, y + dy, steps=4)
        await self.page.mouse.up()
        await self.settled()

    async def place(self) -> tuple[int, int, int, int]:
        """What is seen, as the address has it: first and last query, first and last key, the last ones excluded."""
        await expect(self.page).to_have_url(re.compile("[?#&]at="))
        found = re.search(r"at=(\d+)-(\d+)%2C(\d+)-(\d+)", self.page.url)
        assert found is not None
        first_query, end_query, first_key, end_key = map(int, found.groups())
        return first_query, end_query, first_key, end_key

    async def answer(self, text: str = TEXT, **fields: Any) -> np.ndarray:
        """The attentions, or what `include` names, that the service answers."""
        response = await self.page.request.post(f"{self.explorer.url}/attention", data={"sentence": text, **fields})
        assert response.ok, await response.text()
        (name,) = fields.get("include", ["attentions"])
        return np.array(json.loads(await response.text())[name][0][0], np.float32)
