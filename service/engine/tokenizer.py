"""Text to tokens, by the Rust tokenizers that transformers' own are made of."""

from collections.abc import Generator, Sequence
from functools import cache, cached_property
from pathlib import Path

from tokenizers import Encoding
from tokenizers import Tokenizer as Backend
from tokenizers.decoders import WordPiece
from tokenizers.normalizers import BertNormalizer
from transformers import BertTokenizer

from service.engine import documents
from service.engine.documents import Offset, can_be_divided
from service.engine.errors import NoTokensError
from service.engine.outcomes import places_by
from service.engine.tokens import Text, Tokens

VOCABULARY = Path(__file__).parent / "vocabulary" / "bert-base-uncased.txt"

LONG = 64 * 1024
"""Characters of a text that is read in pieces."""
SHORT = 512
"""Characters that keep other threads waiting for less than a batch costs."""


class Tokenizer:
    """One model's tokenizer. Special tokens typed in a text are text."""

    def __init__(self, backend: Backend) -> None:
        """Use `backend`, which is changed: it neither cuts nor pads from now on."""
        backend.no_truncation()
        backend.no_padding()
        backend.encode_special_tokens = True
        self.backend = backend
        self._lower = _without_normalizer(backend) if _only_lowers_ascii(backend) else None
        self._cutting: dict[int, Backend] = {}
        """By the most tokens that they leave: one or two, as that is the model's."""
        self._can_be_divided = can_be_divided(backend)
        self.is_wordpiece = isinstance(backend.decoder, WordPiece)
        """Whether tokens are readable as they are, and ## begins one that continues a word."""

    def __call__(self, text: Text) -> Tokens:
        """Tokenize `text`.

        Raises:
            NoTokensError: a sentence yields no token of its own.
        """
        return self.read(text, self.encode(text))

    def encode(self, text: Text) -> Encoding:
        """The backend's encoding, cut where `text` says so."""
        return self._within(text, _encode_alone(*self._input(text), text.add_special_tokens))

    def is_read_in_pieces(self, text: Text) -> bool:
        """Whether `text` is so long, and such, that `read_in_pieces` reads it."""
        is_plain = text.sentence_pair is None and not text.add_special_tokens and text.most_tokens is None
        return self._can_be_divided and is_plain and len(text.sentence) > LONG

    def read_in_pieces(self, text: Text, most: int) -> Generator[None, None, Tokens | int]:
        """The tokens of a long text in short steps, the same as in one; of more than `most` only their number.

        Raises:
            NoTokensError: there is none.
        """
        document = yield from documents.read(self.backend, text.sentence, most)
        if document.count > most:
            return document.count
        if not document.count:
            raise NoTokensError("sentence")
        input_ids = document.input_ids
        return Tokens(
            tokens=[self._vocabulary[token] for token in input_ids.tolist()],
            input_ids=input_ids,
            offsets=document.offsets,
            sequence_ids=[0] * document.count,
            sentences=(text.sentence, ""),
            encoding=document,
        )

    @cached_property
    def _vocabulary(self) -> dict[int, str]:
        """The tokens by their ids: a hundred thousand tokens of a text are not as many strings."""
        return {token: name for name, token in self.backend.get_vocab().items()}

    def encode_all(self, texts: Sequence[Text]) -> list[Encoding]:
        """The encodings of `texts`, each as it is alone; they share the cores."""
        inputs = [self._input(text) for text in texts]
        ways = [(backend, text.add_special_tokens) for (backend, *_), text in zip(inputs, texts, strict=True)]
        encodings: dict[int, Encoding] = {}
        for (backend, special), places in places_by(ways).items():
            sentences = [inputs[place][1] if inputs[place][2] is None else inputs[place][1:] for place in places]
            encodings.update(zip(places, backend.encode_batch(sentences, add_special_tokens=special), strict=True))
        return [self._within(text, encodings[place]) for place, text in enumerate(texts)]

    def read(self, text: Text, encoding: Encoding) -> Tokens:
        """The tokens of `text`, of which this is the `encoding`.

        Raises:
            NoTokensError: a sentence yields no token of its own.
        """
        sequence_ids = encoding.sequence_ids
        if 0 not in sequence_ids:
            raise NoTokensError("sentence")
        if text.sentence_pair is not None and 1 not in sequence_ids:
            raise NoTokensError("sentence_pair")
        return Tokens(
            tokens=encoding.tokens,
            input_ids=encoding.ids,
            offsets=_offsets(encoding) if text.add_special_tokens else encoding.offsets,
            sequence_ids=sequence_ids,
            sentences=(text.sentence, text.sentence_pair or ""),
            encoding=encoding,
        )

    def _input(self, text: Text) -> tuple[Backend, str, str | None]:
        """Who encodes it, and what they are given."""
        sentence, pair = text.sentence, text.sentence_pair
        if self._lower is not None and pair is None and sentence.isascii() and sentence.isprintable():
            return self._lower, sentence.lower(), None
        return self.backend, sentence, pair

    def _within(self, text: Text, encoding: Encoding) -> Encoding:
        """What is left of it where `text` is to be cut."""
        if text.most_tokens is None or len(encoding) <= text.most_tokens:
            return encoding
        return self._cut(text, text.most_tokens)

    def _cut(self, text: Text, most_tokens: int) -> Encoding:
        if most_tokens not in self._cutting:  # a copy, as the original serves other threads meanwhile
            self._cutting[most_tokens] = _copy(self.backend)
            self._cutting[most_tokens].enable_truncation(most_tokens)
        return _encode_alone(self._cutting[most_tokens], text.sentence, text.sentence_pair, text.add_special_tokens)


def _encode_alone(backend: Backend, sentence: str, pair: str | None, special: bool) -> Encoding:
    """A long text as a batch of one: for a batch the backend lets other threads run, which a megabyte keeps waiting."""
    if len(sentence) <= SHORT and (pair is None or len(pair) <= SHORT):
        return backend.encode(sentence, pair, add_special_tokens=special)
    [encoding] = backend.encode_batch([sentence if pair is None else (sentence, pair)], add_special_tokens=special)
    return encoding


@cache
def bert_base_uncased() -> Tokenizer:
    """The synthetic model's tokenizer, from the vocabulary in this package."""
    return Tokenizer(BertTokenizer(vocab=str(VOCABULARY)).backend_tokenizer)


def _copy(backend: Backend) -> Backend:
    copy = Backend.from_str(backend.to_str())
    copy.encode_special_tokens = True
    return copy


def _only_lowers_ascii(backend: Backend) -> bool:
    """Whether all that happens to printable ASCII before it is split is to be lowered.

    BERT's other rules concern other characters; an added token that is not special is sought in the text as typed.
    """
    normalizer = backend.normalizer
    lowers = isinstance(normalizer, BertNormalizer) and normalizer.lowercase
    return lowers and all(token.special for token in backend.get_added_tokens_decoder().values())


def _without_normalizer(backend: Backend) -> Backend:
    """A copy that takes text as it is: the normalizer needs a third of the time, and Python lowers ASCII in none."""
    copy = _copy(backend)
    copy.normalizer = None
    return copy


def _offsets(encoding: Encoding) -> Sequence[Offset | None]:
    pairs = zip(encoding.sequence_ids, encoding.offsets, strict=True)
    return [None if sequence is None else offset for sequence, offset in pairs]
