"""The heatmap: read out, pinned, sorted, zoomed, coloured."""

from itertools import pairwise

import numpy as np
import pytest
from playwright.async_api import Locator, expect

from service.heatmap.colors import Colormap, palette
from tests import notebook
from tests.browser.explorer import Explorer, picture
from tests.web import colormaps

pytestmark = pytest.mark.browser

ATTENTIONS = notebook.run(notebook.SENTENCE)["attentions"]


def canvas(explorer: Explorer) -> Locator:
    return explorer.page.locator(".heatmap .plot canvas")


def numbers_button(explorer: Explorer) -> Locator:
    return explorer.page.locator(".heatmap").get_by_role("button", name="Numbers")


def part(explorer: Explorer, name: str) -> Locator:
    return explorer.page.locator(f".part[data-part={name}] bdi")


async def test_the_keyboard_reads_out_query_key_and_value(explorer: Explorer) -> None:
    await explorer.show(view="heatmap")
    await explorer.point(canvas(explorer), 2, 6)
    await expect(part(explorer, "query")).to_have_text("powerful")
    await expect(part(explorer, "key")).to_have_text("language")
    await expect(part(explorer, "value")).to_have_text(f"{ATTENTIONS[2, 6]:.6g}")


async def test_the_mouse_reads_out_too(explorer: Explorer) -> None:
    await explorer.show(view="heatmap")
    await explorer.page.locator("footer").scroll_into_view_if_needed()
    box = await canvas(explorer).bounding_box()
    assert box is not None
    await explorer.page.mouse.move(box["x"] + box["width"] - 5, box["y"] + box["height"] - 5)
    await expect(part(explorer, "query")).to_have_text(".")
    await expect(part(explorer, "key")).to_have_text(".")


async def test_enter_pins_a_row_and_lists_its_strongest_keys(explorer: Explorer) -> None:
    await explorer.show(view="heatmap")
    await explorer.point(canvas(explorer), 2, 0)
    await explorer.page.keyboard.press("Enter")
    await expect(explorer.page.get_by_text("Row “powerful” is pinned.")).to_be_visible()
    strongest = [notebook.TOKENS[index] for index in np.argsort(-ATTENTIONS[2])]
    await expect(explorer.page.locator(".strongest bdi")).to_have_text(strongest)
    assert explorer.state == {"view": "heatmap", "pin": "row:2"}
    await explorer.page.get_by_role("button", name="Unpin").click()
    await expect(explorer.page.locator(".strongest li")).to_have_count(0)


