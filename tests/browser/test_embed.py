"""In a frame: pages of the origins that the setting names may show the explorer, and no others."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import unquote

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.explorer import Explorer
from tests.conftest import Server, serving

pytestmark = pytest.mark.browser


class Notes(BaseHTTPRequestHandler):
    """Lecture notes that frame what the query says."""

    def do_GET(self) -> None:
        body = f'<iframe src="{unquote(self.path.partition("?")[2])}" width="720" height="640"></iframe>'
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Of lecture notes, which have two origins: by name and by address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Notes) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(scope="module")
def framed(port: int) -> Iterator[Server]:
    with serving("--frame-ancestors", f"http://localhost:{port}") as server:
        yield server


async def lecture_notes(browser: Browser, origin: str, source: str) -> Page:
    """A page of lecture notes at `origin` that frames `source`."""
    page = await (await browser.new_context()).new_page()
    await page.goto(f"{origin}/?{source}")
    return page


@pytest.mark.parametrize(
    ("view", "seen"),
    [("walk", ".walk"), ("heatmap", ".plot canvas"), ("heads", ".heads canvas"), ("grid", ".layer canvas")],
)
async def test_an_origin_that_is_named_may_frame_each_view(
    browser: Browser, framed: Server, port: int, view: str, seen: str
) -> None:
    page = await lecture_notes(browser, f"http://localhost:{port}", f"{framed.url}/?embed={view}")
    frame = page.frame_locator("iframe")
    await expect(frame.locator(seen).first).to_be_visible()
    await expect(frame.locator("header")).to_be_hidden()
    await page.context.close()


async def test_another_origin_may_not(browser: Browser, framed: Server, port: int) -> None:
    page = await lecture_notes(browser, f"http://127.0.0.1:{port}", f"{framed.url}/?embed=heatmap")
    await expect(page.frame_locator("iframe").locator("canvas")).to_have_count(0)
    assert page.frames[1].url.startswith("chrome-error:")
    await page.context.close()


async def test_without_the_setting_nobody_may(explorer: Explorer, browser: Browser, port: int) -> None:
    page = await lecture_notes(browser, f"http://localhost:{port}", f"{explorer.url}/?embed=heatmap")
    await expect(page.frame_locator("iframe").locator("canvas")).to_have_count(0)
    assert page.frames[1].url.startswith("chrome-error:")
    await page.context.close()
