"""Text to tokens, by transformers' BertTokenizer."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal

from tokenizers import Encoding
from transformers import BertTokenizer

from service.engine.errors import NoTokensError

OffsetUnit = Literal["codepoint", "utf16"]
Offset = tuple[int, int]

VOCABULARY = Path(__file__).parent / "vocabulary" / "bert-base-uncased.txt"

SECONDS_PER_CHARACTER = 1e-6
"""What the Rust tokenizer needs for a character of English text; measured 0.4 to 2 µs."""


@dataclass(frozen=True, slots=True)
class Text:
    """What is tokenized: a sentence, or a pair of sentences as one sequence."""

    sentence: str
    sentence_pair: str | None = None
    add_special_tokens: bool = False

    @property
    def characters(self) -> int:
        """Length in code points."""
        return len(self.sentence) + len(self.sentence_pair or "")


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenized text: n tokens as parallel sequences."""

    tokens: list[str]
    input_ids: list[int]
    offsets: Sequence[Offset | None]
    """[start, end) into the sentence a token came from; None for an added special token."""
    word_ids: list[int | None]
    sequence_ids: list[int | None]
    """0 for the first sentence, 1 for the second, None for an added special token."""
    token_type_ids: list[int]
    special_tokens_mask: list[int]

    def __len__(self) -> int:
        """n."""
        return len(self.tokens)


class Tokenizer:
    """bert-base-uncased's WordPiece tokenizer. Special tokens typed in a text are text."""

    def __init__(self, vocabulary: Path = VOCABULARY) -> None:
        """Read `vocabulary`, one WordPiece a line."""
        self.backend = BertTokenizer(vocab=str(vocabulary)).backend_tokenizer
        self.backend.encode_special_tokens = True

    def __call__(self, text: Text, offset_unit: OffsetUnit = "codepoint") -> Tokens:
        """Tokenize `text`; offsets count `offset_unit`s.

        Raises:
            NoTokensError: a sentence yields no token of its own.
        """
        encoding = self.backend.encode(text.sentence, text.sentence_pair, add_special_tokens=text.add_special_tokens)
        sequence_ids = encoding.sequence_ids
        if 0 not in sequence_ids:
            raise NoTokensError("sentence")
        if text.sentence_pair is not None and 1 not in sequence_ids:
            raise NoTokensError("sentence_pair")
        return Tokens(
            tokens=encoding.tokens,
            input_ids=encoding.ids,
            offsets=_offsets(encoding, text, offset_unit),
            word_ids=encoding.word_ids,
            sequence_ids=sequence_ids,
            token_type_ids=encoding.type_ids,
            special_tokens_mask=encoding.special_tokens_mask,
        )


def _offsets(encoding: Encoding, text: Text, unit: OffsetUnit) -> Sequence[Offset | None]:
    offsets: Sequence[Offset | None] = encoding.offsets
    if text.add_special_tokens:
        offsets = [
            None if added is None else offset for added, offset in zip(encoding.sequence_ids, offsets, strict=True)
        ]
    if unit == "codepoint":
        return offsets
    units = [utf16_positions(text.sentence), utf16_positions(text.sentence_pair or "")]
    return [
        offset and (units[sequence or 0][offset[0]], units[sequence or 0][offset[1]])
        for sequence, offset in zip(encoding.sequence_ids, offsets, strict=True)
    ]


def utf16_positions(text: str) -> Sequence[int]:
    """Where each code point of `text`, and its end, stands in UTF-16 code units (JavaScript's string index)."""
    return list(accumulate((2 if character > "\uffff" else 1 for character in text), initial=0))
