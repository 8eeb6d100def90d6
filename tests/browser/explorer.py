"""The page in a real browser, as its readers use it."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlencode, urljoin, urlsplit

import numpy as np
from playwright.async_api import ConsoleMessage, Locator, Page, Response, expect


@dataclass
class Explorer:
    """One tab, and what it complained of."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)
    """Console errors, exceptions and requests to elsewhere; a test that provokes some empties the list."""

    def __post_init__(self) -> None:
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda request: self._check_origin(request.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(message.text)

    def _check_origin(self, url: str) -> None:
        if not url.startswith((self.url, "data:", f"blob:{self.url}")):
            self.complaints.append(f"a request leaves the origin: {url}")

    async def open(self, **state: str) -> Response | None:
        """Load the page with this in its address."""
        return await self.page.goto(f"{self.url}/?{urlencode(state)}")

    async def drawn(self) -> None:
        """Wait until nothing is being computed any more."""
        await expect(self.page.locator("main")).not_to_have_attribute("aria-busy", "true")

    async def change(self, name: str, value: str) -> None:
        """Type into a field, and wait until the answer to that is drawn."""
        async with self.page.expect_response(lambda response: f"{name}={quote_plus(value)}" in response.url):
            await self.field(name).fill(value)
        await self.drawn()

    async def show(self, **state: str) -> None:
        """Load the page and wait for its picture."""
        await self.open(**state)
        await self.drawn()

    @property
    def state(self) -> dict[str, str]:
        """What its address holds."""
        return {name: value for name, (value,) in parse_qs(urlsplit(self.page.url).query).items()}

    def field(self, name: str) -> Locator:
        """A control of the form."""
        return self.page.locator(f"#field-{name}")

    def matrix(self, name: str) -> Locator:
        """The picture of a matrix in the walk."""
        return self.page.locator(f"figure[data-matrix={name}] canvas")

    async def tab(self, name: str) -> None:
        """Go to another view."""
        await self.page.get_by_role("tab", name=name).click()

    async def point(self, canvas: Locator, row: int, column: int) -> None:
        """Put the cursor on a cell of a matrix, with the keyboard."""
        await canvas.focus()
        await self.page.keyboard.press("Home")
        for _ in range(column):
            await self.page.keyboard.press("ArrowRight")
        for _ in range(row):
            await self.page.keyboard.press("ArrowDown")

    async def numbers(self, button: Locator) -> np.ndarray:
        """The matrix whose button this is, as the page writes it out; null becomes NaN."""
        await button.click()
        dialog = self.page.get_by_role("dialog")
        rows = await dialog.locator("tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.querySelectorAll('td')].map(cell => cell.textContent))"
        )
        await dialog.get_by_role("button", name="Close").click()
        await expect(dialog).to_have_count(0)
        return np.array([[json.loads(number) for number in row] for row in rows], np.float32)

    async def module(self, name: str, expression: str, argument: Any = None) -> Any:
        """What an expression comes to, in which `m` is a module of the page and `a` the argument."""
        link = await self.page.locator("script[type=module]").get_attribute("src")
        address = urljoin(f"{self.url}/", str(link).replace("app.js", f"{name}.js"))
        return await self.page.evaluate(
            f"async a => {{ const m = await import('{address}'); return {expression}; }}", argument
        )


async def picture(canvas: Locator) -> str:
    """What is drawn on it."""
    data: str = await canvas.evaluate("canvas => canvas.toDataURL()")
    return data
