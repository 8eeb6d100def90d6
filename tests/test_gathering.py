"""What is written little by little leaves at once, in order, and before the connection is closed."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from service.gathering import HELD_BYTES, GatheringTransport


class Ends:
    """A transport and the socket at its other end."""

    def __init__(self, transport: asyncio.Transport, other: socket.socket) -> None:
        self.gathering = GatheringTransport(transport)
        self.other = other

    def received(self) -> bytes:
        """What has arrived by now."""
        try:
            return self.other.recv(1_000_000)
        except BlockingIOError:
            return b""


@pytest.fixture
async def ends() -> AsyncIterator[Ends]:
    ours, other = socket.socketpair()
    other.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
    yield Ends(transport, other)
    transport.abort()
    other.close()


async def test_a_head_waits_for_its_body(ends: Ends) -> None:
    ends.gathering.write(b"head ")
    assert ends.received() == b""
    ends.gathering.write(b"body")
    assert ends.received() == b"head body"


async def test_a_head_alone_leaves_when_the_turn_ends(ends: Ends) -> None:
    ends.gathering.write(b"head")
    await asyncio.sleep(0)
    assert ends.received() == b"head"


async def test_what_is_large_waits_for_nothing(ends: Ends) -> None:
    ends.gathering.write(b"x" * (HELD_BYTES + 1))
    assert len(ends.received()) == HELD_BYTES + 1


async def test_what_was_held_leaves_before_what_is_large(ends: Ends) -> None:
    ends.gathering.write(b"head ")
    ends.gathering.write(b"x" * (HELD_BYTES + 1))
    assert ends.received().startswith(b"head x")


async def test_nothing_is_lost_by_closing(ends: Ends) -> None:
    ends.gathering.write(b"last")
    ends.gathering.close()
    assert ends.received() == b"last"


async def test_the_writing_side_closes_after_what_was_written(ends: Ends) -> None:
    ends.gathering.write(b"last")
    ends.gathering.write_eof()
    assert ends.received() == b"last"


async def test_what_is_held_counts_as_written(ends: Ends) -> None:
    ends.gathering.write(b"head")
    assert (ends.gathering.get_write_buffer_size(), ends.received()) == (0, b"head")


async def test_aborting_drops_what_is_held(ends: Ends) -> None:
    ends.gathering.write(b"head")
    ends.gathering.abort()
    await asyncio.sleep(0)
    assert ends.received() == b""
