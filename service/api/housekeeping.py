"""What is done beside the requests, ten times a second, on the event loop."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import NoReturn

INTERVAL_SECONDS = 0.1

logger = logging.getLogger(__name__)


async def keep_house(chores: Iterable[Callable[[], None]]) -> NoReturn:
    """Do the `chores` again and again; one that fails is logged, and harms no other."""
    while True:
        for chore in chores:
            try:
                chore()
            except Exception:
                logger.exception("a chore failed")
        await asyncio.sleep(INTERVAL_SECONDS)
