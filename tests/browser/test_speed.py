"""What the page weighs, and how long it takes: printed, for timing is no assertion on machines that others use, too."""

import pytest
from playwright.async_api import Browser

from tests.browser import measuring
from tests.conftest import Server

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("view", ["walk", "heatmap", "heads", "grid"])
async def test_the_page_weighs_less_than_150_kilobytes(browser: Browser, server: Server, view: str) -> None:
    weight = await measuring.kilobytes(browser, server.url, view)
    print(f"page weight, {view}: {weight:.1f} kB uncompressed (bar 150)")
    assert 50 < weight < 150


async def test_the_first_picture_is_timed(browser: Browser, server: Server) -> None:
    milliseconds = sorted([await measuring.milliseconds_to_picture(browser, server.url) for _ in range(3)])
    print(f"first picture after navigation: {milliseconds[1]:.0f} ms (bar 300)")
    assert milliseconds[0] > 0


@pytest.mark.parametrize(("tokens", "bar"), [(128, 50), (512, 100)])
async def test_every_interaction_is_timed(browser: Browser, server: Server, tokens: int, bar: int) -> None:
    found = await measuring.interactions(browser, server.url, tokens)
    for name, milliseconds in found.items():
        print(f"n={tokens}, {name}: {milliseconds:.0f} ms until the next paint (bar {bar})")
    assert len(found) == 18
