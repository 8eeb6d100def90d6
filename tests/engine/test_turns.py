"""Of those that take long, who has the least left to do goes on."""

import asyncio

import pytest

from service.engine.turns import Turns


async def wait_for(turns: Turns, name: str, left: float, log: list[str]) -> None:
    async with turns.take(left):
        log.append(name)
        await asyncio.sleep(0)


async def test_who_has_the_least_left_goes_first() -> None:
    turns, log = Turns(), list[str]()
    asked = {"first": 9.0, "long": 5.0, "short": 1.0, "middle": 3.0}
    await asyncio.gather(*(wait_for(turns, name, left, log) for name, left in asked.items()))
    assert log == ["first", "short", "middle", "long"]


async def test_of_those_that_are_as_long_who_came_first_goes_first() -> None:
    turns, log = Turns(), list[str]()
    await asyncio.gather(*(wait_for(turns, name, 1.0, log) for name in "abcd"))
    assert log == [*"abcd"]


async def test_there_is_one_turn_at_a_time() -> None:
    turns, at_once = Turns(), list[int]()
    taken = 0

    async def work() -> None:
        nonlocal taken
        for left in range(3):
            async with turns.take(left):
                taken += 1
                at_once.append(taken)
                await asyncio.sleep(0)
                taken -= 1

    await asyncio.gather(*(work() for _ in range(5)))
    assert set(at_once) == {1}


async def test_who_fails_or_goes_away_passes_the_turn_on() -> None:
    turns, log, tasks = Turns(), list[str](), list[asyncio.Task[None]]()

    async def fail() -> None:
        async with turns.take(0):
            asyncio.create_task(wait_for(turns, "gone", 0, log)).cancel()
            tasks.append(asyncio.create_task(wait_for(turns, "told to go when its turn had come", 0.5, log)))
            tasks.append(asyncio.create_task(wait_for(turns, "waiting", 1, log)))
            await asyncio.sleep(0)
            raise LookupError

    with pytest.raises(LookupError):
        await fail()
    told, waiting = tasks
    told.cancel()
    await waiting
    assert log == ["waiting"]


async def test_who_has_the_least_left_keeps_its_turn_until_it_ends() -> None:
    turns, log = Turns(), list[str]()

    async def work(name: str, left: int) -> None:
        while left:
            async with turns.take(left):
                log.append(name)
                await asyncio.sleep(0)
            left -= 1

    await asyncio.gather(work("long", 6), work("short", 3), work("middle", 4))
    assert "".join(name[0] for name in log) == "l" + "sss" + "mmmm" + "lllll"


async def test_ahead_are_those_that_have_as_much_left_or_less() -> None:
    turns, log, done = Turns(), list[str](), list[asyncio.Task[None]]()
    assert turns.ahead(9) == 0
    async with turns.take(4):
        assert (turns.ahead(5), turns.ahead(4), turns.ahead(3)) == (4, 4, 0)
        done += [asyncio.create_task(wait_for(turns, "waiting", left, log)) for left in (2, 3, 7)]
        gone = asyncio.create_task(wait_for(turns, "gone", 1, log))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wait([gone])
        with turns.expecting(1):
            assert (turns.ahead(8), turns.ahead(3), turns.ahead(1)) == (17, 6, 1)
    await asyncio.gather(*done)
    assert turns.ahead(9) == 0


async def test_who_goes_leaves_nothing_behind() -> None:
    turns, log = Turns(), list[str]()
    async with turns.take(0):
        gone = [asyncio.create_task(wait_for(turns, "gone", left, log)) for left in range(9)]
        await asyncio.sleep(0)
        for each in gone:
            each.cancel()
        await asyncio.wait(gone)
        assert turns.waiting == 0
