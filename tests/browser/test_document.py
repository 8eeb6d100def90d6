"""Documents: a text of more tokens than whole matrices are computed of is zoomed, from the whole to single cells."""

import asyncio
import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Request, Route, expect

from tests.browser.documents import TEXT, TOKENS, Document
from tests.browser.explorer import Explorer, picture
from tests.conftest import Server

pytestmark = pytest.mark.browser

BIN = 8
"""How many cells wide a bin is where 5,001 of them fill the picture."""
LONG = TEXT + " " + TEXT
"""Too long for an address."""
FETCHES = """
const { fetch } = window;
let flying = 0;
window.most = 0;
window.fetch = (...asked) => {
    flying += 1;
    window.most = Math.max(window.most, flying);
    return fetch(...asked).finally(() => { flying -= 1; });
};
"""
"""Counts the requests that are in flight at once."""


@pytest.fixture
def document(explorer: Explorer) -> Document:
    return Document(explorer)


@pytest.fixture
def asked(document: Document) -> list[dict[str, Any]]:
    """What was asked of /attention for parts of a document."""
    found: list[dict[str, Any]] = []

    def hear(request: Request) -> None:
        if request.url.endswith("/attention") and request.post_data:
            found.append(json.loads(request.post_data))

    document.page.on("request", hear)
    return found


async def test_the_whole_is_shown_with_ranges_of_positions_beside_it(document: Document) -> None:
    await document.open()
    labels = await document.labels()
    for label in ("0–999", "1,000–1,999", "4,000–4,999"):
        assert labels.count(label) == 2, "once for queries, once for keys"
    assert "cat" not in labels
    await expect(document.page.locator(".document .notes")).to_contain_text("5,001 tokens")
    await expect(document.page.locator(".document .notes")).to_contain_text("the greatest of 8 × 8 cells")


async def test_the_keyboard_reads_out_ranges_and_their_greatest_number(document: Document) -> None:
    await document.open()
    await document.canvas.focus()
    await document.page.keyboard.press("ArrowDown")
    await document.page.keyboard.press("ArrowRight")
    await document.page.keyboard.press("ArrowRight")
    await expect(document.part("queries")).to_have_text("8–15")
    await expect(document.part("keys")).to_have_text("16–23")
    cells = await document.answer(query_window=[8, 16], key_window=[16, 24])
    assert await document.value("maximum") == pytest.approx(cells.max(), rel=1e-5)


async def test_the_last_bins_have_what_cells_are_left(document: Document) -> None:
    await document.open()
    await document.canvas.focus()
    await document.page.keyboard.press("End")
    await expect(document.part("queries")).to_have_text("0–7")
    await expect(document.part("keys")).to_have_text("5,000–5,000")
    cells = await document.answer(query_window=[0, 8], key_window=[5000, 5001])
    assert await document.value("maximum") == pytest.approx(cells.max(), rel=1e-5)
    for _ in range(9):
        await document.page.keyboard.press("PageDown")
    await expect(document.part("query")).to_have_text(["5,000", TOKENS[5000]])
    await expect(document.part("key")).to_have_text(["5,000", TOKENS[5000]])


async def test_the_wheel_zooms_to_single_cells_with_their_tokens_beside_them(document: Document) -> None:
    await document.open()
    await document.wheel(-25)
    first_query, end_query, first_key, end_key = await document.place()
    assert end_query - first_query < 20, "cells are large enough to read tokens"
    assert end_key - first_key < 20
    labels = await document.labels()
    beside = [
        label for position in range(first_query + 1, end_query - 1) for label in (TOKENS[position], f"{position:,}")
    ]
    assert any(labels[start : start + len(beside)] == beside for start in range(len(labels))), labels
    await expect(document.page.locator(".document .notes")).to_contain_text("A point is one cell")


async def test_what_is_under_the_pointer_stays_there_while_it_zooms(document: Document) -> None:
    await document.open()
    await document.page.mouse.move(*await document.middle())
    await expect(document.part("queries")).to_have_text("2,496–2,503")
    await document.wheel(-25)
    first_query, end_query, first_key, end_key = await document.place()
    assert first_query <= 2500 < end_query
    assert first_key <= 2500 < end_key
    await expect(document.part("query")).to_have_text(["2,500", TOKENS[2500]])


