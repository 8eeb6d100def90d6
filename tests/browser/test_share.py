"""What is taken along works elsewhere: the link, curl, Python, JavaScript, <img>, <iframe> and the files."""

import json
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.async_api import expect

from tests import notebook
from tests.browser.explorer import Explorer, picture

pytestmark = pytest.mark.browser

SENTENCE = 'It\'s "quoted" & <b>, $HOME `x` \\ 東京'


async def copied(explorer: Explorer, what: str) -> str:
    await explorer.page.locator(f"[data-copy={what}]").click()
    await expect(explorer.page.locator(".share textarea")).to_be_visible()
    return await explorer.page.locator(".share textarea").input_value()


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def attribute(markup: str, name: str) -> str:
    found: list[str] = []

    class Parser(HTMLParser):
        def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.append(str(dict(attrs)[name]))

    Parser().feed(markup)
    return found[0]


async def test_the_curl_command_answers_what_is_shown(explorer: Explorer) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    await explorer.show(sentence=SENTENCE, seed="3", mask="causal")
    answer = json.loads(run("bash", "-c", await copied(explorer, "curl")))
    assert (answer["parameters"]["seed"], answer["parameters"]["mask"]) == (3, "causal")
    await expect(explorer.page.locator(".tokens bdi")).to_have_text(answer["tokens"])


async def test_the_python_program_answers_what_is_shown(explorer: Explorer) -> None:
    await explorer.show(sentence=SENTENCE, model="small", layer="1", head="2")
    program = await copied(explorer, "python") + "\nimport json; print(json.dumps(answer))"
    answer = json.loads(run(sys.executable, "-c", program))
    assert (answer["layers"], answer["heads"]) == ([1], [2])


async def test_the_javascript_program_answers_what_is_shown(explorer: Explorer, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    await explorer.show(sentence=SENTENCE, seed="3")
    (tmp_path / "copied.mjs").write_text(
        await copied(explorer, "javascript") + "\nconsole.log(JSON.stringify(answer));"
    )
    assert json.loads(run("node", str(tmp_path / "copied.mjs")))["parameters"]["seed"] == 3


async def test_the_image_element_shows_the_picture(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", sentence=SENTENCE, colormap="Blues")
    markup = await copied(explorer, "image")
    assert attribute(markup, "alt") == SENTENCE
    response = await explorer.page.request.get(attribute(markup, "src"))
    assert Image.open(BytesIO(await response.body())).size == (1000, 600)
    assert "colormap=Blues" in attribute(markup, "src")


async def test_the_link_leads_to_the_same_page(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", seed="5", pin="row:1", sort="row", color_scale="log")
    canvas = explorer.page.locator(".heatmap .plot canvas")
    before = await picture(canvas)
    link = await copied(explorer, "link")
    await explorer.page.goto("about:blank")
    await explorer.page.goto(link)
    await explorer.drawn()
    assert await picture(canvas) == before


async def test_the_frame_holds_the_view_alone(explorer: Explorer) -> None:
    await explorer.show(view="heatmap", seed="5")
    source = attribute(await copied(explorer, "embed"), "src")
    await explorer.page.goto(source)
    await explorer.drawn()
    await expect(explorer.page.locator(".heatmap .plot canvas")).to_be_visible()
    for hidden in ("header", ".question", ".tabs", ".share", "footer"):
        await expect(explorer.page.locator(hidden)).to_be_hidden()
    await expect(explorer.page.get_by_role("link", name="Open in the explorer")).to_have_attribute(
        "href", "/?seed=5&view=heatmap"
    )


@pytest.mark.parametrize(
    ("form", "begins"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("json", b"{"), ("npy", b"\x93NUMPY")]
)
async def test_the_files_are_downloaded(explorer: Explorer, form: str, begins: bytes) -> None:
    await explorer.show(seed="3")
    async with explorer.page.expect_download() as downloading:
        await explorer.page.locator(f"[data-download={form}]").click()
    download = await downloading.value
    content = (await download.path()).read_bytes()
    assert download.suggested_filename.endswith(f".{form}")
    assert content.lstrip().startswith(begins) or b"<svg" in content[:200]
    if form == "npy":
        matrix = np.load(BytesIO(content))[0, 0]
        np.testing.assert_array_equal(matrix, notebook.run(notebook.SENTENCE, seed=3)["attentions"])


@pytest.mark.parametrize("what", ["curl", "python", "javascript"])
async def test_a_copied_program_asks_for_the_matrix_that_is_shown(explorer: Explorer, what: str) -> None:
    await explorer.show(view="heatmap", tensor="scores")
    assert "scores" in await copied(explorer, what)
    await expect(explorer.page.locator("[data-download=npy]")).to_be_hidden()  # which has attentions alone


async def test_the_grid_is_taken_along_whole(explorer: Explorer) -> None:
    await explorer.show(view="grid", model="small")
    assert "layers=0,1,2" in await copied(explorer, "curl")
    assert "view=grid" in await copied(explorer, "image")


async def test_what_was_copied_goes_once_something_else_is_shown(explorer: Explorer) -> None:
    await explorer.show()
    await copied(explorer, "curl")
    await explorer.change("seed", "3")
    await expect(explorer.page.locator(".share textarea")).to_be_hidden()


async def test_a_text_too_long_for_an_address_is_told(explorer: Explorer) -> None:
    await explorer.show()
    await explorer.field("sentence").fill("東京 " * 900)
    await expect(explorer.page.locator(".tokens bdi")).to_have_count(1800)
    await explorer.page.locator("[data-copy=image]").click()
    await expect(explorer.page.locator(".share [role=status]")).to_contain_text("too long for an address")
