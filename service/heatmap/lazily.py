"""Sequences whose items are made when they are looked at: of a hundred thousand labels a picture shows some dozens."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar, overload

T = TypeVar("T")
S = TypeVar("S")


class Lazily(Sequence[T], Generic[S, T]):
    """What `make` makes of each of `items`."""

    def __init__(self, make: Callable[[S], T], items: Sequence[S]) -> None:
        """Make nothing yet."""
        self._make = make
        self._items = items

    def __len__(self) -> int:
        """How many there are."""
        return len(self._items)

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> list[T]: ...

    def __getitem__(self, place: int | slice) -> T | list[T]:
        """One, or those of a slice."""
        if isinstance(place, slice):
            return [self._make(item) for item in self._items[place]]
        return self._make(self._items[place])
