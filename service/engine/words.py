"""Words out of tokens: a maximal run of tokens of one sentence with no whitespace between them.

Tokenizers' own word ids cannot be used: they restart for the second sentence, and some call a whole sentence one word.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from service.engine.documents import Offset
from service.engine.tokens import Tokens

SECONDS_PER_WORD = 3e-6
"""What finding a word costs; measured."""


class Word(NamedTuple):
    """A word, or an added special token, which has no place in a sentence."""

    text: str
    start: int | None
    """Where it starts in its sentence, in code points."""
    end: int | None
    token_indices: list[int]


def words_of(tokens: Tokens) -> list[Word]:
    """The words of a text, in order. Each token is part of exactly one.

    Tokens that are nothing but whitespace belong to the word behind them, or to the last word of their sentence.
    """
    words: list[Word] = []
    ends = [len(sentence.rstrip()) for sentence in tokens.sentences]
    open_in: int | None = None
    """The sentence whose last word may go on."""
    for index, (sequence, offset) in enumerate(zip(tokens.sequence_ids, tokens.offsets, strict=True)):
        if offset is None or sequence is None:
            words.append(Word(tokens.tokens[index], None, None, [index]))
            open_in = None
            continue
        sentence = tokens.sentences[sequence]
        piece = Word("", *trim(sentence, offset), [index])
        if open_in == sequence and _belong_together(words[-1], piece, sentence, ends[sequence]):
            piece = _joined(words.pop(), piece)
        words.append(piece._replace(text=sentence[piece.start : piece.end]))
        open_in = sequence
    return words


def _belong_together(word: Word, piece: Word, sentence: str, end: int) -> bool:
    """Whether no whitespace is between them, or one of them is nothing else: in front, or behind the text's `end`."""
    is_last = piece.start == piece.end and (piece.end or 0) >= end
    return not word.text or is_last or not any(map(str.isspace, sentence[word.end : piece.start]))


def _joined(word: Word, piece: Word) -> Word:
    places = [part for part in (word, piece) if part.start != part.end] or [piece]
    start, end = min(part.start or 0 for part in places), max(part.end or 0 for part in places)
    return Word("", start, end, [*word.token_indices, *piece.token_indices])


def trim(sentence: str, offset: Offset) -> Offset:
    """`offset` without the whitespace at its ends, which byte-level tokenizers count as part of a token."""
    text = sentence[offset[0] : offset[1]]
    start = offset[0] + len(text) - len(text.lstrip())
    return start, max(start, offset[0] + len(text.rstrip()))


def pool_words(
    matrices: Float[Tensor, "h n m"], queries: Sequence[Word], keys: Sequence[Word]
) -> Float[Tensor, "h query_words key_words"]:
    """Matrices of tokens as ones of words: summed over a word's key pieces, averaged over its query pieces."""
    summed = matrices.new_zeros(*matrices.shape[:2], len(keys)).index_add_(2, _word_ids(keys, matrices), matrices)
    return pool_queries(summed, queries)


def pool_queries(rows: Float[Tensor, "h n *columns"], queries: Sequence[Word]) -> Float[Tensor, "h words *columns"]:
    """Rows of tokens as ones of words: averaged over a word's pieces."""
    pooled = rows.new_zeros(rows.shape[0], len(queries), *rows.shape[2:])
    pooled.index_add_(1, _word_ids(queries, rows), rows)
    counts = torch.tensor([len(word.token_indices) for word in queries], dtype=rows.dtype, device=rows.device)
    return pooled / counts.reshape(-1, *[1] * (rows.ndim - 2))


def _word_ids(words: Sequence[Word], like: Tensor) -> Tensor:
    pairs = [(index, number) for number, word in enumerate(words) for index in word.token_indices]
    return torch.tensor([number for _, number in sorted(pairs)], device=like.device)
