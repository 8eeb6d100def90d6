"""SVGs as a parser reads them: the look of the PNG, with real text and cells that tell their numbers."""

import re
from base64 import b64decode
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from service.heatmap.colors import palette
from service.heatmap.composition import Plot, compose
from service.heatmap.style import Style
from tests.heatmap.drawing import RENDERER, SMALL_STYLES, TYPESETTER, plot, plots, ramp

SVG = "{http://www.w3.org/2000/svg}"


def parsed(drawn: Plot, style: Style, **metadata: str) -> ElementTree.Element:
    return ElementTree.fromstring(RENDERER.render(drawn, style, "svg", metadata))


def cells(root: ElementTree.Element) -> list[ElementTree.Element]:
    return [rectangle for rectangle in root.iter(f"{SVG}rect") if rectangle.find(f"{SVG}title") is not None]


def title_of(cell: ElementTree.Element) -> str:
    return cell.findtext(f"{SVG}title") or ""


@settings(max_examples=30)
@given(plots(most=70), SMALL_STYLES)
def test_an_svg_is_xml_with_the_scenes_texts_and_no_script(drawn: Plot, style: Style) -> None:
    scene = compose(drawn, style, TYPESETTER)
    root = parsed(drawn, style)
    shown = ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]
    written = [*scene.texts, *(value.text for value in scene.values)]
    assert shown == [TYPESETTER.spoken(text.label.faint) + TYPESETTER.spoken(text.label.text) for text in written]
    assert not list(root.iter(f"{SVG}script"))


def test_markup_in_texts_is_text() -> None:
    root = parsed(plot(ramp(1), "<b>&"), Style(title="<script>alert(1)</script>"), Title="<x>")
    assert "<script>alert(1)</script>" in [text.text for text in root.iter(f"{SVG}text")]
    assert root.findtext(f"{SVG}title") == "<x>"


def test_each_cell_tells_query_key_and_value() -> None:
    root = parsed(plot(np.array([[0.25, np.nan], [0.5, 1.0]]), "the", "cat"), Style())
    told = [title_of(cell) for cell in cells(root)]
    assert told == ["0 the → 0 the: 0.25", "0 the → 1 cat: masked", "1 cat → 0 the: 0.5", "1 cat → 1 cat: 1"]


def test_a_bin_of_cells_tells_its_first_and_last() -> None:
    root = parsed(plot(ramp(60)), Style(width=30, height=30))
    assert title_of(cells(root)[0]).startswith("0 0 … 1 1 → 0 0 … 1 1: ")


@pytest.mark.parametrize("character", ["\0", "\x08", "\ufffe", "\x1b"])
def test_what_xml_cannot_hold_becomes_its_code_point(character: str) -> None:
    root = parsed(plot(ramp(1), f"a{character}"), Style(title=f"t{character}"), sentence=character)
    code = f"U+{ord(character):04X}"
    assert f"t{code}" in [text.text for text in root.iter(f"{SVG}text")]
    assert root.findtext(f"{SVG}desc") == f"sentence: {code}"


def test_cells_have_the_colours_of_the_png() -> None:
    fills = [cell.get("fill") for cell in cells(parsed(plot(ramp(1, 2)), Style()))]
    assert fills == ["#" + bytes(palette("viridis")[index].tolist()).hex() for index in (0, -1)]


@pytest.mark.parametrize(("n", "rectangles", "images"), [(64, 64 * 64, 0), (65, 0, 1)])
def test_more_than_64_by_64_cells_are_one_image(n: int, rectangles: int, images: int) -> None:
    root = parsed(plot(ramp(n)), Style())
    assert (len(cells(root)), len(list(root.iter(f"{SVG}image")))) == (rectangles, images)


def test_the_image_has_a_pixel_a_cell_and_masked_ones_are_transparent_over_hatching() -> None:
    matrix = ramp(70)
    matrix[3, 5] = np.nan
    root = parsed(plot(matrix), Style())
    (image,) = root.iter(f"{SVG}image")
    pixels = Image.open(BytesIO(b64decode(image.attrib["href"].partition(",")[2]))).convert("RGBA")
    assert pixels.size == (70, 70)
    assert np.argwhere(np.asarray(pixels)[..., 3] == 0).tolist() == [[3, 5]]
    assert "url(#masked)" in [rectangle.get("fill") for rectangle in root.iter(f"{SVG}rect")]


def test_texts_are_as_long_as_measured_whatever_font_the_viewer_has() -> None:
    style = Style(title="Attention")
    (title,) = [text for text in parsed(plot(ramp(2)), style).iter(f"{SVG}text") if text.text == "Attention"]
    size = int(title.attrib["font-size"])
    (measured,) = {
        TYPESETTER.width(t.label, t.size) for t in compose(plot(ramp(2)), style, TYPESETTER).texts if t.size == size
    }
    assert int(title.attrib["textLength"]) == measured


def test_dpi_scale_leaves_the_size_in_css_pixels() -> None:
    root = parsed(plot(ramp(2)), Style(width=300, height=200, dpi_scale=2))
    assert (root.get("width"), root.get("height"), root.get("viewBox")) == ("300", "200", "0 0 600 400")


def test_equal_arguments_give_equal_bytes() -> None:
    one, other = (RENDERER.render(plot(ramp(9), "word"), Style(title="t"), "svg") for _ in range(2))
    assert one == other
    assert not re.search(rb"\d{4}-\d\d-\d\d", one)


def test_a_word_of_a_million_letters_is_drawn_and_told_as_its_ends() -> None:
    long, cut = (
        RENDERER.render(plot(ramp(2), word), Style(), "svg") for word in ("b" * 10**6, f"{'b' * 100}…{'b' * 100}")
    )
    assert long == cut
