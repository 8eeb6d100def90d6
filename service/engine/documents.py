"""Long texts to tokens, piece by piece: in linear time, and in short steps.

A piece ends before whitespace. That is for tokenizers of BERT's kind alone, which split there first, and of which no
rule looks at what is on both sides of it.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from typing import overload

import numpy as np
from jaxtyping import Int32
from tokenizers import Encoding
from tokenizers import Tokenizer as Backend
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

PIECE_CHARACTERS = 8192
PIECES_AT_ONCE = 8
"""They share the cores."""

BLANK = re.compile(r"[ \n]")

Offset = tuple[int, int]


def can_be_divided(backend: Backend) -> bool:
    """Whether a text's tokens are those of its pieces: of an added token that is not special a part could be cut."""
    is_bert = isinstance(backend.normalizer, BertNormalizer) and isinstance(backend.pre_tokenizer, BertPreTokenizer)
    return is_bert and all(token.special for token in backend.get_added_tokens_decoder().values())


def pieces(text: str) -> Iterator[str]:
    """`text` in pieces, of which each but the first begins with whitespace."""
    start = 0
    while start < len(text):
        blank = BLANK.search(text, start + PIECE_CHARACTERS)
        end = blank.start() if blank else len(text)
        yield text[start:end]
        start = end


class Offsets(Sequence[Offset]):
    """Where tokens stand: [start, end) each, in an array instead of a hundred thousand tuples."""

    def __init__(self, array: Int32[np.ndarray, "n 2"]) -> None:
        """Those in `array`."""
        self.array = array

    def __len__(self) -> int:
        """n."""
        return len(self.array)

    @overload
    def __getitem__(self, place: int) -> Offset: ...
    @overload
    def __getitem__(self, place: slice) -> "Offsets": ...

    def __getitem__(self, place: int | slice) -> "Offset | Offsets":
        """One, or those of a slice."""
        if isinstance(place, slice):
            return Offsets(self.array[place])
        start, end = self.array[place].tolist()
        return start, end


class Document:
    """The tokens of a long text, as far as they have been read."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self.count = 0
        self._input_ids: list[Int32[np.ndarray, " m"]] = []
        self._offsets: list[Int32[np.ndarray, "m 2"]] = []
        self._word_ids: list[Int32[np.ndarray, " m"]] = []
        self._characters = self._words = 0

    @property
    def input_ids(self) -> Int32[np.ndarray, " n"]:
        """The tokens' ids; as a list they would take nine times the memory."""
        return np.concatenate(self._input_ids)

    @property
    def offsets(self) -> Offsets:
        """Where the tokens stand in the whole text, in code points."""
        return Offsets(np.concatenate(self._offsets))

    @property
    def word_ids(self) -> list[int | None]:
        """Which word of the text each token belongs to."""
        found: list[int | None] = np.concatenate(self._word_ids).tolist()
        return found

    @property
    def type_ids(self) -> list[int]:
        """BERT's segments: there is but one."""
        return [0] * self.count

    def add(self, piece: str, encoding: Encoding, most: int) -> None:
        """Read a piece's tokens; of more than `most` together only the count."""
        self.count += len(encoding)
        if len(encoding) and self.count <= most:
            words = np.array(encoding.word_ids, np.int32) + self._words
            self._input_ids.append(np.array(encoding.ids, np.int32))
            self._offsets.append(np.array(encoding.offsets, np.int32) + self._characters)
            self._word_ids.append(words)
            self._words = int(words[-1]) + 1
        self._characters += len(piece)


def read(backend: Backend, text: str, most: int) -> Generator[None, None, Document]:
    """The tokens of `text`, in short steps; of more than `most` only the count."""
    document = Document()
    batch: list[str] = []
    for piece in pieces(text):
        batch.append(piece)
        if len(batch) == PIECES_AT_ONCE:
            _read_all(backend, batch, document, most)
            batch.clear()
            yield
    _read_all(backend, batch, document, most)
    return document


def _read_all(backend: Backend, batch: Sequence[str], document: Document, most: int) -> None:
    for piece, encoding in zip(batch, backend.encode_batch(batch, add_special_tokens=False), strict=True):
        document.add(piece, encoding, most)
