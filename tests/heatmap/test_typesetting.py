"""Texts as pictures: exactly one line high, as wide as measured, shortened in the middle."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.heatmap.fonts import Fonts
from service.heatmap.lines import line_height
from service.heatmap.typesetting import Label, Typesetter
from tests.heatmap.drawing import LABELS, PILED, TYPESETTER, WORDS

SIZES = st.integers(7, 60)


@given(LABELS, SIZES)
def test_a_text_is_exactly_one_line_high_however_its_accents_are_piled(label: Label, size: int) -> None:
    assert TYPESETTER.draw(label, size).shape == (line_height(size), TYPESETTER.width(label, size))


def test_piled_accents_are_made_smaller_not_cut() -> None:
    letter, piled = (TYPESETTER.draw(Label(text), 40) for text in ("e", PILED))
    assert (piled > 0).any(axis=1).sum() > (letter > 0).any(axis=1).sum()
    assert piled.shape[1] < letter.shape[1]


@pytest.mark.parametrize("label", [Label(word) for word in WORDS])
def test_at_90_degrees_it_reads_upwards(label: Label) -> None:
    np.testing.assert_array_equal(TYPESETTER.draw(label, 20, 90), np.rot90(TYPESETTER.draw(label, 20)))


def test_at_45_degrees_it_fills_its_square() -> None:
    slanted = TYPESETTER.draw(Label("diagonal"), 20, 45)
    height, width = slanted.shape
    assert abs(height - width) <= 1
    assert (slanted > 0).any(axis=0).mean() > 0.8


@given(LABELS, SIZES)
def test_equal_texts_are_equal_pictures(label: Label, size: int) -> None:
    again = Typesetter(Fonts()).draw(label, size)
    np.testing.assert_array_equal(TYPESETTER.draw(label, size), again)


def test_the_empty_text_is_a_pixel_of_nothing() -> None:
    assert TYPESETTER.draw(Label(""), 12).sum() == 0


@given(LABELS, st.integers(1, 500))
def test_a_shortened_text_fits(label: Label, width: int) -> None:
    shortened = TYPESETTER.shorten(label, 12, width)
    assert not any(shortened) or TYPESETTER.width(shortened, 12) <= width


@given(st.text("abcdefgh", max_size=60))
def test_a_text_that_fits_is_left_alone(text: str) -> None:
    assert TYPESETTER.shorten(Label(text), 12, TYPESETTER.width(Label(text), 12)) == Label(text)


@given(st.text("abcdefgh", min_size=6, max_size=60), st.integers(30, 200))
def test_a_shortened_text_keeps_both_ends(text: str, width: int) -> None:
    shortened = TYPESETTER.shorten(Label(text), 12, width).text
    head, ellipsis, tail = shortened.partition("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert not ellipsis or 0 <= len(head) - len(tail) <= 1


def test_a_special_token_is_shortened_and_stays_pale() -> None:
    shortened = TYPESETTER.shorten(Label("", faint="[SOMETHING]"), 12, 40)
    assert shortened.text == ""
    assert "…" in shortened.faint


def test_what_has_room_for_an_ellipsis_alone_is_one() -> None:
    assert TYPESETTER.shorten(Label("##ま"), 12, TYPESETTER.width(Label("…"), 12)) == Label("…")


def test_a_cut_label_keeps_two_hundred_characters_of_each_part() -> None:
    assert [len(part) for part in Label("a" * 10**6, "b" * 10**6).cut()] == [201, 201]


def test_a_label_that_is_short_enough_is_not_cut() -> None:
    assert Label("a" * 200, "##").cut() == Label("a" * 200, "##")
