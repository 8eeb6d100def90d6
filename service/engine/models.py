"""What the engine asks of a model, whatever its kind."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from service.engine.collecting import Collector
from service.engine.plan import Plan, Question, Stack
from service.engine.tokenizer import Tokenizer
from service.engine.tokens import Tokens
from service.engine.worker import Timings

Kind = Literal["synthetic", "pretrained"]


@dataclass(frozen=True, slots=True)
class Facts:
    """What a model is and offers."""

    kind: Kind
    stacks: Mapping[Stack, int]
    """Its stacks and how many layers each has; the first is the default."""
    heads: int | None
    """None = the request decides."""
    tensors: Sequence[str]
    """The names that `include` takes."""
    default_include: Sequence[str]
    max_tokens: int
    """The most tokens of a text whose matrices are wanted as a whole."""
    max_stream_tokens: int
    """The most of any text: a part of its matrices, bins or the strongest keys can be had, and pictures."""
    adds_special_tokens: bool
    """Whether special tokens are added where a request does not say."""
    dtype: str
    tolerance: float
    """Largest difference between two answers to one request; 0 = equal to the last bit."""
    tokenizer: str
    """Where its vocabulary comes from."""
    num_key_value_heads: int | None = None
    """None = as many as heads."""
    widths: Mapping[str, int] | None = None
    """d_model, d_k and d_v; None = the request decides."""
    architecture: str | None = None
    """The class in transformers."""
    revision: str | None = None
    license: str | None = None

    @property
    def default_stack(self) -> Stack:
        """The stack that is meant where a request names none."""
        return next(iter(self.stacks))


class Batching(NamedTuple):
    """How requests share a run of the model."""

    mode: Literal["throughput", "exact"] = "throughput"
    max_tokens: int = 8192
    ran: Callable[[int, int], None] = lambda _texts, _tokens: None
    """Told of each run: how many texts, and tokens with padding."""


@runtime_checkable
class Model(Protocol):
    """A model that texts can be asked about."""

    facts: Facts
    tokenizer: Tokenizer

    def target(self, tokens: Tokens) -> Tokens:
        """What the decoder of an encoder-decoder reads: its start token, then `tokens`.

        Raises:
            NotOfferedError: it is none.
        """

    def plan(self, source: Tokens, target: Tokens | None, question: Question) -> Plan:
        """Decide what to compute.

        Raises:
            RequestError: the model cannot answer that.
        """

    async def compute(self, plan: Plan, timings: Timings) -> Collector:
        """Compute what `plan` wants."""

    async def compute_all(self, plans: Sequence[Plan], timings: Timings) -> list[Collector | Exception]:
        """Compute what many plans want, each as if it were alone, or why that failed."""
