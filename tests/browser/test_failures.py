"""What goes wrong is told in the API's own words, the last answer stays, and the page recovers by itself."""

import socket

import pytest
from playwright.async_api import Browser, expect

from tests.browser.explorer import Explorer, picture
from tests.conftest import serving

pytestmark = pytest.mark.browser

KEY = "a-key-of-many-letters"


async def test_a_field_that_is_refused_says_why_beside_it(explorer: Explorer) -> None:
    await explorer.show()
    before = await picture(explorer.matrix("attentions"))
    await explorer.change("d_k", "0")
    error = explorer.page.locator("#error-d_k")
    await expect(error).to_have_text("d_k: should be greater than or equal to 1. It is 0.")
    await expect(explorer.field("d_k")).to_have_attribute("aria-invalid", "true")
    assert await picture(explorer.matrix("attentions")) == before, "the last answer stays"
    await explorer.change("d_k", "3")
    await expect(error).to_be_empty()
    await expect(explorer.field("d_k")).not_to_have_attribute("aria-invalid", "true")
    explorer.complaints.clear()  # Chromium logs every 422


async def test_what_is_no_number_is_refused_by_the_service(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.change("seed", "x")
    await expect(explorer.page.locator("#error-seed")).to_contain_text("should be a valid integer")
    explorer.complaints.clear()


async def test_an_empty_sentence_is_told_where_it_is_typed(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.change("sentence", "")
    await expect(explorer.page.locator("#error-sentence")).to_contain_text("it is required")
    explorer.complaints.clear()


async def test_an_unknown_model_is_told(explorer: Explorer) -> None:
    await explorer.open(model="nothing")
    await expect(explorer.page.locator("#error-model")).to_contain_text("nothing")
    explorer.complaints.clear()


async def test_an_error_of_a_list_stands_at_the_one_choice_that_the_page_has(explorer: Explorer) -> None:
    await explorer.open(view="heatmap", model="small", layer="77")
    await expect(explorer.page.locator("#error-layer")).to_contain_text("77")
    explorer.complaints.clear()


@pytest.mark.parametrize("state", [{"num_heads": "0"}, {"model": "nothing"}])
async def test_a_frame_tells_errors_though_it_has_no_form(explorer: Explorer, state: dict[str, str]) -> None:
    await explorer.open(embed="heatmap", **state)
    await expect(explorer.page.locator(".news")).to_be_visible()
    await expect(explorer.page.locator(".status")).not_to_be_empty()
    explorer.complaints.clear()


async def test_millions_of_heads_are_refused_in_the_services_words(explorer: Explorer) -> None:
    await explorer.open(num_heads="99999999999")
    await expect(explorer.page.locator("#error-num_heads")).to_contain_text("less than or equal to 64")
    explorer.complaints.clear()


async def test_a_download_that_fails_is_told_where_it_was_asked_for(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.page.route("**/heatmap*", lambda route: route.abort())
    await explorer.page.locator("[data-download=png]").click()
    await expect(explorer.page.locator(".share [role=status]")).to_contain_text("cannot be reached")
    await expect(explorer.page.locator(".news")).to_be_hidden()
    explorer.complaints.clear()


async def test_a_view_whose_code_did_not_come_is_loaded_once_it_can_be(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.page.route("**/heads.js", lambda route: route.abort())
    await explorer.tab("Head view")
    await expect(explorer.page.locator(".status")).not_to_be_empty()
    await explorer.page.unroute("**/heads.js")
    await explorer.page.reload()
    await explorer.drawn()
    await expect(explorer.page.locator(".heads canvas")).to_be_visible()
    explorer.complaints.clear()


async def test_a_hidden_field_that_is_refused_is_told_above_the_picture(explorer: Explorer) -> None:
    await explorer.open(model="small", stack="decoder")
    await expect(explorer.page.locator(".news")).to_contain_text("This model has no decoder attention.")
    explorer.complaints.clear()


async def test_a_stopped_server_is_told_and_the_page_goes_on_once_it_is_back(browser: Browser) -> None:
    page = await (await browser.new_context()).new_page()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving("--port", str(port)) as server:
        explorer = Explorer(page, server.url)
        await explorer.show()
        before = await picture(explorer.matrix("attentions"))
    await explorer.field("seed").fill("9")
    await expect(page.locator(".news")).to_contain_text("cannot be reached")
    assert await picture(explorer.matrix("attentions")) == before, "the last answer stays"
    with serving("--port", str(port)):
        await expect(page.locator(".news")).to_be_hidden(timeout=20_000)
        await explorer.drawn()
        assert await picture(explorer.matrix("attentions")) != before
    await page.context.close()


async def test_a_service_with_keys_asks_for_one(browser: Browser) -> None:
    page = await (await browser.new_context()).new_page()
    with serving(environment={"ATTENTION_API_KEYS": KEY}) as server:
        explorer = Explorer(page, server.url)
        await explorer.open()
        await expect(page.get_by_text("This service needs a key.")).to_be_visible()
        await page.get_by_label("Key", exact=True).fill("a-wrong-key-of-many-letters")
        await page.get_by_role("button", name="Use it").click()
        await expect(page.get_by_text("This service needs a key.")).to_be_visible()
        await page.get_by_label("Key", exact=True).fill(KEY)
        await page.get_by_role("button", name="Use it").click()
        await expect(page.locator(".tokens bdi").first).to_have_text("transformers")
        await expect(page.get_by_label("Key", exact=True)).to_be_hidden()
        assert KEY not in page.url
    await page.context.close()
