"""The walk: the notebook's numbers, where each comes from, and the two exercises."""

import math
import re

import numpy as np
import pytest
from playwright.async_api import Locator, expect

from tests import notebook
from tests.browser.explorer import Explorer, picture

pytestmark = pytest.mark.browser

NAMES = ("embedding", "query_weights", "query", "key", "value", "scores", "attentions", "output")


def numbers_button(explorer: Explorer, name: str) -> Locator:
    return explorer.page.locator(f"figure[data-matrix={name}]").get_by_role("button", name="Numbers")


async def test_the_default_page_shows_the_notebooks_tokens(explorer: Explorer) -> None:
    await explorer.show()
    tokens = explorer.page.locator(".tokens bdi")
    await expect(tokens).to_have_text(notebook.TOKENS)


@pytest.mark.parametrize("name", NAMES)
async def test_the_default_page_shows_the_notebooks_numbers(explorer: Explorer, name: str) -> None:
    await explorer.show()
    shown = await explorer.numbers(numbers_button(explorer, name))
    np.testing.assert_array_equal(shown, notebook.run(notebook.SENTENCE)[name])


async def test_every_matrix_tells_its_shape_and_formula(explorer: Explorer) -> None:
    await explorer.show(d_v="3")
    captions = await explorer.page.locator("figcaption").all_inner_texts()
    told = {caption.split("\n")[0]: caption for caption in captions}
    assert "S = Q · Kᵀ / √d_k" in told["Scores"]
    assert "9 × 9" in told["Scores"]
    assert "9 × 3" in told["Weighted values"]


async def test_another_seed_changes_the_picture_and_the_address(explorer: Explorer) -> None:
    await explorer.show()
    before = await picture(explorer.matrix("attentions"))
    await explorer.change("seed", "7")
    assert await picture(explorer.matrix("attentions")) != before
    assert explorer.state == {"seed": "7"}
    shown = await explorer.numbers(numbers_button(explorer, "attentions"))
    np.testing.assert_array_equal(shown, notebook.run(notebook.SENTENCE, seed=7)["attentions"])


