"""What a request may take up while it is answered, and how it makes way for others when it takes long."""

from contextlib import AbstractAsyncContextManager, nullcontext
from math import inf
from typing import Protocol

from service.api.limits import check_turn
from service.engine.engine import Engine
from service.engine.models import Model
from service.engine.plan import Plan
from service.engine.tokens import Text

LONG_SECONDS = 0.1
"""Work estimated above this takes long."""
HERE: AbstractAsyncContextManager[None] = nullcontext()
"""Where short work is done."""


class Room(Protocol):
    """The memory and the slot of one request."""

    def reserve(self, size: int) -> None:
        """Have `size` more bytes.

        Raises:
            ProblemError: there is no room for them.
        """

    def aside(self) -> AbstractAsyncContextManager[None]:
        """Be at work without a slot, which others get, and then have one again.

        Raises:
            ProblemError: too many do so already.
        """

    @property
    def seconds_left(self) -> float:
        """Until the answer must have begun."""


class Unbounded:
    """All the room that there is, for whoever is alone."""

    seconds_left = inf

    def reserve(self, _size: int) -> None:
        """Have it."""

    def aside(self) -> AbstractAsyncContextManager[None]:
        """Nobody waits."""
        return HERE


UNBOUNDED = Unbounded()


def while_tokenizing(room: Room, engine: Engine, model: Model, text: Text) -> AbstractAsyncContextManager[None]:
    """Where `text` is tokenized."""
    return HERE if text.seconds < LONG_SECONDS or engine.has_read(model, text) else room.aside()


def while_computing(room: Room, engine: Engine, plan: Plan) -> AbstractAsyncContextManager[None]:
    """Where `plan` is computed.

    Raises:
        ProblemError: it is streamed and would have its turn too late.
    """
    if not plan.wanted.streamed or plan.seconds < LONG_SECONDS:
        return HERE
    check_turn(plan.seconds, engine.worker.seconds_ahead(plan.seconds), room.seconds_left)
    return room.aside()
