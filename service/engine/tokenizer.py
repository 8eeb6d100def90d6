"""Text to tokens, by the Rust tokenizers that transformers' own are made of."""

from array import array
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int32, Integer
from tokenizers import Encoding
from tokenizers import Tokenizer as Backend
from tokenizers.decoders import WordPiece
from tokenizers.normalizers import BertNormalizer
from transformers import BertTokenizer

from service.engine import documents
from service.engine.documents import Document, Offset, Offsets, can_be_divided
from service.engine.errors import NoTokensError
from service.engine.outcomes import places_by

OffsetUnit = Literal["codepoint", "utf16"]

VOCABULARY = Path(__file__).parent / "vocabulary" / "bert-base-uncased.txt"

SECONDS_PER_CHARACTER = 1e-6
"""What the Rust tokenizer needs for a character of English text; measured 0.4 to 2 µs."""
LONG = 64 * 1024
"""Characters of a text that is read in pieces."""
SHORT = 512
"""Characters that keep other threads waiting for less than a batch costs."""
SECONDS_TO_CUT = 0.1
"""What the first text that is too long costs more: a copy of the tokenizer; measured 0.02 to 0.3 s."""


class Text(NamedTuple):
    """What is tokenized: a sentence, or a pair of sentences as one sequence."""

    sentence: str
    sentence_pair: str | None = None
    add_special_tokens: bool = False
    most_tokens: int | None = None
    """Cut what is longer, the longer sentence of a pair first; None = cut nothing."""
    limit: int | None = None
    """The most tokens it may have; None = as many as a text whose matrices are wanted as a whole."""
    would_do_in_part: bool = False
    """Whether it might have more if less of its matrices were wanted."""

    @property
    def characters(self) -> int:
        """Length in code points."""
        return len(self.sentence) + len(self.sentence_pair or "")

    @property
    def seconds(self) -> float:
        """A rough cost."""
        may_be_cut = self.most_tokens is not None and self.characters > self.most_tokens // 4  # bytes may be tokens
        return self.characters * SECONDS_PER_CHARACTER + (SECONDS_TO_CUT if may_be_cut else 0)


@dataclass(slots=True, eq=False)
class Tokens:
    """A tokenized text: n tokens as parallel sequences."""

    tokens: list[str]
    input_ids: list[int] | Int32[np.ndarray, " n"]
    offsets: Sequence[Offset | None]
    """[start, end) into the sentence a token came from, in code points; None for an added special token."""
    sequence_ids: list[int | None]
    """0 for the first sentence, 1 for the second, None for an added special token."""
    sentences: tuple[str, str]
    """What the tokens came from, by sequence id."""
    encoding: Encoding | Document
    """The backend's, of which the rest is only read when it is wanted: each list of it takes a microsecond."""

    def __len__(self) -> int:
        """n."""
        return len(self.tokens)

    @property
    def characters(self) -> int:
        """Length in code points of what the tokens came from."""
        return sum(map(len, self.sentences))

    @property
    def word_ids(self) -> list[int | None]:
        """Which word of its sentence each token belongs to; None for an added special token."""
        return self.encoding.word_ids

    @property
    def token_type_ids(self) -> list[int]:
        """BERT's segments."""
        return self.encoding.type_ids

    @property
    def special_tokens_mask(self) -> list[int]:
        """1 for an added special token, else 0."""
        return [int(sequence is None) for sequence in self.sequence_ids]

    def offsets_in(self, unit: OffsetUnit) -> "Sequence[Offset | None] | Integer[np.ndarray, 'n 2']":
        """The offsets counted in `unit`s."""
        if isinstance(self.offsets, Offsets):
            array = self.offsets.array
            return array if unit == "codepoint" else np.asarray(utf16_positions(self.sentences[0]))[array]
        if unit == "codepoint":
            return self.offsets
        units = [utf16_positions(sentence) for sentence in self.sentences]
        return [
            offset and (units[sequence or 0][offset[0]], units[sequence or 0][offset[1]])
            for sequence, offset in zip(self.sequence_ids, self.offsets, strict=True)
        ]


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


def utf16_positions(text: str) -> Sequence[int]:
    """Where each code point of `text`, and its end, stands in UTF-16 code units (JavaScript's string index)."""
    return array("L", accumulate((2 if character > "\uffff" else 1 for character in text), initial=0))
