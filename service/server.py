"""uvicorn, ending as operators expect."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI

from service import arenas
from service.api.admission import Admission
from service.api.keys import Keys
from service.app import create_app
from service.connection import Connection
from service.limited import LimitedConfig
from service.loader import Loader
from service.settings import Settings
from service.watchdog import Watchdog

logger = logging.getLogger(__name__)

BACKLOG = 2048
"""Connections that wait to be taken."""
CLOSE_SECONDS = 2
"""How long connections may take to close once all is answered."""
LOOK_SECONDS = 0.05


def bind(host: str, port: int) -> socket.socket:
    """A socket that listens on `host` and `port`.

    Raises:
        OSError: the port is taken, or the address is not this machine's; the text says which.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        number = getattr(error, "errno", None) or 0  # those of names that cannot be resolved are negative
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or "no such host"
        raise OSError(f"cannot listen on {host}:{port}: {reason}. Choose another host or port.") from error


def run(
    settings: Settings,
    listener: socket.socket,
    *,
    load_first: bool = False,
    when_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve `listener` from this process until a signal ends it; with `load_first` answer nothing before all is loaded.

    Once it is, `when_ready` is called.

    Raises:
        EngineError, OSError: what is served cannot be loaded.
    """
    arenas.share()
    app = create_app(settings, load_first=load_first, when_ready=when_ready)
    config = LimitedConfig(
        settings,
        app.state.admission,
        app=app,
        http=Connection,
        log_config=None,
        access_log=False,  # it would hold the query string, and so the sentence
        server_header=False,
        proxy_headers=settings.forwarded_allow_ips is not None,
        forwarded_allow_ips=settings.forwarded_allow_ips,
        root_path=settings.root_path or "",
        ws="none",  # there are no WebSockets here to guard
        timeout_graceful_shutdown=CLOSE_SECONDS,
    )
    server = Server(config, app, settings)
    server.run(sockets=[listener])
    if server.force_exit:  # what is still being computed would be waited for
        logging.shutdown()
        os._exit(0)
    if app.state.loader.failure is not None:
        raise app.state.loader.failure


class Server(uvicorn.Server):
    """A uvicorn server that exits 0 after a graceful shutdown, and ends when the models cannot be loaded."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, settings: Settings) -> None:
        """Serve `app`."""
        super().__init__(config)
        self._loader: Loader = app.state.loader
        self._keys: Keys = app.state.keys
        self._admission: Admission = app.state.admission
        self._settings = settings

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve under the eyes of a watchdog."""
        with Watchdog(self._settings.stall_timeout, asyncio.get_running_loop(), self._loader.computing_since):
            await super().serve(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Shut down gracefully on SIGTERM and SIGINT; uvicorn's own way ends by the signal instead of with 0."""
        loop = asyncio.get_running_loop()
        handlers: dict[int, Any] = dict.fromkeys((signal.SIGTERM, signal.SIGINT), self.handle_exit)
        handlers[signal.SIGHUP] = lambda *_: loop.call_soon_threadsafe(self._keys.refresh)
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to shut down; a second signal ends the process at once, unless its parent does that."""
        if self.should_exit and multiprocessing.parent_process() is None:
            os._exit(128 + sig)
        super().handle_exit(sig, frame)
        self.force_exit = False  # which uvicorn sets where SIGINT comes again

    async def on_tick(self, counter: int) -> bool:
        """Whether to end; uvicorn asks ten times a second."""
        if counter % 10 == 0:
            self._check_connections()
        return await super().on_tick(counter) or self._loader.failure is not None

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what was accepted while others are told to come back, and only then close the port."""
        self._admission.draining.set()
        for connection in self._connections():
            connection.drain()
        try:
            async with asyncio.timeout(self._settings.shutdown_timeout):
                while any(connection.is_busy for connection in self._connections()):
                    await asyncio.sleep(LOOK_SECONDS)
                    self._check_connections()
        except TimeoutError:
            logger.warning("requests are still at work after %s s and are given up", self._settings.shutdown_timeout)
            for connection in self._connections():
                connection.give_up()
            await asyncio.sleep(LOOK_SECONDS)
            self.force_exit = True
        await super().shutdown(sockets)

    def _check_connections(self) -> None:
        now = asyncio.get_running_loop().time()
        for connection in self._connections():
            connection.check(now)

    def _connections(self) -> list[Connection]:
        return cast("list[Connection]", list(self.server_state.connections))
