"""How a request makes way before work begins that may take seconds: short ones shall not wait for it."""

from collections.abc import Callable
from contextvars import ContextVar


def stay() -> None:
    """Hold no place that others wait for."""


step_aside: ContextVar[Callable[[], None]] = ContextVar("step_aside", default=stay)
"""What the request at hand does first; it may be called again and again, and raise an error where too many do so."""
