"""A fresh tab for each test, in which nothing may complain."""

from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import CHROMIUM, chromium, serving_small
from tests.browser.explorer import Explorer
from tests.conftest import Server


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    async with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with serving_small() as server:
        yield server


@pytest.fixture
async def explorer(browser: Browser, server: Server) -> AsyncIterator[Explorer]:
    """A fresh tab; no console error, no exception, and no request to elsewhere may be left of it."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(await context.new_page(), server.url)
    yield explorer
    await context.close()
    assert explorer.complaints == []
