"""Answers are sent in pieces, between which the event loop looks after others."""

import asyncio

from starlette.types import Message

from service.api.responses import PIECE_BYTES, TURN_PIECES, send_pieces


async def test_others_have_their_turn_while_a_large_answer_goes_to_a_fast_reader() -> None:
    sent: list[int] = []
    seen: list[int] = []

    async def send(message: Message) -> None:
        sent.append(len(message["body"]))

    async def other() -> None:
        while len(sent) < 4 * TURN_PIECES:
            seen.append(len(sent))
            await asyncio.sleep(0)

    waiting = asyncio.create_task(other())
    await send_pieces([bytes(4 * TURN_PIECES * PIECE_BYTES)], send)
    await waiting
    assert len(set(seen)) > 2
