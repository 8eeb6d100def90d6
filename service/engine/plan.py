"""What is asked of a model, and what will be answered: decided before any work."""

from collections.abc import Collection, Sequence
from math import prod
from typing import Literal, NamedTuple

import numpy as np
from jaxtyping import Float32

from service.engine.collecting import HEAD_TENSORS, HeadReduction, Wanted, Words
from service.engine.errors import IndexOutOfRangeError, NotOfferedError
from service.engine.shapes import Dimensions
from service.engine.synthetic import SyntheticParameters
from service.engine.tokenizer import Tokens
from service.engine.words import Word, words_of

Stack = Literal["encoder", "decoder", "cross"]
Level = Literal["token", "word"]
Indices = tuple[int, ...] | range
NOTEBOOK = SyntheticParameters()


class Question(NamedTuple):
    """What is asked about a text, beside the text itself; each kind of model takes some of it.

    It can be hashed: what it asks for is the same for many texts.
    """

    synthetic: SyntheticParameters = NOTEBOOK
    seed: int = 0
    """Of the synthetic model's draws."""
    layers: Indices | None = None
    """Negatives count from the end; None = the last."""
    heads: Indices | None = None
    """Negatives count from the end; None = all."""
    stack: Stack | None = None
    """None = the model's first."""
    level: Level = "token"
    include: tuple[str, ...] | None = None
    """None = what the model answers unasked."""
    picture: bool = False
    """Matrices are drawn: masked cells are NaN, and errors blame `layer` and `head`."""
    reduction: HeadReduction | None = None
    """Of a picture: all heads become one matrix."""


class Plan(NamedTuple):
    """What will be computed for one request."""

    question: Question
    stack: Stack
    source: Tokens
    """The sentence, which an encoder reads."""
    target: Tokens | None
    """The start token and the decoder's text, where there is a decoder."""
    wanted: Wanted
    size: Dimensions
    seconds: float
    """A rough cost."""
    threads: int | None = None
    """Of torch's, how many compute it; None = all."""

    @property
    def queries(self) -> Tokens:
        """The tokens that attend."""
        return self.source if self.target is None or self.stack == "encoder" else self.target

    @property
    def keys(self) -> Tokens:
        """The tokens that are attended to."""
        return self.target if self.target is not None and self.stack == "decoder" else self.source

    @property
    def has_decoder(self) -> bool:
        """Whether a decoder runs behind an encoder."""
        return self.target is not None and self.stack != "encoder"

    def lengths(self, stack: Stack) -> tuple[int, int]:
        """How many queries and keys a layer of `stack` sees in a run; without a target all read the source."""
        source = len(self.source)
        target = source if self.target is None else len(self.target)
        return (source, source) if stack == "encoder" else (target, target if stack == "decoder" else source)

    @property
    def bytes(self) -> int:
        """How large the tensors are that are answered."""
        return sum(4 * prod(self.size.shape(name)) for name in self.wanted.include)

    @property
    def tokens(self) -> int:
        """How many tokens an answer lists."""
        return len(self.source) + len(self.target or ())


class Attention(NamedTuple):
    """What was computed: tensors by name, float32, on the CPU.

    Per-head tensors are [layer][head][query][·]; `embedding` and the weights are matrices.
    """

    layers: Sequence[int]
    heads: Sequence[int]
    tensors: dict[str, Float32[np.ndarray, "..."]]
    words: Sequence[Word] | None = None
    """The words of the keys, where matrices are of words."""
    query_words: Sequence[Word] | None = None
    """Those of the queries, where they are others."""


POOLED = frozenset({"attentions", "statistics", "rollout", "value_weighted"})
"""What can be of words."""
DRAWN = frozenset({"embedding", *HEAD_TENSORS})
"""What can be drawn."""


def choose_include(question: Question, default: Sequence[str], offered: Collection[str]) -> Sequence[str]:
    """The names of the tensors to answer.

    Raises:
        NotOfferedError: the model does not offer one, or it cannot be of words.
    """
    is_of_words = question.level == "word"
    if question.include is None:
        return [name for name in default if name in POOLED] if is_of_words else default
    possible = frozenset(offered)
    if question.picture:
        possible &= DRAWN
    if is_of_words:
        possible &= POOLED
    for name in question.include:
        if name not in possible:
            field = "tensor" if question.picture else "include"
            choices = ", ".join(choice for choice in offered if choice in possible)
            if name in offered:
                raise NotOfferedError(field, f"{name} is of tokens: use level token, or choose from: {choices}.")
            why = _why_not_offered(name, offered)
            raise NotOfferedError(field, f"This model does not offer {name}: {why}. Choose from: {choices}.")
    return question.include


def _why_not_offered(name: str, offered: Collection[str]) -> str:
    if "scores" not in offered:
        return "it is outside transformers' attention interface, and tells its attentions alone"
    if name == "value_weighted":
        return "that needs an output projection, and none is known of this model"
    return "only synthetic models draw weights"


def choose_indices(field: str, chosen: Sequence[int] | None, count: int, default: Sequence[int]) -> Sequence[int]:
    """`chosen` counted from 0, where negatives count from the end; `default` where nothing is chosen.

    Raises:
        IndexOutOfRangeError: there are only `count`.
        NotOfferedError: one is chosen twice.
    """
    if chosen is None:
        return default
    for number in chosen:
        if not -count <= number < count:
            raise IndexOutOfRangeError(field, number, count)
    indices = [number % count for number in chosen]
    if len(set(indices)) < len(indices):
        raise NotOfferedError(field, f"{field} names one twice: -1 is {count - 1}, too. Name each once.")
    return indices


def choose_words(question: Question, queries: Tokens, keys: Tokens) -> Words | None:
    """The words that matrices are pooled to, if they are."""
    if question.level == "token":
        return None
    of_queries = words_of(queries)
    return Words(of_queries, of_queries if keys is queries else words_of(keys))
