"""For everyone: axe finds nothing, the keyboard is enough, 360 pixels are wide enough, light and dark."""

from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from tests.browser.explorer import Explorer
from tests.conftest import Server

pytestmark = pytest.mark.browser

VIEWS = ("walk", "heatmap", "heads", "grid")


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(explorer: Explorer, view: str, scheme: Literal["light", "dark"]) -> None:
    await explorer.page.emulate_media(color_scheme=scheme)
    await explorer.show(view=view, model="small", pin="row:1")
    await explorer.page.locator("details.more summary").click()
    results = await Axe().run(explorer.page)
    assert results.violations_count == 0, results.generate_report()


async def test_axe_finds_nothing_in_an_error(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.change("d_k", "0")
    await expect(explorer.page.locator("#error-d_k")).not_to_be_empty()
    results = await Axe().run(explorer.page)
    assert results.violations_count == 0, results.generate_report()
    explorer.complaints.clear()


@pytest.mark.parametrize("view", VIEWS)
async def test_nothing_is_wider_than_360_pixels(explorer: Explorer, view: str) -> None:
    await explorer.page.set_viewport_size({"width": 360, "height": 740})
    await explorer.show(view=view, model="small")
    assert await explorer.page.evaluate("document.documentElement.scrollWidth") <= 360


async def test_the_keyboard_alone_reaches_everything(explorer: Explorer) -> None:
    await explorer.show()
    reached: set[str] = set()
    for _ in range(60):
        await explorer.page.keyboard.press("Tab")
        reached.add(
            await explorer.page.evaluate(
                "(document.activeElement.id || document.activeElement.closest('[data-matrix]')?.dataset.matrix"
                " || document.activeElement.textContent)"
            )
        )
    assert {"field-sentence", "field-seed", "tab-walk", "scores", "output", "curl", "PNG"} <= reached


async def test_focus_is_visible_on_whatever_the_keyboard_reaches(explorer: Explorer) -> None:
    await explorer.show()
    for _ in range(30):
        await explorer.page.keyboard.press("Tab")
        outline = await explorer.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


async def test_arrow_keys_walk_through_the_tabs(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.page.get_by_role("tab", name="Walk").focus()
    await explorer.page.keyboard.press("ArrowRight")
    await expect(explorer.page.get_by_role("tab", name="Heatmap")).to_be_focused()
    await expect(explorer.page.get_by_role("tabpanel", name="Heatmap")).to_be_visible()


async def test_the_focused_cell_is_not_hidden_behind_the_explanation(explorer: Explorer) -> None:
    await explorer.page.set_viewport_size({"width": 1440, "height": 700})
    await explorer.show()
    await explorer.point(explorer.matrix("value"), 8, 3)
    canvas = await explorer.matrix("value").bounding_box()
    explanation = await explorer.page.locator(".explanation").bounding_box()
    assert canvas is not None
    assert explanation is not None
    assert canvas["y"] + canvas["height"] <= explanation["y"]


async def test_reduced_motion_is_honoured(explorer: Explorer) -> None:
    await explorer.page.emulate_media(reduced_motion="reduce")
    await explorer.show()
    durations = await explorer.page.evaluate(
        "[...document.querySelectorAll('*')].map(node => getComputedStyle(node).transitionDuration)"
    )
    assert set(durations) == {"0s"}


async def test_dark_and_light_differ(explorer: Explorer) -> None:
    backgrounds = set()
    for scheme in ("light", "dark"):
        await explorer.page.emulate_media(color_scheme=scheme)
        await explorer.show()
        backgrounds.add(await explorer.page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert len(backgrounds) == 2


async def test_text_can_be_selected(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.page.locator(".tokens bdi").first.dblclick()
    assert (await explorer.page.evaluate("getSelection().toString()")).strip() == "transformers"


async def test_it_says_that_attention_is_no_explanation(explorer: Explorer) -> None:
    await explorer.show()
    await expect(explorer.page.locator("footer")).to_contain_text("Attention is not an explanation by itself.")


async def test_a_dense_screen_gets_sharp_pictures(browser: Browser, server: Server) -> None:
    context = await browser.new_context(device_scale_factor=2)
    explorer = Explorer(await context.new_page(), server.url)
    await explorer.show()
    ratio = await explorer.matrix("scores").evaluate("canvas => canvas.width / canvas.clientWidth")
    await context.close()
    assert ratio == pytest.approx(2, abs=0.02)
