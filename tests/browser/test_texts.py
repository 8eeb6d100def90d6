"""Whatever is typed is shown as text, in any script, and its numbers are the service's."""

import pytest
from playwright.async_api import expect

from tests.browser.explorer import Explorer

pytestmark = pytest.mark.browser

MARKUP = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>"


@pytest.mark.parametrize("view", ["walk", "heatmap", "heads", "grid"])
async def test_markup_is_shown_as_text(explorer: Explorer, view: str) -> None:
    await explorer.show(sentence=MARKUP, sentence_pair=MARKUP, view=view, scores_formula=MARKUP)
    assert await explorer.page.evaluate("window.hacked") is None
    assert await explorer.page.locator("main img, main script").count() == 0
    await expect(explorer.field("sentence")).to_have_value(MARKUP)


async def test_tokens_of_markup_are_listed_one_by_one(explorer: Explorer) -> None:
    await explorer.show(sentence="<b>bold</b>")
    await expect(explorer.page.locator(".tokens bdi")).to_have_text(["<", "b", ">", "bold", "<", "/", "b", ">"])


@pytest.mark.parametrize(
    ("sentence", "tokens"),
    [
        ("שלום עולם", ["ש", "##ל", "##ו", "##ם", "ע", "##ו", "##ל", "##ם"]),
        ("東京 🙂", ["東", "京", "[UNK]"]),
        ("naïve", ["naive"]),
    ],
)
async def test_other_scripts_are_shown_in_their_own_direction(
    explorer: Explorer, sentence: str, tokens: list[str]
) -> None:
    await explorer.show(sentence=sentence)
    await expect(explorer.page.locator(".tokens bdi")).to_have_text(tokens)
    direction = await explorer.field("sentence").evaluate("input => getComputedStyle(input).direction")
    assert direction == ("rtl" if sentence.startswith("ש") else "ltr")


async def test_a_sentence_too_long_for_a_query_is_posted_and_kept_behind_the_hash(explorer: Explorer) -> None:
    sentence = "東京 " * 900
    await explorer.show()
    async with explorer.page.expect_response(lambda response: response.request.method == "POST") as posted:
        await explorer.field("sentence").fill(sentence)
    assert (await posted.value).status == 200
    await explorer.drawn()
    assert "#sentence=" in explorer.page.url
    await explorer.page.reload()
    await explorer.drawn()
    await expect(explorer.field("sentence")).to_have_value(sentence)
    await expect(explorer.page.locator(".tokens bdi")).to_have_count(1800)


async def test_a_pair_is_one_sequence(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.change("sentence_pair", "Really?")
    await expect(explorer.page.locator(".tokens bdi")).to_have_count(11)


async def test_unknown_names_in_the_address_are_ignored(explorer: Explorer) -> None:
    await explorer.show(utm_source="elsewhere", view="nonsense", layer="x")
    await expect(explorer.page.locator(".tokens bdi").first).to_have_text("transformers")
