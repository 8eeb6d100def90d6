"""A worker process: how it is started, what it does, and what its parent learns of it."""

import logging
import multiprocessing
import os
import signal
import socket
import threading
from multiprocessing.connection import Connection

from service.engine.errors import EngineError
from service.logs import configure_logging
from service.server import run
from service.settings import Settings

logger = logging.getLogger(__name__)

_context = multiprocessing.get_context("spawn")


class Worker:
    """One process that serves a listener; it may be replaced by another one."""

    def __init__(self, settings: Settings, listener: socket.socket, *, is_first: bool) -> None:
        """Start it. One that replaces another takes no requests from the others before it can answer them."""
        self.is_first = is_first
        self._news, news = _context.Pipe(duplex=False)
        self._process = _context.Process(target=_work, args=(settings, listener, news, is_first))
        with news:
            self._process.start()
        self.served = False
        """Whether it could answer requests before it ended. Known once it has ended, as is `failure`."""
        self.failure = ""
        """Why it cannot load what it serves, if it said so."""

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid or 0

    def has_ended(self) -> bool:
        """Whether it has; what it told is known then."""
        if self._process.is_alive():
            return False
        while not self._news.closed and self._news.poll():
            try:
                told: str | None = self._news.recv()
            except (EOFError, OSError):  # that is all, or it was killed while it told more
                break
            self.served = self.served or told is None
            self.failure = told or ""
        self._news.close()
        return True

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._process.is_alive():
            os.kill(self.pid, number)

    @property
    def end(self) -> str:
        """How it ended, in words."""
        code = self._process.exitcode
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _work(settings: Settings, listener: socket.socket, news: Connection, is_first: bool) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until somebody waits for it
    # what the parent has blocked, but for SIGINT: Ctrl-C reaches all processes of a terminal, the parent sends SIGTERM
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGINT})
    configure_logging(settings.log_level, settings.log_format)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run(settings, listener, load_first=not is_first, when_ready=lambda: news.send(None))
    except Exception as error:
        if not isinstance(error, EngineError | OSError):
            logger.exception("the worker failed")
        news.send(str(error) or type(error).__name__)
        raise SystemExit(1) from None


def _end_with_parent() -> None:
    """A parent that was killed leaves no workers behind that hold its port."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