async def test_a_reload_restores_the_state(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.change("sentence", "The cat sat.")
    await explorer.change("d_k", "2")
    await explorer.page.reload()
    await explorer.drawn()
    await expect(explorer.field("sentence")).to_have_value("The cat sat.")
    await expect(explorer.field("d_k")).to_have_value("2")
    await expect(explorer.page.locator(".tokens bdi")).to_have_text(["the", "cat", "sat", "."])


async def test_back_returns_to_the_view_before(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.tab("Heatmap")
    await expect(explorer.page.locator(".heatmap canvas").first).to_be_visible()
    await explorer.page.go_back()
    await expect(explorer.matrix("embedding")).to_be_visible()


@pytest.mark.parametrize(
    ("name", "row", "column"), [("query", 2, 1), ("value", 8, 3), ("output", 4, 0), ("scores", 3, 5)]
)
async def test_a_cell_is_explained_by_numbers_that_multiply_out(
    explorer: Explorer, name: str, row: int, column: int
) -> None:
    await explorer.show()
    await explorer.point(explorer.matrix(name), row, column)
    terms = await explorer.page.locator(".term").evaluate_all("terms => terms.map(term => ({...term.dataset}))")
    products = [float(term["left"]) * float(term["right"]) for term in terms]
    assert products == pytest.approx([float(term["product"]) for term in terms])
    total = float(str(await explorer.page.locator(".sum").get_attribute("data-sum")))
    assert total == pytest.approx(sum(products))
    scaled = total / math.sqrt(4) if name == "scores" else total
    assert scaled == pytest.approx(float(notebook.run(notebook.SENTENCE)[name][row, column]), rel=1e-5)


async def test_a_share_is_explained_by_its_row(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.point(explorer.matrix("attentions"), 3, 6)
    text = await explorer.page.locator(".explanation").inner_text()
    share = float(notebook.run(notebook.SENTENCE)["attentions"][3, 6])
    (power, total, result) = re.findall(r"([\d.]+) / ([\d.]+) = ([\d.]+)$", text.strip())[0]
    assert float(power) / float(total) == pytest.approx(float(result), rel=1e-4)
    assert float(result) == pytest.approx(share, rel=1e-4)
    assert "“models” → “language”" in text


async def test_the_mouse_explains_too_and_lights_up_where_numbers_come_from(explorer: Explorer) -> None:
    await explorer.show()
    query = explorer.matrix("query")
    before = await picture(query)
    scores = explorer.matrix("scores")
    await scores.scroll_into_view_if_needed()
    box = await scores.bounding_box()
    assert box is not None
    await explorer.page.mouse.move(box["x"] + box["width"] - 10, box["y"] + 120)
    await expect(explorer.page.locator(".explanation .title")).to_contain_text("S[")
    assert await picture(query) != before
    await explorer.page.mouse.move(1, 1)
    await expect(explorer.page.locator(".explanation .hint")).to_be_visible()
    assert await picture(query) == before


async def test_a_masked_score_is_told_as_masked(explorer: Explorer) -> None:
    await explorer.show(mask="causal")
    await explorer.point(explorer.matrix("scores"), 0, 1)
    await expect(explorer.page.locator(".explanation")).to_contain_text("Masked: this query may not see that key")


async def test_a_pretrained_model_shows_what_it_offers(explorer: Explorer) -> None:
    await explorer.show(model="small")
    await expect(explorer.page.locator(".tokens bdi").first).to_have_text("[CLS]")
    await expect(explorer.matrix("scores")).to_be_visible()
    await expect(explorer.matrix("query_weights")).to_be_hidden()
    await explorer.point(explorer.matrix("scores"), 1, 2)
    await expect(explorer.page.locator(".explanation .term")).to_have_count(8)
    await expect(explorer.page.locator(".explanation")).not_to_contain_text("make it")


@pytest.mark.parametrize(
    ("exercise", "formula"),
    [
        (1, "Q @ K.T / sqrt(dk)"),
        (1, "(Q @ K.T) / √dk"),
        (1, "Q @ (K / sqrt(d_k)).T"),
        (2, "A @ V"),
        (2, "softmax(Q @ K.T / sqrt(dk)) @ V"),
    ],
)
async def test_a_right_formula_equals_the_service(explorer: Explorer, exercise: int, formula: str) -> None:
    await explorer.show()
    await try_formula(explorer, exercise, formula)
    await expect(verdict(explorer, exercise)).to_contain_text("Right: all")


@pytest.mark.parametrize(
    ("exercise", "formula", "told"),
    [
        (1, "Q @ K.T", "81 cells differ. The first is [0, 0]: yours is 11.6114, the service's 5.8057"),
        (1, "Q @ K", "9 × 4 @ 9 × 4 does not fit"),
        (1, "Q.T @ K", "yours is 4 × 4, the service's 9 × 9"),
        (1, "Q + X", "“X” is unknown. There are Q, K, V, dk, d_k."),
        (1, "alert(1)", "“alert” is unknown"),
        (1, "Q @", "Something is missing at the end."),
        (1, "Q ; K", "“;” is not part of the language."),
        (2, "V", "36 cells differ"),
        (2, "sqrt(dk)", "yours is a single number"),
    ],
)
async def test_a_wrong_formula_is_told_why(explorer: Explorer, exercise: int, formula: str, told: str) -> None:
    await explorer.show()
    await try_formula(explorer, exercise, formula)
    await expect(verdict(explorer, exercise)).to_contain_text(told)


async def test_a_formula_is_part_of_the_address(explorer: Explorer) -> None:
    await explorer.show(scores_formula="Q @ K.T / sqrt(dk)")
    await expect(verdict(explorer, 1)).to_contain_text("Right: all 81 cells")


def verdict(explorer: Explorer, exercise: int) -> Locator:
    return explorer.page.locator(".exercise").nth(exercise - 1).locator(".verdict")


async def try_formula(explorer: Explorer, exercise: int, formula: str) -> None:
    box = explorer.page.locator(".exercise").nth(exercise - 1)
    await box.locator("summary").click()
    await box.get_by_role("textbox").fill(formula)
    await box.get_by_role("button", name="Check").click()


async def test_the_explanation_follows_when_the_numbers_change(explorer: Explorer) -> None:
    await explorer.show()
    scores = explorer.matrix("scores")
    await scores.scroll_into_view_if_needed()
    await scores.hover()
    before = await explorer.page.locator(".explanation .title").inner_text()
    await explorer.field("seed").evaluate("input => { input.value = '5'; input.dispatchEvent(new Event('input')); }")
    await expect(explorer.page.locator(".explanation .title")).not_to_have_text(before)
    assert (await explorer.page.locator(".explanation .title").inner_text())[:7] == before[:7]


async def test_a_negative_head_counts_from_the_end(explorer: Explorer) -> None:
    await explorer.show(num_heads="3", head="2")
    last = await picture(explorer.matrix("attentions"))
    await explorer.show(num_heads="3", head="-1")
    assert await picture(explorer.matrix("attentions")) == last


async def test_the_pages_own_formula_is_understood(explorer: Explorer) -> None:
    await explorer.show()
    await try_formula(explorer, 1, "Q · Kᵀ / √d_k")
    await expect(verdict(explorer, 1)).to_contain_text("Right: all 81 cells")


async def test_a_scale_that_is_set_has_a_name(explorer: Explorer) -> None:
    await explorer.show(scale="0.3")
    await try_formula(explorer, 1, "Q @ K.T / sqrt(dk)")
    await expect(verdict(explorer, 1)).to_contain_text("under the name scale")
    await explorer.page.locator("#formula-scores").fill("Q @ K.T * scale")
    await explorer.page.keyboard.press("Enter")
    await expect(verdict(explorer, 1)).to_contain_text("Right: all 81 cells")


async def test_a_formula_that_would_take_long_is_refused(explorer: Explorer) -> None:
    await explorer.show(sentence="word " * 400, scores_formula=" @ ".join(["(Q @ K.T)"] * 40))
    await expect(verdict(explorer, 1)).to_have_text("That takes too many multiplications for a page.")


async def test_an_exercise_stays_closed_and_a_draft_stays_written(explorer: Explorer) -> None:
    await explorer.show(scores_formula="Q @ K.T")
    exercise = explorer.page.locator(".exercise").first
    await exercise.get_by_role("textbox").fill("Q @ K.T / sq")
    await exercise.locator("summary").click()
    await explorer.change("seed", "4")
    await expect(exercise).not_to_have_attribute("open", "")
    await exercise.locator("summary").click()
    await expect(exercise.get_by_role("textbox")).to_have_value("Q @ K.T / sq")


async def test_another_model_forgets_the_head_of_the_one_before(explorer: Explorer) -> None:
    await explorer.show(model="small", layer="2", head="11")
    await explorer.field("model").select_option("synthetic")
    await expect(explorer.page.locator(".tokens bdi").first).to_have_text("transformers")
    assert explorer.state == {}
