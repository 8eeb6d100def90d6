"""Debian's Chromium without a screen, and a service with a small pretrained model beside the synthetic one."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from playwright.async_api import Browser, async_playwright

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
"""Of the pretrained model, `small`."""


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """A browser, where there is one: `CHROMIUM` says."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS])
        yield browser
        await browser.close()


@contextmanager
def serving_small() -> Iterator[Server]:
    """A service that has the model `small`."""
    with tempfile.TemporaryDirectory() as folder:
        save("bert", Path(folder), num_attention_heads=HEADS, hidden_size=96, max_position_embeddings=POSITIONS)
        with serving("--models", f"small={folder}") as server:
            yield server
