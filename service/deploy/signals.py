"""Signals that end a node."""

import signal
from typing import NoReturn


def end_on_signals() -> None:
    """Have SIGTERM and SIGINT raise SystemExit in the main thread, so that what is begun is ended in order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:  # noqa: ARG001  # signal's
    raise SystemExit(0)
