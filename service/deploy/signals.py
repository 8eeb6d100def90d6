"""Signals that end a node."""

import signal
from typing import NoReturn

NUMBERS = (signal.SIGTERM, signal.SIGINT)


def end_on_signals() -> None:
    """Have the first SIGTERM or SIGINT raise SystemExit in the main thread, so that what is begun is ended in order."""
    for number in NUMBERS:
        signal.signal(number, _end)


def _end(number: int, frame: object) -> NoReturn:  # noqa: ARG001  # signal's
    for each in NUMBERS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(0)
