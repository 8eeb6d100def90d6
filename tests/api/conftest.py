"""A service with low limits."""

from collections.abc import AsyncIterator

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from tests.conftest import running


@pytest.fixture(scope="session")
async def small() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service with low limits."""
    limits = Settings(max_tokens=20, max_stream_tokens=20, max_body_bytes=1024, max_response_bytes=20_000)
    async with running(create_app(limits)) as client:
        yield client
