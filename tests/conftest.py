"""What most tests share: one app in this process, one real server beside it, sentences of every script."""

import asyncio
import inspect
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import settings as hypothesis_settings

from service.app import create_app
from service.settings import Settings

hypothesis_settings.register_profile("service", deadline=None, print_blob=True)
hypothesis_settings.load_profile("service")

START_SECONDS = 60
MOST_PROCESSES = 4
"""Torch in each computes on all cores."""
T = TypeVar("T")


OF_THIS_PROCESS = {"app", "caplog", "monkeypatch", "tmp_path"}
"""Fixtures of tests that look behind the contract, or change what is there."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--url", help="with -m contract: ask the service at this address, not one in this process")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Several for all that runs by default; a file needs no other, and what is slow, or drives a browser, is alone."""
    is_all = config.args_source is pytest.Config.ArgsSource.TESTPATHS and "not slow" in config.option.markexpr
    return min(MOST_PROCESSES, os.cpu_count() or 1) if is_all else 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as `contract` whatever asks a client and nothing else: any service must answer it like this one."""
    for item in items:
        asked = set(inspect.signature(item.function).parameters) if isinstance(item, pytest.Function) else set()
        if "client" in asked and not asked & OF_THIS_PROCESS:
            item.add_marker("contract")


@dataclass(frozen=True)
class Server:
    """A real server process, its address and the file it logs to."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of `app`, whose lifespan is entered and whose models are loaded."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test") as client,
    ):
        async with asyncio.timeout(START_SECONDS):
            while (await client.get("/readyz")).is_error:
                if app.state.loader.failure:
                    raise app.state.loader.failure
                await asyncio.sleep(0.02)
        yield client


@pytest.fixture(scope="session")
async def app() -> FastAPI:
    return create_app(Settings(device="cpu"))


@pytest.fixture(scope="session")
async def client(app: FastAPI, pytestconfig: pytest.Config) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the app with default settings, or of the service at `--url`."""
    url = pytestconfig.getoption("url")
    async with running(app) if url is None else httpx.AsyncClient(base_url=url, timeout=START_SECONDS) as client:
        yield client


@contextmanager
def serving(*flags: str, environment: dict[str, str] | None = None) -> Iterator[Server]:
    """A real server process that is ready, and its address."""
    with tempfile.NamedTemporaryFile("r") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "serve", "--port", "0", *flags],
            env=os.environ | (environment or {}),
            stderr=log.fileno(),
        )
        log_path = Path(log.name)
        try:
            url = poll(lambda: _logged_address(log_path), process)
            poll(lambda: is_ready(url), process)
            yield Server(url, process, log_path)
        finally:
            process.terminate()
            process.wait(timeout=START_SECONDS)


def poll(condition: Callable[[], T], process: subprocess.Popen[bytes] | None = None) -> T:
    """Wait until `condition` is truthy while `process`, if there is one, lives."""
    deadline = time.monotonic() + START_SECONDS
    while not (value := condition()):
        assert process is None or process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.02)
    return value


def is_ready(url: str) -> bool:
    """Whether the server at `url` says so; one that only starts, or is busy, may not answer at all."""
    try:
        return httpx.get(f"{url}/readyz").is_success
    except httpx.TransportError:
        return False


def _logged_address(log: Path) -> str:
    return next((line.split()[-1] for line in log.read_text().splitlines() if "listening on" in line), "")


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    """The address of a real server process with default settings."""
    with serving() as server:
        yield server.url
