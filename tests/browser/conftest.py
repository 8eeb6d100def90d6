"""Debian's Chromium, and a service with a small pretrained model beside the synthetic one."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from tests.browser.explorer import Explorer
from tests.conftest import Server, serving
from tests.models import save

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
LAYERS, HEADS, POSITIONS = 3, 12, 512


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder: Path = tmp_path_factory.mktemp("model")
    save("bert", folder, num_attention_heads=HEADS, hidden_size=96, max_position_embeddings=POSITIONS)
    with serving("--models", f"small={folder}") as server:
        yield server


@pytest.fixture
async def explorer(browser: Browser, server: Server) -> AsyncIterator[Explorer]:
    """A fresh tab; nothing in it may complain, and nothing may leave the origin."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    explorer = Explorer(await context.new_page(), server.url)
    yield explorer
    await context.close()
    assert explorer.complaints == []
