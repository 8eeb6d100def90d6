"""The head view and the grid of all heads."""

import httpx
import numpy as np
import pytest
from playwright.async_api import Locator, expect

from tests.browser.chromium import HEADS, LAYERS
from tests.browser.explorer import Explorer, picture

pytestmark = pytest.mark.browser

SENTENCE = "The cat sat on the mat."


def lines(explorer: Explorer) -> Locator:
    return explorer.page.locator(".heads canvas")


def attentions(explorer: Explorer, layer: int, head: int) -> tuple[list[str], np.ndarray]:
    fields = {"sentence": SENTENCE, "model": "small", "layers": str(layer), "heads": str(head)}
    answer = httpx.get(f"{explorer.url}/attention", params=fields).json()
    return answer["tokens"], np.array(answer["attentions"][0][0])


async def test_a_query_lists_its_strongest_links_alone(explorer: Explorer) -> None:
    await explorer.show(view="heads", model="small", sentence=SENTENCE, layer="1", head="3", top="5")
    everything = await picture(lines(explorer))
    await lines(explorer).focus()
    for _ in range(3):
        await explorer.page.keyboard.press("ArrowDown")
    tokens, matrix = attentions(explorer, 1, 3)
    await expect(explorer.page.locator(".heads .readout p")).to_have_text(f"“{tokens[2]}” attends to")
    strongest = np.argsort(-matrix[2], kind="stable")[:5]
    await expect(explorer.page.locator(".links bdi")).to_have_text([tokens[key] for key in strongest])
    assert await picture(lines(explorer)) != everything


async def test_a_share_of_the_weight_decides_how_many_links_there_are(explorer: Explorer) -> None:
    await explorer.show(view="heads", model="small", sentence=SENTENCE, layer="1", head="3", links="mass", mass="0.5")
    await lines(explorer).focus()
    await explorer.page.keyboard.press("ArrowDown")
    _, matrix = attentions(explorer, 1, 3)
    enough = int(np.searchsorted(np.cumsum(np.sort(matrix[0])[::-1]), 0.5)) + 1
    await expect(explorer.page.locator(".links li")).to_have_count(enough)


async def test_a_key_lists_who_attends_to_it(explorer: Explorer) -> None:
    await explorer.show(view="heads", model="small", sentence=SENTENCE, top="20")
    await lines(explorer).focus()
    await explorer.page.keyboard.press("ArrowRight")
    await expect(explorer.page.locator(".heads .readout p")).to_have_text("Attend to “[CLS]”")
    tokens, _ = attentions(explorer, 0, 0)
    await expect(explorer.page.locator(".links li")).to_have_count(len(tokens))


async def test_the_mouse_picks_a_token_and_leaves_it(explorer: Explorer) -> None:
    await explorer.show(view="heads", model="small", sentence=SENTENCE)
    box = await lines(explorer).bounding_box()
    assert box is not None
    await explorer.page.mouse.move(box["x"] + 40, box["y"] + 30)
    await expect(explorer.page.locator(".heads .readout p")).to_have_text("“the” attends to")
    await explorer.page.mouse.move(1, 1)
    await expect(explorer.page.locator(".heads .readout .hint")).to_be_visible()


async def test_another_head_draws_other_lines_and_is_in_the_address(explorer: Explorer) -> None:
    await explorer.show(view="heads", model="small", sentence=SENTENCE)
    before = await picture(lines(explorer))
    async with explorer.page.expect_response(lambda response: "heads=5" in response.url):
        await explorer.field("head").select_option("5")
    await explorer.drawn()
    assert await picture(lines(explorer)) != before
    assert explorer.state["head"] == "5"


async def test_a_long_text_scrolls_and_the_keyboard_brings_tokens_into_view(explorer: Explorer) -> None:
    await explorer.show(view="heads", sentence="word " * 200)
    await lines(explorer).focus()
    for _ in range(60):
        await explorer.page.keyboard.press("ArrowDown")
    top = await explorer.page.locator(".window").evaluate("window => window.scrollTop")
    assert top > 0


async def test_the_grid_has_a_picture_of_every_head(explorer: Explorer) -> None:
    await explorer.page.set_viewport_size({"width": 1440, "height": 2000})
    await explorer.show(view="grid", model="small", sentence=SENTENCE)
    pictures = explorer.page.locator(".layer canvas")
    await expect(pictures).to_have_count(LAYERS * HEADS)
    await expect(explorer.page.locator(".layer[aria-busy]")).to_have_count(0)
    drawn = [await picture(pictures.nth(index)) for index in range(LAYERS * HEADS)]
    assert len(set(drawn)) == LAYERS * HEADS


async def test_the_grid_fetches_only_the_layers_that_are_seen(explorer: Explorer) -> None:
    asked: list[str] = []
    explorer.page.on("request", lambda request: asked.append(request.url))
    await explorer.page.set_viewport_size({"width": 1440, "height": 480})
    await explorer.show(view="grid", model="small", sentence=SENTENCE)
    await expect(explorer.page.locator(".layer").first).not_to_have_attribute("aria-busy", "true")
    assert any("layers=0&" in url for url in asked)
    assert not any("layers=2&" in url for url in asked)
    async with explorer.page.expect_response(lambda response: "layers=2&" in response.url):
        await explorer.page.locator(".layer").last.scroll_into_view_if_needed()


async def test_a_small_picture_opens_as_heatmap_and_back_returns(explorer: Explorer) -> None:
    await explorer.show(view="grid", model="small", sentence=SENTENCE)
    await explorer.page.get_by_role("button", name="Layer 1, head 4: open").click()
    await expect(explorer.page.locator(".heatmap .plot canvas")).to_be_visible()
    assert explorer.state == {"view": "heatmap", "model": "small", "sentence": SENTENCE, "layer": "1", "head": "4"}
    await explorer.page.go_back()
    await expect(explorer.page.get_by_role("button", name="Layer 1, head 4: open")).to_be_visible()


async def test_heads_of_the_synthetic_model_stand_side_by_side_too(explorer: Explorer) -> None:
    await explorer.show(view="grid", num_heads="3")
    await expect(explorer.page.locator(".layer canvas")).to_have_count(3)


async def test_hidden_special_tokens_leave_their_places_to_others(explorer: Explorer) -> None:
    await explorer.show(
        view="heads", model="small", sentence=SENTENCE, layer="1", head="3", top="3", hide_special="true"
    )
    await lines(explorer).focus()
    for _ in range(3):
        await explorer.page.keyboard.press("ArrowDown")
    tokens, matrix = attentions(explorer, 1, 3)
    others = [key for key in np.argsort(-matrix[2], kind="stable") if key not in {0, len(tokens) - 1}]
    await expect(explorer.page.locator(".links bdi")).to_have_text([tokens[key] for key in others[:3]])
