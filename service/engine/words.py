"""Words out of tokens: a maximal run of tokens of one sentence with no whitespace between them.

Tokenizers' own word ids cannot be used: they restart for the second sentence, and some call a whole sentence one word.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from service.engine.tokenizer import Offset, Tokens


class Word(NamedTuple):
    """A word, or an added special token, which has no place in a sentence."""

    text: str
    start: int | None
    """Where it starts in its sentence, in code points."""
    end: int | None
    token_indices: list[int]


def words_of(tokens: Tokens) -> list[Word]:
    """The words of a text, in order. Each token is part of exactly one."""
    words: list[Word] = []
    previous: tuple[int | None, int] | None = None
    for index, (sequence, offset) in enumerate(zip(tokens.sequence_ids, tokens.offsets, strict=True)):
        if offset is None:
            words.append(Word(tokens.tokens[index], None, None, [index]))
            previous = None
            continue
        sentence = tokens.sentences[sequence or 0]
        start, end = trim(sentence, offset)
        if previous is not None and previous[0] == sequence and _continues(sentence, previous[1], start, end):
            first = words.pop()
            begin = min(first.start or 0, start)
            reach = max(first.end or 0, end)
            words.append(Word(sentence[begin:reach], begin, reach, [*first.token_indices, index]))
        else:
            words.append(Word(sentence[start:end], start, end, [index]))
        previous = (sequence, words[-1].end or end) if start < end else None
    return words


def trim(sentence: str, offset: Offset) -> Offset:
    """`offset` without the whitespace at its ends, which byte-level tokenizers count as part of a token."""
    text = sentence[offset[0] : offset[1]]
    start = offset[0] + len(text) - len(text.lstrip())
    return start, max(start, offset[1] - (len(text) - len(text.rstrip())))


def _continues(sentence: str, reached: int, start: int, end: int) -> bool:
    """Whether a token at [start, end) goes on with a word that has `reached` so far."""
    return start < end and not any(character.isspace() for character in sentence[reached:start])


def pool_words(
    matrices: Float[Tensor, "h n m"], queries: Sequence[Word], keys: Sequence[Word]
) -> Float[Tensor, "h query_words key_words"]:
    """Matrices of tokens as ones of words: summed over a word's key pieces, averaged over its query pieces."""
    summed = matrices.new_zeros(*matrices.shape[:2], len(keys)).index_add_(2, _word_ids(keys, matrices), matrices)
    pooled = matrices.new_zeros(matrices.shape[0], len(queries), len(keys))
    pooled.index_add_(1, _word_ids(queries, matrices), summed)
    counts = torch.tensor([len(word.token_indices) for word in queries], dtype=matrices.dtype, device=matrices.device)
    return pooled / counts[:, None]


def _word_ids(words: Sequence[Word], like: Tensor) -> Tensor:
    pairs = [(index, number) for number, word in enumerate(words) for index in word.token_indices]
    return torch.tensor([number for _, number in sorted(pairs)], device=like.device)