async def test_the_number_of_a_cell_is_the_services(document: Document) -> None:
    await document.open()
    await document.wheel(-25)
    await expect(document.part("query")).to_have_text(["2,500", TOKENS[2500]])
    await expect(document.part("key")).to_have_text(["2,500", TOKENS[2500]])
    cells = await document.answer(query_window=[2500, 2501], key_window=[2500, 2501])
    assert await document.value() == pytest.approx(cells.item(), rel=1e-5)


async def test_every_pixel_between_has_the_greatest_of_its_cells(document: Document) -> None:
    await document.open()
    await document.wheel(-5)
    whole = await document.part("queries").inner_text()
    first, last = (int(number.replace(",", "")) for number in whole.split("–"))
    assert 1 < last - first + 1 < BIN, "between the whole and single cells"
    cells = await document.answer(query_window=[first, last + 1], key_window=[first, last + 1])
    assert await document.value("maximum") == pytest.approx(cells.max(), rel=1e-5)


async def test_the_whole_comes_back(document: Document) -> None:
    await document.open()
    whole = await picture(document.canvas)
    await document.wheel(-12)
    await document.wheel(12)
    await document.page.mouse.move(1, 1)
    await expect(document.page.locator(".document .hint").last).to_be_visible()
    assert await picture(document.canvas) == whole
    await document.wheel(-12)
    await document.page.get_by_role("button", name="Show all").click()
    await document.settled()
    await document.page.mouse.move(1, 1)
    await expect(document.page.locator(".document .hint").last).to_be_visible()
    assert await picture(document.canvas) == whole


async def test_two_fingers_zoom_about_what_is_between_them(document: Document) -> None:
    await document.open()
    x, y = await document.middle()
    client = await document.page.context.new_cdp_session(document.page)

    async def touch(kind: str, apart: float) -> None:
        fingers = [{"x": x - apart, "y": y - apart, "id": 0}, {"x": x + apart, "y": y + apart, "id": 1}]
        await client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers if apart else []})

    await touch("touchStart", 20)
    for apart in (40, 80, 160):
        await touch("touchMove", apart)
    await touch("touchEnd", 0)
    await document.settled()
    first_query, end_query, first_key, end_key = await document.place()
    assert end_query - first_query == pytest.approx(5001 / 8, rel=0.05)
    assert (first_query + end_query) / 2 == pytest.approx(2500, abs=20)
    assert (first_key + end_key) / 2 == pytest.approx(2500, abs=20)


async def test_a_double_click_zooms_in(document: Document) -> None:
    await document.open()
    await document.page.mouse.dblclick(*await document.middle())
    await document.settled()
    first_query, end_query, *_ = await document.place()
    assert end_query - first_query == pytest.approx(5001 / 2, abs=2)


async def test_the_keyboard_alone_is_enough(document: Document) -> None:
    await document.open()
    await document.canvas.focus()
    for key in ["ArrowDown", "ArrowRight", *"+" * 18]:
        await document.page.keyboard.press(key)
    await document.settled()
    await expect(document.part("query")).to_have_text(["12", TOKENS[12]])
    await expect(document.part("key")).to_have_text(["12", TOKENS[12]])
    for _ in range(30):
        await document.page.keyboard.press("ArrowRight")
    await document.settled()
    await expect(document.part("key")).to_have_text(["42", TOKENS[42]])
    _, _, first_key, end_key = await document.place()
    assert first_key <= 42 < end_key, "the picture moves with the cursor"
    await document.page.keyboard.press("0")
    await document.settled()
    await expect(document.part("keys")).to_have_text("40–47")
    await expect(document.canvas).to_be_focused()


async def test_a_document_is_asked_for_in_few_requests_of_whole_rows_of_tiles(
    document: Document, asked: list[dict[str, Any]]
) -> None:
    await document.open()
    assert sorted((part["query_window"], part["key_window"], part["bins"]) for part in asked) == [
        ([0, 2048], [0, 5001], [256, 626]),
        ([2048, 4096], [0, 5001], [256, 626]),
        ([4096, 5001], [0, 5001], [114, 626]),
    ]


