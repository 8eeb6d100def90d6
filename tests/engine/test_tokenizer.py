"""Text to tokens: transformers' tokens, and offsets that lead back into the text."""

import pytest
from hypothesis import assume, given
from hypothesis.strategies import booleans, from_regex, lists, sampled_from
from tokenizers import AddedToken
from tokenizers import Tokenizer as Backend

from service.engine.errors import NoTokensError
from service.engine.tokenizer import Tokenizer, bert_base_uncased
from service.engine.tokens import Text, utf16_positions
from tests import notebook
from tests.strategies import SENTENCES, TEXTS

TOKENIZER = bert_base_uncased()
ASCII = lists(from_regex(r"[ -~]+", fullmatch=True) | sampled_from(["[CLS]", "[sep]", " The ", "x" * 101])).map("".join)


def tokens_of(sentence: str, **options: object) -> list[str]:
    return TOKENIZER(Text(sentence, **options)).tokens  # type: ignore[arg-type]  # any of Text's options


def normalised(text: str) -> str:
    normalizer = TOKENIZER.backend.normalizer
    assert normalizer is not None
    return str(normalizer.normalize_str(text))


def test_the_notebooks_sentence_has_its_nine_tokens() -> None:
    assert tokens_of(notebook.SENTENCE) == notebook.TOKENS


@given(SENTENCES)
def test_the_rust_backend_agrees_with_transformers(sentence: str) -> None:
    theirs = notebook.tokenizer()(sentence, add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assume(theirs)
    assert TOKENIZER(Text(sentence)).input_ids == theirs


@given(ASCII, booleans())
def test_printable_ascii_skips_the_normalizer_and_loses_nothing(sentence: str, special: bool) -> None:
    theirs = TOKENIZER.backend.encode(sentence, add_special_tokens=special)
    assume(0 in theirs.sequence_ids)
    ours = TOKENIZER.encode(Text(sentence, add_special_tokens=special))
    assert (ours.tokens, ours.ids, ours.offsets) == (theirs.tokens, theirs.ids, theirs.offsets)
    assert (ours.sequence_ids, ours.word_ids, ours.type_ids) == (theirs.sequence_ids, theirs.word_ids, theirs.type_ids)


def test_an_added_token_is_found_as_it_was_typed() -> None:
    backend = Backend.from_str(TOKENIZER.backend.to_str())
    backend.add_tokens([AddedToken("<Name>", normalized=False)])
    assert Tokenizer(backend)(Text("Hello <Name>")).tokens == ["hello", "<Name>"]


@given(TEXTS, TEXTS)
def test_the_rust_backend_agrees_with_transformers_on_pairs_with_special_tokens(first: str, second: str) -> None:
    theirs = notebook.tokenizer()(first, second, split_special_tokens=True)
    ours = TOKENIZER(Text(first, second, add_special_tokens=True))
    assert (ours.input_ids, ours.token_type_ids) == (theirs["input_ids"], theirs["token_type_ids"])


@given(SENTENCES)
def test_the_text_at_a_tokens_offsets_holds_its_piece(sentence: str) -> None:
    assume(notebook.tokenizer().tokenize(sentence))
    tokens = TOKENIZER(Text(sentence))
    for piece, offset in zip(tokens.tokens, tokens.offsets, strict=True):
        assert offset is not None
        start, end = offset
        assert piece == "[UNK]" or piece.removeprefix("##") in normalised(sentence[start:end])


@given(TEXTS, TEXTS)
def test_utf16_offsets_hold_the_same_text_as_codepoint_offsets(first: str, second: str) -> None:
    text = Text(first, second, add_special_tokens=True)
    tokens = TOKENIZER(text)
    for sequence, codepoints, units in zip(
        tokens.sequence_ids, tokens.offsets, tokens.offsets_in("utf16"), strict=True
    ):
        if codepoints is None or units is None:
            assert (sequence, codepoints, units) == (None, None, None)
            continue
        sentence = second if sequence else first
        encoded = sentence.encode("utf-16-le")[2 * units[0] : 2 * units[1]]
        assert encoded.decode("utf-16-le") == sentence[slice(*codepoints)]


def test_a_utf16_position_counts_two_for_an_emoji() -> None:
    assert list(utf16_positions("a🙂b")) == [0, 1, 3, 4]


def test_special_tokens_typed_in_a_text_are_text() -> None:
    assert tokens_of("[CLS] hi [SEP]") == ["[", "cl", "##s", "]", "hi", "[", "sep", "]"]


def test_special_tokens_are_added_when_asked_and_have_no_offsets() -> None:
    tokens = TOKENIZER(Text("hi", "there", add_special_tokens=True))
    assert tokens.tokens == ["[CLS]", "hi", "[SEP]", "there", "[SEP]"]
    assert tokens.offsets == [None, (0, 2), None, (0, 5), None]
    assert tokens.special_tokens_mask == [1, 0, 1, 0, 1]


def test_a_pair_is_one_sequence_with_berts_segments() -> None:
    tokens = TOKENIZER(Text("one two", "three"))
    assert (tokens.sequence_ids, tokens.token_type_ids, tokens.word_ids) == ([0, 0, 1], [0, 0, 1], [0, 1, 0])


def test_pieces_of_one_character_share_its_range() -> None:
    tokens = TOKENIZER(Text("한"))
    assert tokens.tokens == ["ᄒ", "##ᅡ", "##ᆫ"]
    assert tokens.offsets == [(0, 1)] * 3


@pytest.mark.parametrize("sentence", ["", " ", "\t\n", "\0\x01\x7f", "\u200b", "\ufffd"])
@pytest.mark.parametrize("add_special_tokens", [False, True])
def test_a_sentence_without_tokens_is_refused(sentence: str, add_special_tokens: bool) -> None:
    with pytest.raises(NoTokensError, match="sentence has no tokens"):
        TOKENIZER(Text(sentence, add_special_tokens=add_special_tokens))


def test_a_second_sentence_without_tokens_is_refused_by_name() -> None:
    with pytest.raises(NoTokensError, match="sentence_pair has no tokens"):
        TOKENIZER(Text("hi", " "))


def test_a_word_of_a_megabyte_is_unknown() -> None:
    assert tokens_of("a" * 1_000_000) == ["[UNK]"]


@pytest.mark.parametrize("most_tokens", [5, 6, 7, 8])
def test_a_text_is_cut_as_transformers_cuts_it(most_tokens: int) -> None:
    tokens = TOKENIZER(Text("one two three", "four five", True, most_tokens))
    expected = notebook.tokenizer()("one two three", "four five", truncation=True, max_length=most_tokens)
    assert tokens.input_ids == expected["input_ids"]


def test_a_text_that_is_short_enough_is_not_cut() -> None:
    tokenizer = Tokenizer(notebook.tokenizer().backend_tokenizer)
    assert tokenizer(Text("one two", most_tokens=2)).tokens == ["one", "two"]
