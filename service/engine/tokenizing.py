"""Texts to tokens, if there are some, and no more than the model takes."""

from collections.abc import Generator, Sequence
from functools import partial

from tokenizers import Encoding

from service.engine.errors import TooManyTokensError
from service.engine.models import Model
from service.engine.outcomes import each, places_by
from service.engine.tokens import Text, Tokens


def tokenize_within(field: str, model: Model, text: Text) -> Tokens:
    """The tokens of `text`, which stands in `field`.

    Raises:
        NoTokensError, TooManyTokensError: there are none, or more than the model takes.
    """
    return _read(field, model, text, model.tokenizer.encode(text))


def tokenize_in_pieces(field: str, model: Model, text: Text) -> Generator[None, None, Tokens]:
    """The same of a long text, in short steps."""
    found = yield from model.tokenizer.read_in_pieces(text, _most_tokens(field, model, text))
    if isinstance(found, Tokens):
        return found
    raise _too_many(field, model, found, text, is_pair=False)


def check_count(field: str, model: Model, text: Text, count: int) -> None:
    """Let pass a long text of so many tokens, if it may have as many.

    Raises:
        TooManyTokensError: it may not.
    """
    if count > _most_tokens(field, model, text):
        raise _too_many(field, model, count, text, is_pair=False)


def tokenize_each(asked: Sequence[tuple[Model, Text]]) -> list[Tokens | Exception]:
    """The tokens of every sentence, or the error that `tokenize_within` raises; together they use all cores."""
    found: dict[int, Tokens | Exception] = {}
    for model, places in places_by(model for model, _ in asked).items():
        texts = [asked[place][1] for place in places]
        encoded = list(zip(texts, model.tokenizer.encode_all(texts), strict=True))
        found.update(zip(places, each(partial(_read_sentence, model), encoded), strict=True))
    return [found[place] for place in range(len(asked))]


def _read_sentence(model: Model, encoded: tuple[Text, Encoding]) -> Tokens:
    return _read("sentence", model, *encoded)


def _read(field: str, model: Model, text: Text, encoding: Encoding) -> Tokens:
    """Count before any list is made of an encoding: those of a million tokens take more than a second."""
    count = len(encoding)
    if count <= _most_tokens(field, model, text):
        return model.tokenizer.read(text, encoding)
    sequence_ids = [] if text.sentence_pair is None else encoding.sequence_ids
    first, second = map(sequence_ids.count, (0, 1))
    raise _too_many("sentence_pair" if second > first else field, model, count, text, is_pair=second > 0)


def _most_tokens(field: str, model: Model, text: Text) -> int:
    """How many `text`, which stands in `field`, may have: a decoder reads its start token first."""
    return (text.limit or model.facts.max_tokens) - (field == "target")


def _too_many(field: str, model: Model, count: int, text: Text, *, is_pair: bool) -> TooManyTokensError:
    limit = text.limit or model.facts.max_tokens
    count += field == "target"
    return TooManyTokensError(
        field,
        count,
        limit,
        is_pair=is_pair,
        can_truncate=model.facts.kind == "pretrained",
        would_do_in_part=text.would_do_in_part and limit < count <= model.facts.max_stream_tokens,
    )
