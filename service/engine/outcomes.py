"""Work on many things, of which some fail: an error stands in the place of its result, and harms no other."""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

K = TypeVar("K")
T = TypeVar("T")
R = TypeVar("R")


def each(function: Callable[[T], R], items: Sequence[T | Exception]) -> list[R | Exception]:
    """`function` of every item; what was an error stays it, and what it raises becomes one."""
    return [item if isinstance(item, Exception) else _attempt(function, item) for item in items]


def _attempt(function: Callable[[T], R], item: T) -> R | Exception:
    """In a frame of its own: a traceback that led to the list its error stands in would keep both for the collector.

    It stops the event loop for tens of milliseconds to look for thousands of them.
    """
    try:
        return function(item)
    except Exception as error:
        return error


async def outcome(awaited: Awaitable[T]) -> T | Exception:
    """The result of `awaited`, or the error that it raises."""
    try:
        return await awaited
    except Exception as error:
        return error


def result(outcome: T | Exception) -> T:
    """What became of one of many, for those who expect no failure.

    Raises:
        Exception: the one that stands in its place.
    """
    if not isinstance(outcome, Exception):
        return outcome
    try:
        raise outcome
    finally:
        del outcome  # its traceback leads here


def parts(items: Iterable[T], size: Callable[[T], float], most: float) -> Iterator[list[T]]:
    """Runs of `items` whose sizes are together `most` at most; one always goes."""
    part: list[T] = []
    total = 0.0
    for item in items:
        more = size(item)
        if part and total + more > most:
            yield part
            part, total = [], 0.0
        part.append(item)
        total += more
    if part:
        yield part


def places_by(keys: Iterable[K]) -> dict[K, list[int]]:
    """Where each of `keys` stands: what has one of them is worked on together."""
    places: defaultdict[K, list[int]] = defaultdict(list)
    for place, key in enumerate(keys):
        places[key].append(place)
    return dict(places)
