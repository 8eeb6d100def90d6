"""Threads that compute the blocks of a long text side by side."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch

T = TypeVar("T")
R = TypeVar("R")


class Crew:
    """So many threads, each of which computes alone.

    torch's threads share an operation, and after each all wait for the slowest: where others keep a core busy too, that
    took ten to thirty times as long, measured. Blocks need no waiting, and each stays in the caches of one core.
    """

    def __init__(self, size: int, is_alone: Callable[[], bool] = lambda: True) -> None:
        """Start no thread yet. Where others are served beside, so that the crew `is_alone` no more, one core is theirs.

        How many of torch's threads a thread has is its own, but new ones begin with what was set last anywhere: who
        computes in a new one sets it, as `Worker` does.
        """
        self._size = size
        self._is_alone = is_alone
        self._pool = ThreadPoolExecutor(size, "crew", _begin)

    def run(self, work: Callable[[T], R], items: Iterable[T]) -> Generator[R, None, None]:
        """What `work` makes of each of `items`, in their order; to close this waits for what is at work."""
        at_work: deque[Future[R]] = deque()
        try:
            for item in items:
                while len(at_work) >= self._most:
                    yield at_work.popleft().result()
                at_work.append(self._pool.submit(_infer, work, item))
            while at_work:
                yield at_work.popleft().result()
        finally:
            for left in at_work:
                left.cancel()
            wait(at_work)

    @property
    def _most(self) -> int:
        """How many items may be at work; one more than there are threads, so that none is without."""
        return self._size + 1 if self._is_alone() else max(1, self._size - 1)

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def _begin() -> None:
    torch.set_num_threads(1)


def _infer(work: Callable[[T], R], item: T) -> R:
    """In torch's inference mode, in which what another thread has made in that mode can be written to."""
    with torch.inference_mode():
        return work(item)