async def test_moving_asks_for_what_is_new_alone(document: Document, asked: list[dict[str, Any]]) -> None:
    await document.open()
    await document.wheel(-5)
    asked.clear()
    await document.drag(-300, 0)
    assert asked, "other tiles are seen now"
    keys = [part["key_window"] for part in asked]
    asked.clear()
    await document.drag(300, 0)
    assert not asked, "those were kept"
    await document.drag(-300, 0)
    assert not asked, f"and so were {keys}"


async def test_so_many_tiles_are_kept_and_no_more(document: Document) -> None:
    await document.explorer.show()
    kept = await document.explorer.module(
        "tiles",
        """(() => {
            const tiles = new m.Tiles(64, ({ place }) => place.level === 5);
            const put = (level, column) => tiles.put(new m.Tile({ level, row: 0, column }, 100_000));
            for (let column = 0; column < 4; column++) put(5, column);
            for (let column = 0; column < 200; column++) {
                put(0, column);
                tiles.use({ level: 0, row: 0, column: 7 });
            }
            return [...tiles.kept.keys()];
        })()""",
    )
    assert len(kept) == 64
    assert kept[:4] == [f"5/0/{column}" for column in range(4)], "the whole takes longest to compute, and stays"
    assert "0/0/7" in kept, "what is used stays"
    assert "0/0/8" not in kept


async def test_few_requests_are_in_flight_and_unwanted_ones_are_stopped(document: Document) -> None:
    await document.page.add_init_script(FETCHES)
    await document.open()
    stopped: list[str | None] = []
    go = asyncio.Event()

    async def hold(route: Route) -> None:
        await go.wait()
        await route.continue_()

    document.page.on("requestfailed", lambda request: stopped.append(request.failure))
    await document.page.route("**/attention", hold)
    await document.page.mouse.move(*await document.middle())
    for _ in range(2):  # to new tiles, and on from them before they are there
        async with document.page.expect_request("**/attention"):
            for _ in range(4):
                await document.page.mouse.wheel(0, -120)
    go.set()
    await document.settled()
    assert stopped
    assert set(stopped) == {"net::ERR_ABORTED"}
    assert await document.page.evaluate("window.most") == 2
    await document.page.unroute_all()


async def test_what_is_too_much_work_at_once_is_asked_for_in_parts(document: Document) -> None:
    refusal = {"type": "/problems/too-much-work", "title": "Too much work", "status": 422, "detail": "Ask for less."}

    async def refuse(route: Route) -> None:
        first, end = json.loads(route.request.post_data or "{}")["query_window"]
        if end - first > 700:
            await route.fulfill(status=422, json=refusal, content_type="application/problem+json")
        else:
            await route.continue_()

    await document.page.route("**/attention", refuse)
    await document.open()
    await document.canvas.focus()
    cells = await document.answer(query_window=[0, 8], key_window=[0, 8])
    assert await document.value("maximum") == pytest.approx(cells.max(), rel=1e-5)
    await expect(document.page.locator(".news")).to_be_hidden()
    document.explorer.complaints.clear()  # Chromium logs every 422


async def test_tiles_come_once_the_service_can_be_reached_again(document: Document) -> None:
    await document.open()
    await document.page.route("**/attention", lambda route: route.abort())
    await document.page.mouse.move(*await document.middle())
    for _ in range(5):
        await document.page.mouse.wheel(0, -120)
    await expect(document.page.locator(".document [role=status]")).to_contain_text("cannot be reached")
    await document.page.unroute("**/attention")
    await expect(document.page.locator(".document [role=status]")).to_be_empty()
    await document.settled()
    document.explorer.complaints.clear()


async def test_a_field_that_is_refused_says_why_beside_it(document: Document) -> None:
    await document.open()
    await document.explorer.field("d_k").fill("0")
    await expect(document.page.locator("#error-d_k")).to_contain_text("greater than or equal to 1")
    await document.explorer.field("d_k").fill("3")
    await expect(document.page.locator("#error-d_k")).to_be_empty()
    await document.settled()
    document.explorer.complaints.clear()


