"""What is tokenized, and the tokens that it has."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Int32, Integer
from tokenizers import Encoding

from service.engine.documents import Document, Offset, Offsets

OffsetUnit = Literal["codepoint", "utf16"]

SECONDS_PER_CHARACTER = 1e-6
"""What the Rust tokenizer needs for a character of English text; measured 0.4 to 2 µs."""
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


def utf16_positions(text: str) -> Sequence[int]:
    """Where each code point of `text`, and its end, stands in UTF-16 code units (JavaScript's string index)."""
    return array("L", accumulate((2 if character > "\uffff" else 1 for character in text), initial=0))
