"""SIGTERM under load: what was accepted is answered, all of it."""

import asyncio
import signal

import httpx
import pytest

from tests.benchmarks.client import Connection, post
from tests.conftest import START_SECONDS, serving

pytestmark = pytest.mark.slow

REQUESTS = 1000


async def test_sigterm_loses_none_of_a_thousand_accepted_requests() -> None:
    with serving("--max-queued-requests", str(REQUESTS)) as server:
        connections = [Connection(server.url) for _ in range(REQUESTS)]
        fields = {"sentence": "attention " * 100, "num_heads": 4}
        answers = [asyncio.ensure_future(each.ask(post("/attention", fields))) for each in connections]
        async with httpx.AsyncClient(base_url=server.url) as client:
            while await _accepted(client) < REQUESTS:
                pass
        is_early = not all(answer.done() for answer in answers)
        server.process.send_signal(signal.SIGTERM)
        statuses = [status for status, _ in await asyncio.gather(*answers)]
        for connection in connections:
            connection.close()
        assert server.process.wait(START_SECONDS) == 0
    assert is_early, "all were answered before the signal"
    assert statuses == [200] * REQUESTS


async def _accepted(client: httpx.AsyncClient) -> int:
    """How many requests to /attention the service has read the headers of."""
    names = ('attention_requests_total{endpoint="/attention"', "attention_requests_in_flight ")
    lines = (await client.get("/metrics")).text.splitlines()
    return sum(int(float(line.split()[-1])) for line in lines if line.startswith(names))