async def test_scores_are_drawn_too_and_masked_ones_are_hatched(document: Document) -> None:
    await document.open(tensor="scores", mask="causal")
    await document.canvas.focus()
    cells = await document.answer(query_window=[0, 8], key_window=[0, 8], include=["scores"], mask="causal")
    assert await document.value("maximum") == pytest.approx(np.nanmax(cells.astype(float)), rel=1e-5)
    await document.page.keyboard.press("ArrowRight")
    await expect(document.part("maximum")).to_have_text("masked")


async def test_another_head_has_other_numbers(document: Document) -> None:
    await document.open(num_heads="2")
    for head in ("1", "0"):  # back to the first
        async with document.page.expect_response("**/attention"):
            await document.explorer.field("head").select_option(head)
        await document.settled()
        await document.canvas.press("Home")
        answer = await document.page.request.post(
            f"{document.explorer.url}/attention",
            data={"sentence": TEXT, "num_heads": 2, "query_window": [0, 8], "key_window": [0, 8]},
        )
        cells = np.array((await answer.json())["attentions"][0][int(head)])
        assert await document.value("maximum") == pytest.approx(cells.max(), rel=1e-5)


@pytest.mark.parametrize(("field", "value"), [("colormap", "RdBu"), ("color_range", "unit"), ("color_scale", "log")])
async def test_its_looks_change_the_picture_and_ask_nothing(
    document: Document, asked: list[dict[str, Any]], field: str, value: str
) -> None:
    await document.open()
    before = await picture(document.canvas)
    asked.clear()
    await document.explorer.field(field).select_option(value)
    await document.page.wait_for_function(
        "before => document.querySelector('.document .plot canvas').toDataURL() !== before", arg=before
    )
    assert not asked


async def test_colours_stay_as_they_are_while_one_moves(document: Document) -> None:
    await document.explorer.show()
    low, high, elsewhere = await document.explorer.module(
        "document-scale",
        """(() => {
            const scale = new m.DocumentScale();
            const values = { color_range: "data", color_scale: "linear", colormap: "viridis" };
            scale.add(3, new Float32Array([0.25, 0.75]));
            scale.add(0, new Float32Array([0.125, 0.5]));
            scale.add(0, new Float32Array([0.25, NaN]));
            const { low, high } = scale.choose(0, values);
            return [low, high, scale.choose(2, values).high];
        })()""",
    )
    assert (low, high) == (0.125, 0.5), "of all numbers of the level so far"
    assert elsewhere == 0.75, "of the next coarser level, as long as none of its own is known"


