"""Long texts, read in pieces: the same tokens as in one."""

from collections.abc import Generator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer as Backend
from tokenizers import models, pre_tokenizers

from service.engine import documents
from service.engine.documents import Document, can_be_divided, pieces, read
from service.engine.engine import SYNTHETIC, Engine
from service.engine.errors import NoTokensError, TooManyTokensError
from service.engine.tokenizer import LONG, bert_base_uncased
from service.engine.tokens import Text
from tests.strategies import SENTENCES

TOKENIZER = bert_base_uncased()
WORDS = st.lists(SENTENCES, min_size=1, max_size=40)
BLANKS = st.sampled_from([" ", "\n", "  \n", "\t", "\u3000", "", "\u0301", " \u0301"])


def finished(steps: Generator[None, None, Document]) -> Document:
    found: list[Document] = []

    def take() -> Generator[None, None, None]:
        found.append((yield from steps))

    assert not any(take())
    return found[0]


@given(WORDS, BLANKS, st.integers(1, 30), st.integers(1, 4))
def test_pieces_have_the_tokens_of_the_whole(words: list[str], blank: str, size: int, at_once: int) -> None:
    text = blank.join(words)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(documents, "PIECE_CHARACTERS", size)
        patch.setattr(documents, "PIECES_AT_ONCE", at_once)
        assert "".join(pieces(text)) == text
        found = finished(read(TOKENIZER.backend, text, 10**6))
    whole = TOKENIZER.backend.encode(text, add_special_tokens=False)
    assert found.count == len(whole)
    if found.count:
        assert found.input_ids.tolist() == whole.ids
        assert found.word_ids == whole.word_ids
        assert [*found.offsets] == whole.offsets


@pytest.fixture(scope="module")
def book() -> str:
    """A text of some hundred thousand words, none of them like the last."""
    random = np.random.default_rng(0)
    words = random.choice(
        ["attention", "naïve", "Ünïted", "東京タワー", "don't", "🙂", "unbelievably", "x" * 120], 60_000
    )
    return " ".join(words.tolist())


@pytest.fixture(scope="module")
async def engine() -> Engine:
    return Engine("cpu", max_tokens=100, max_stream_tokens=10**6)


async def test_a_book_has_the_tokens_of_the_whole(engine: Engine, book: str) -> None:
    assert len(book) > LONG
    model = engine.model(SYNTHETIC)
    tokens = await engine.tokenize(model, Text(book, limit=10**6), {})
    whole = TOKENIZER.read(Text(book), TOKENIZER.encode(Text(book)))
    assert isinstance(tokens.encoding, Document)
    assert [*tokens.input_ids] == whole.input_ids
    assert tokens.tokens == whole.tokens
    assert [*tokens.offsets] == whole.offsets
    assert tokens.word_ids == whole.word_ids
    assert tokens.sequence_ids == whole.sequence_ids
    assert np.array_equal(np.asarray(tokens.offsets_in("utf16")), np.asarray(whole.offsets_in("utf16")))


async def test_of_too_long_a_book_the_tokens_are_counted(engine: Engine, book: str) -> None:
    count = len(TOKENIZER.encode(Text(book)))
    with pytest.raises(TooManyTokensError, match=f"has {count:,} tokens, the limit is 1,000"):
        await engine.tokenize(engine.model(SYNTHETIC), Text(book, limit=1000), {})


async def test_a_book_of_blanks_has_no_tokens(engine: Engine) -> None:
    with pytest.raises(NoTokensError):
        await engine.tokenize(engine.model(SYNTHETIC), Text(" \n" * LONG), {})


@pytest.mark.parametrize(
    "text",
    [Text("a " * LONG, "b"), Text("a " * LONG, add_special_tokens=True), Text("a " * LONG, most_tokens=9), Text("a")],
    ids=["pair", "special tokens", "to be cut", "short"],
)
def test_what_is_no_plain_long_text_is_read_in_one(text: Text) -> None:
    assert not TOKENIZER.is_read_in_pieces(text)


def test_tokens_that_may_hold_blanks_are_not_cut() -> None:
    other = Backend(models.WordLevel({"a": 0}, unk_token="a"))  # a token of a text
    other.pre_tokenizer = pre_tokenizers.Metaspace()
    assert can_be_divided(TOKENIZER.backend)
    assert not can_be_divided(other)
    added = Backend.from_str(TOKENIZER.backend.to_str())
    added.add_tokens(["new york"])
    assert not can_be_divided(added)