async def test_sorting_by_a_pinned_row_orders_the_columns(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", pin="row:2", sort="row")
    shown = await explorer.numbers(numbers_button(explorer))
    np.testing.assert_array_equal(shown, ATTENTIONS[:, np.argsort(-ATTENTIONS[2])])


async def test_sorting_by_a_pinned_column_orders_the_rows(explorer: Explorer) -> None:
    await explorer.show(view="heatmap")
    await explorer.point(canvas(explorer), 0, 6)
    await explorer.page.keyboard.press("Shift+Enter")
    await explorer.field("sort").select_option("by the pinned column")
    shown = await explorer.numbers(numbers_button(explorer))
    np.testing.assert_array_equal(shown, ATTENTIONS[np.argsort(-ATTENTIONS[:, 6])])


async def test_a_cell_is_of_one_colour_with_sharp_edges_at_any_zoom(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", sentence="word " * 60, tensor="scores")
    await explorer.point(canvas(explorer), 30, 30)
    for _ in range(2):  # cells of some 25 pixels, which have no numbers in them yet
        await explorer.page.keyboard.press("+")
    colours = await canvas(explorer).evaluate(
        """canvas => {
            const { data } = canvas.getContext('2d').getImageData(canvas.width / 2, 200, 120, 1);
            return Array.from({length: 120}, (_, x) => data.slice(4 * x, 4 * x + 3).join());
        }"""
    )
    runs = [1]
    for before, after in pairwise(colours):
        runs = [*runs[:-1], runs[-1] + 1] if before == after else [*runs, 1]
    assert len(runs) > 2, "no edge was seen"
    assert min(runs[1:-1]) > 10, "an edge is blurred"


async def test_zoomed_in_it_moves_with_the_cursor_and_shows_all_again(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", sentence="word " * 60)
    whole = await picture(canvas(explorer))
    await canvas(explorer).focus()
    await explorer.page.get_by_role("button", name="Zoom in").click(click_count=3)
    near = await picture(canvas(explorer))
    await canvas(explorer).focus()
    await explorer.page.keyboard.press("End")
    assert await picture(canvas(explorer)) != near
    await explorer.page.get_by_role("button", name="Show all").click()
    assert await picture(canvas(explorer)) == whole


async def test_dragging_moves_what_is_zoomed(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", sentence=" ".join(map(str, range(60))))
    await explorer.page.get_by_role("button", name="Zoom in").click(click_count=3)
    before = await picture(canvas(explorer))
    box = await canvas(explorer).bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    await explorer.page.mouse.move(x, y)
    await explorer.page.mouse.down()
    await explorer.page.mouse.move(x - 90, y - 60, steps=4)
    await explorer.page.mouse.up()
    await explorer.page.mouse.move(1, 1)
    assert await picture(canvas(explorer)) != before
    assert "pin" not in explorer.state, "a drag is no click"


@pytest.mark.parametrize(
    ("field", "value"), [("colormap", "RdBu"), ("color_range", "unit"), ("color_scale", "log"), ("tensor", "scores")]
)
async def test_its_looks_change_the_picture_and_the_address(explorer: Explorer, field: str, value: str) -> None:
    await explorer.show(view="heatmap")
    before = await picture(canvas(explorer))
    await explorer.field(field).select_option(value)
    await expect(explorer.field(field)).to_have_value(value)
    await explorer.drawn()
    assert await picture(canvas(explorer)) != before
    assert explorer.state == {"view": "heatmap", field: value}


async def test_a_log_scale_of_negative_numbers_is_told_and_drawn_linearly(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", model="small", tensor="scores", color_scale="log")
    await expect(explorer.page.get_by_text("has no place for negative numbers")).to_be_visible()


async def test_hidden_special_tokens_leave_rows_that_are_told_not_to_sum_to_one(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", model="small")
    whole = await explorer.numbers(numbers_button(explorer))
    await explorer.field("hide_special").check()
    await expect(explorer.page.get_by_text("2 special tokens are hidden; rows are not renormalised")).to_be_visible()
    shown = await explorer.numbers(numbers_button(explorer))
    np.testing.assert_array_equal(shown, whole[1:-1, 1:-1])
    await explorer.field("renormalize").check()
    await expect(explorer.page.get_by_text("are renormalised to sum to 1 again")).to_be_visible()
    shown = await explorer.numbers(numbers_button(explorer))
    np.testing.assert_allclose(shown.sum(axis=1), 1, rtol=1e-5)


async def test_the_legend_tells_the_least_and_the_greatest_number(explorer: Explorer) -> None:
    await explorer.show(view="heatmap")
    low, high = (f"{number:.3g}" for number in (ATTENTIONS.min(), ATTENTIONS.max()))
    await expect(explorer.page.locator(".legend span")).to_have_text([low, high])


async def test_long_texts_are_pooled_so_that_no_peak_is_lost(explorer: Explorer) -> None:
    await explorer.show()
    lost = await explorer.module(
        "matrix",
        """(() => {
            const numbers = new Float32Array(1500 * 1500);
            numbers[1234 * 1500 + 77] = 1;
            const { rows, columns, numbers: pooled } = new m.Matrix(1500, 1500, numbers).pooled(400, 300);
            return [rows, columns, Math.max(...pooled), pooled.indexOf(1)];
        })()""",
    )
    assert lost == [400, 300, 1, (1234 * 400 // 1500) * 300 + 77 * 300 // 1500]


async def test_masked_attentions_have_no_colour_as_in_the_services_pictures(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", mask="causal")
    scores = notebook.run(notebook.SENTENCE)["scores"].astype(np.float64)
    powers = np.tril(np.exp(scores))
    shares = (powers / powers.sum(axis=1, keepdims=True))[np.tril_indices(len(powers))]
    low, high = (f"{number:.3g}" for number in (shares.min(), shares.max()))
    await expect(explorer.page.locator(".legend span")).to_have_text([low, high])
    await explorer.point(canvas(explorer), 0, 1)
    await expect(part(explorer, "value")).to_have_text("masked")


async def test_sorted_dimensions_keep_their_numbers(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", tensor="query", pin="row:2", sort="row")
    query = notebook.run(notebook.SENTENCE)["query"][2]
    order = [str(index) for index in np.argsort(-query)]
    await expect(explorer.page.locator(".strongest bdi")).to_have_text(order)
    await canvas(explorer).focus()
    await expect(part(explorer, "dimension")).to_have_text(order[0])


async def test_a_pinned_dimension_is_no_token(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", tensor="query", pin="column:3")
    await expect(explorer.page.get_by_text("Column “3” is pinned.")).to_be_visible()


async def test_rows_of_keys_are_read_out_as_keys(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", tensor="key")
    await canvas(explorer).focus()
    await expect(part(explorer, "key")).to_have_text("transformers")


async def test_sorting_without_a_pin_says_what_it_needs(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", sort="row")
    await expect(explorer.page.get_by_text("Pin a row to sort by it.")).to_be_visible()


@pytest.mark.parametrize("colormap", ["__proto__", "constructor", "rainbow"])
async def test_an_unknown_colour_map_is_the_default(explorer: Explorer, colormap: str) -> None:
    await explorer.show(view="heatmap")
    default = await picture(canvas(explorer))
    await explorer.show(view="heatmap", colormap=colormap)
    assert await picture(canvas(explorer)) == default


async def test_focus_goes_on_to_what_is_seen(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", pin="row:1")
    await explorer.page.get_by_role("button", name="Unpin").press("Enter")
    await expect(canvas(explorer)).to_be_focused()
    await explorer.show(view="grid", num_heads="2")
    await explorer.page.get_by_role("button", name="Layer 0, head 1: open").press("Enter")
    await expect(explorer.page.get_by_role("tab", name="Heatmap")).to_be_focused()


@pytest.mark.parametrize("colormap", [*colormaps.WHOLE, *colormaps.STOPS])
async def test_colours_are_those_of_the_services_pictures(explorer: Explorer, colormap: Colormap) -> None:
    await explorer.show()
    colors = await explorer.module("colors", "[...m.palette(a)]", colormap)
    shown = [(color & 255, color >> 8 & 255, color >> 16 & 255) for color in colors]
    np.testing.assert_array_equal(shown, palette(colormap))


@pytest.mark.parametrize("colormap", [*colormaps.WHOLE, *colormaps.STOPS])
async def test_numbers_in_cells_can_be_read_on_every_colour(explorer: Explorer, colormap: Colormap) -> None:
    await explorer.show()
    takes_black = np.array(await explorer.module("colors", "m.takesBlack(m.palette(a))", colormap))
    channels = palette(colormap) / 255
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    luminance = linear @ [0.2126, 0.7152, 0.0722]
    contrast = np.where(takes_black, (luminance + 0.05) / 0.05, 1.05 / (luminance + 0.05))
    assert contrast.min() >= 4.5


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.49625, "0.496"),
        (9.99996, "10.00"),
        (99.996, "100.0"),
        (12345.6, "12346"),
        (99999.7, "1e5"),
        (-0.6367, "−0.64"),
        (-99.96, "−100"),
        (0, "0"),
        (0.00042, "4e-4"),
        (-0.00042, "−4e-4"),
    ],
)
async def test_numbers_in_cells_are_short(explorer: Explorer, number: float, text: str) -> None:
    await explorer.show()
    assert await explorer.module("numbers", "m.short(a)", number) == text
