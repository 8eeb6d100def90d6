"""What is asked of a model, and what will be answered: decided before any work."""

from collections.abc import Sequence
from math import prod
from typing import Literal, NamedTuple

from service.engine.collecting import Array, HeadReduction, Wanted
from service.engine.shapes import Dimensions
from service.engine.synthetic import SyntheticParameters
from service.engine.tokens import Tokens
from service.engine.view import WHOLE, Sight
from service.engine.words import Word

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
    sight: Sight = WHOLE
    """Which part of the matrices is answered, and how finely."""


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
    working_bytes: int = 0
    """Memory that it takes beside the answer, where that is much."""

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
    """What was computed: tensors by name, float32 (indices int32), on the CPU.

    Per-head tensors are [layer][head][query][·]; `embedding` and the weights are matrices.
    """

    layers: Sequence[int]
    heads: Sequence[int]
    tensors: dict[str, Array]
    words: Sequence[Word] | None = None
    """The words of the keys, where matrices are of words."""
    query_words: Sequence[Word] | None = None
    """Those of the queries, where they are others."""
