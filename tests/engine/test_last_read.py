"""Documents that were read last are not tokenized again, and take no more memory than is theirs."""

import tracemalloc

import pytest
from transformers import BertTokenizer

from service.engine.engine import SYNTHETIC, Engine
from service.engine.errors import TooManyTokensError
from service.engine.last_read import BYTES_PER_TOKEN, LastRead
from service.engine.tokenizer import LONG, VOCABULARY, Tokenizer, bert_base_uncased
from service.engine.tokens import Text, Tokens
from service.engine.worker import Timings

TOKENIZER = bert_base_uncased()
BOOK = Text("to be or not to be " * (LONG // 8), limit=10**6)


def read(sentence: str) -> Tokens:
    return TOKENIZER(Text(sentence))


def size(tokens: Tokens) -> int:
    return tokens.sentences[0].__sizeof__() + BYTES_PER_TOKEN * len(tokens)


@pytest.fixture
def engine() -> Engine:
    return Engine("cpu", max_tokens=100)


async def test_a_document_that_comes_again_is_not_tokenized_again(engine: Engine) -> None:
    model = engine.model(SYNTHETIC)
    first = await engine.tokenize(model, BOOK, {})
    timings: Timings = {}
    again = await engine.tokenize(model, BOOK._replace(sentence=f"{BOOK.sentence} "[:-1]), timings)
    assert again is first
    assert "tokenize" not in timings


async def test_a_document_that_was_read_is_refused_where_fewer_tokens_are_taken(engine: Engine) -> None:
    model = engine.model(SYNTHETIC)
    tokens = await engine.tokenize(model, BOOK, {})
    with pytest.raises(TooManyTokensError):
        await engine.tokenize(model, BOOK._replace(limit=len(tokens) - 1), {})
    assert await engine.tokenize(model, BOOK._replace(limit=len(tokens)), {}) is tokens


def test_what_nobody_asked_for_again_goes_first() -> None:
    one, two, three = map(read, ("one", "two", "three"))
    last = LastRead(size(one) + size(three))
    last.keep(TOKENIZER, one)
    last.keep(TOKENIZER, two)
    assert last.get(TOKENIZER, "one") is one
    last.keep(TOKENIZER, three)
    assert last.get(TOKENIZER, "two") is None
    assert last.get(TOKENIZER, "one") is one
    assert last.get(TOKENIZER, "three") is three


def test_what_is_read_twice_at_once_is_counted_once() -> None:
    last = LastRead(size(read("one")) + size(read("two")))
    for sentence in ("one", "one", "two"):
        last.keep(TOKENIZER, read(sentence))
    assert last.get(TOKENIZER, "one") is not None


def test_what_is_too_much_alone_is_not_kept_and_drops_nothing() -> None:
    small, large = read("small"), read("large " * 100)
    last = LastRead(size(small))
    last.keep(TOKENIZER, small)
    last.keep(TOKENIZER, large)
    assert last.get(TOKENIZER, "small") is small
    assert last.get(TOKENIZER, "large " * 100) is None


def test_documents_that_come_again_take_no_more_memory() -> None:
    last, size = LastRead(), 2**20
    tracemalloc.start()
    try:
        tokens = TOKENIZER(Text("word " * (size // 5)))
        last.keep(TOKENIZER, tokens)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(3):
            assert last.get(TOKENIZER, "word " * (size // 5)) is tokens
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < size / 2


def test_tokenizers_do_not_get_each_others_tokens() -> None:
    last = LastRead()
    last.keep(TOKENIZER, read("one"))
    assert last.get(Tokenizer(BertTokenizer(vocab=str(VOCABULARY)).backend_tokenizer), "one") is None