async def test_bins_come_out_as_large_as_they_were_meant(document: Document) -> None:
    await document.explorer.show()
    for length, size in ((5001, 8), (9, 8), (228, 128), (100, 128), (131_071, 256), (905, 8)):
        askable = await document.explorer.module("pyramid", "m.askableSize(...a)", [length, size])
        bins = -(-length // askable)
        assert size % askable == 0
        assert bins == 1 or -(-length // bins) == askable, "the service makes bins of ceil(length / bins) cells"


@pytest.mark.parametrize("view", ["Walk", "Head view", "All heads"])
async def test_the_other_views_say_that_they_are_for_shorter_texts(document: Document, view: str) -> None:
    await document.open()
    await document.explorer.tab(view)
    panel = document.page.get_by_role("tabpanel", name=view)
    await expect(panel).to_contain_text("texts of up to 2,048 tokens. This one has 5,001")
    await panel.get_by_role("button", name="Open the heatmap").press("Enter")
    await expect(document.canvas).to_be_visible()
    await expect(document.page.get_by_role("tab", name="Heatmap")).to_be_focused()


async def test_a_shorter_text_has_all_its_views_again(document: Document) -> None:
    await document.open()
    await document.explorer.field("sentence").fill("the cat sat")
    await expect(document.page.locator(".heatmap .plot canvas")).to_be_visible()
    await expect(document.page.locator(".document")).to_have_count(0)
    await document.explorer.tab("Walk")
    await expect(document.page.locator(".tokens bdi")).to_have_text(["the", "cat", "sat"])


async def test_the_address_holds_the_place(document: Document) -> None:
    await document.open()
    await document.wheel(-20)
    place = await document.place()
    shown = await document.labels()
    link = document.page.url
    await document.page.goto("about:blank")
    await document.page.goto(link)
    await document.settled()
    assert await document.place() == place
    assert set(shown) & set(await document.labels()) > {"queries ↓", "keys →"}


async def test_a_text_too_long_for_an_address_stays_in_its_tab(document: Document) -> None:
    await document.open(LONG)
    await document.wheel(-10)
    place = await document.place()
    assert len(document.page.url) < 200
    await document.page.reload()
    await document.settled()
    await expect(document.explorer.field("sentence")).to_have_value(LONG)
    assert await document.place() == place
    await document.explorer.tab("Walk")
    await document.page.go_back()
    await document.settled()
    await expect(document.explorer.field("sentence")).to_have_value(LONG)


async def test_elsewhere_such_an_address_asks_for_its_text(
    browser: Browser, server: Server, document: Document
) -> None:
    await document.open(LONG)
    await document.wheel(-10)
    place = await document.place()
    await document.page.locator("[data-copy=link]").click()
    told = document.page.locator(".share [role=status]")
    await expect(told).to_contain_text("all but the text")
    link = await document.page.locator(".share textarea").input_value()
    await document.page.locator("[data-copy=embed]").click()
    await expect(told).to_contain_text("too long for an address")
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    other = Document(Explorer(await context.new_page(), server.url))
    await other.page.goto(link)
    await expect(other.page.locator(".news")).to_contain_text("does not hold its text")
    await other.explorer.field("sentence").fill(LONG)
    await other.settled()
    await expect(other.page.locator(".news")).to_be_hidden()
    assert await other.place() == place
    assert other.explorer.complaints == []
    await context.close()


async def test_a_text_file_is_opened(document: Document, tmp_path: Path) -> None:
    file = tmp_path / "story.txt"
    file.write_text(TEXT)
    await document.explorer.show(view="heatmap")
    async with document.page.expect_file_chooser() as choosing:
        await document.page.get_by_role("button", name="Open a text file").click()
    await (await choosing.value).set_files(file)
    await document.settled()
    await expect(document.explorer.field("sentence")).to_have_value(TEXT)


async def test_a_file_too_large_for_the_page_is_told(document: Document, tmp_path: Path) -> None:
    file = tmp_path / "huge.txt"
    file.write_text("word " * 1_000_000)
    await document.explorer.show()
    async with document.page.expect_file_chooser() as choosing:
        await document.page.get_by_role("button", name="Open a text file").click()
    await (await choosing.value).set_files(file)
    await expect(document.page.locator(".question")).to_contain_text("huge.txt is larger than 4 MiB")


async def test_the_part_that_is_seen_is_taken_along(document: Document) -> None:
    await document.open()
    await document.wheel(-25)
    first_query, end_query, first_key, end_key = await document.place()
    async with document.page.expect_download() as downloading:
        await document.page.locator("[data-download=json]").click()
    answer = json.loads((await (await downloading.value).path()).read_text())
    cells = await document.answer(query_window=[first_query, end_query], key_window=[first_key, end_key])
    np.testing.assert_array_equal(np.array(answer["attentions"][0][0], np.float32), cells)
    async with document.page.expect_download() as downloading:
        await document.page.locator("[data-download=png]").click()
    assert (await (await downloading.value).path()).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing(document: Document, scheme: Literal["light", "dark"]) -> None:
    await document.page.emulate_media(color_scheme=scheme)
    await document.open()
    for steps in (0, -25):
        await document.wheel(steps)
        results = await Axe().run(document.page)
        assert results.violations_count == 0, results.generate_report()
    await document.explorer.tab("Walk")
    results = await Axe().run(document.page)
    assert results.violations_count == 0, results.generate_report()


async def test_it_is_no_wider_than_360_pixels(document: Document) -> None:
    await document.page.set_viewport_size({"width": 360, "height": 740})
    await document.open()
    assert await document.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert "0–1,999" in await document.labels()


async def test_other_scripts_stand_beside_their_cells(document: Document) -> None:
    await document.open("東京 שלום " * 800, at="0-12,0-12")
    labels = await document.labels()
    assert {"東", "京", "ש", "##ל"} <= set(labels)
