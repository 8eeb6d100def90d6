"""Which font draws which character."""

import logging
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from service.heatmap import fonts
from service.heatmap.fonts import BUNDLED, Fonts, Run, find_fonts
from service.heatmap.typesetting import Label, Typesetter


def make_font(file: Path, *characters: str) -> Path:
    """A font whose every glyph is a black square."""
    names = [".notdef", *(f"u{ord(character):04X}" for character in characters)]
    pen = TTGlyphPen(None)
    for number, corner in enumerate([(100, 0), (100, 800), (900, 800), (900, 0)]):
        (pen.lineTo if number else pen.moveTo)(corner)
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(names)
    builder.setupCharacterMap({ord(character): name for character, name in zip(characters, names[1:], strict=True)})
    builder.setupGlyf(dict.fromkeys(names, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(names, (1000, 100)))
    builder.setupHorizontalHeader(ascent=900, descent=-200)
    builder.setupNameTable({"familyName": "Squares", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(file)
    return file


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    return make_font(tmp_path / "Squares.ttf", "東", "京")


@pytest.mark.parametrize("text", ["Ünïcode", "αβγ", "Привет", "العربية", "עברית", "→ · ≤ ᵀ √"])
def test_the_bundled_font_draws_it(text: str) -> None:
    assert Fonts().runs(text) == [Run(0, text)]


@pytest.mark.parametrize(
    ("text", "drawn"),
    [("🙂", "U+1F642"), ("a\nb", "aU+000Ab"), ("京", "U+4EAC"), ("\x7f", "U+007F"), ("\u2029", "U+2029"), ("", "")],
)
def test_a_character_without_a_glyph_is_written_as_its_code_point(text: str, drawn: str) -> None:
    assert "".join(run.text for run in Fonts().runs(text)) == drawn


def test_joiners_and_variation_selectors_are_never_written_out() -> None:
    assert Fonts().runs("a\u200d\ufe0f") == [Run(0, "a\u200d\ufe0f")]


def test_another_font_is_chosen_by_what_it_covers(squares: Path) -> None:
    assert Fonts([squares]).runs("in 東京!") == [Run(0, "in "), Run(1, "東京"), Run(0, "!")]


def test_the_first_of_several_fonts_is_preferred(squares: Path, tmp_path: Path) -> None:
    other = make_font(tmp_path / "Other.ttf", "京", "都")
    assert Fonts([squares, other]).runs("京都") == [Run(1, "京"), Run(2, "都")]


def test_a_text_is_drawn_with_the_other_font(squares: Path) -> None:
    glyphs = Typesetter(Fonts([squares])).draw(Label("東"), 20)
    assert (glyphs[5:15, 2:10] == 15).all()


def test_a_damaged_font_is_skipped_and_logged(squares: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    damaged = tmp_path / "Damaged.ttf"
    damaged.write_bytes(squares.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        assert Fonts([damaged, squares]).runs("東") == [Run(2, "東")]
    assert "Damaged.ttf cannot be read" in caplog.text


def test_fonts_are_found_in_files_and_folders_in_the_order_given(squares: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    serif, sans, bold = (make_font(folder / name, "a") for name in ("ASerif.ttf", "Sans.ttf", "Sans-Bold.ttf"))
    assert find_fonts([str(squares), str(folder)]) == [squares, sans, serif]
    assert bold.exists()


def test_a_place_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is no font file and no folder"):
        find_fonts([str(tmp_path / "nowhere")])


def test_without_places_the_systems_folders_are_searched(squares: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "SYSTEM_FOLDERS", (str(squares.parent), "/nowhere"))
    assert find_fonts() == [squares]


def test_right_to_left_text_is_shaped_and_turned_round() -> None:
    if not fonts.SHAPES:
        pytest.skip("FriBiDi is not installed, so Pillow cannot shape")
    typesetter = Typesetter(Fonts())
    word, letters = (typesetter.width(Label(text), 40) for text in ("سلام", "س ل ا م"))
    assert word < letters * 0.8
    assert (typesetter.draw(Label("אב"), 40)[:, :10] == typesetter.draw(Label("ב"), 40)[:, :10]).mean() > 0.9


def test_emoji_in_colour_bitmaps_are_drawn_in_greys() -> None:
    with_emoji = Fonts([file for file in find_fonts() if "emoji" in file.stem.lower()])
    runs = with_emoji.runs("🙂")
    if not with_emoji.is_bitmap(runs[0].font):
        pytest.skip("no font with colour bitmaps is installed, such as Noto Color Emoji")
    glyphs = Typesetter(with_emoji).draw(Label("🙂"), 40)
    assert len(np.unique(glyphs)) > 4
    assert (glyphs > 0).mean() > 0.3


def test_without_shaping_right_to_left_characters_are_written_as_code_points(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "SHAPES", False)
    assert Fonts().runs("aא") == [Run(0, "aU+05D0")]


def test_the_bundled_fonts_licence_stands_beside_it() -> None:
    assert "Bitstream" in (BUNDLED.parent / "LICENSE").read_text()
