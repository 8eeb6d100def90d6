"""What arrives one by one, taken as many at a time as are there, and work begun ahead of what waits for it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable
from typing import TypeVar

T = TypeVar("T")

GROUP_LINES = 128
GROUP_BYTES = 64 * 1024


async def in_groups(lines: AsyncIterable[bytes]) -> AsyncGenerator[list[bytes], None]:
    """Groups of `lines`: each ends where the next line would have to be waited for, or where it is large enough.

    While a group is worked on the next one is gathered, and no more.
    """
    waiting: list[bytes] = []
    size = 0
    arrived, taken = asyncio.Event(), asyncio.Event()

    async def gather() -> None:
        nonlocal size
        async for line in lines:
            waiting.append(line)
            size += len(line)
            arrived.set()
            if len(waiting) >= GROUP_LINES or size >= GROUP_BYTES:
                taken.clear()
                await taken.wait()

    def ended(gathering: asyncio.Task[None]) -> None:
        arrived.set()
        if not gathering.cancelled():
            gathering.exception()  # seen, so that asyncio need not report it where nobody asks any more

    gathering = asyncio.create_task(gather())
    gathering.add_done_callback(ended)
    try:
        while waiting or not gathering.done():
            await arrived.wait()
            arrived.clear()
            if waiting:
                group, size = waiting.copy(), 0
                waiting.clear()
                taken.set()
                yield group
        gathering.result()  # which raises what `lines` raised
    finally:
        gathering.cancel()


async def one_ahead(items: AsyncGenerator[T, None]) -> AsyncGenerator[T, None]:
    """`items`, of which the next one is begun before one is given out: it is made while that one is worked on."""
    begun = asyncio.ensure_future(anext(items))
    try:
        while True:
            try:
                item = await begun
            except StopAsyncIteration:
                return
            begun = asyncio.ensure_future(anext(items))
            await asyncio.sleep(0)  # in which it begins
            yield item
    finally:
        begun.cancel()
        await asyncio.wait([begun])
        if not begun.cancelled():
            begun.exception()  # seen
        await items.aclose()
