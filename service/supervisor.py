"""Several worker processes on one port, and a parent that replaces those that die.

Each has a socket of its own, between which the kernel shares out connections (SO_REUSEPORT); of one socket the first
worker that wakes takes all that wait. The socket of a worker that dies goes with it, so that the others get the rest.
"""

import logging
import multiprocessing
import os
import signal
import socket
import threading
from multiprocessing.context import SpawnProcess
from multiprocessing.queues import SimpleQueue

from service.engine.errors import EngineError
from service.logs import configure_logging
from service.server import BACKLOG, run
from service.settings import Settings

HANDLED = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}

logger = logging.getLogger(__name__)

_context = multiprocessing.get_context("spawn")


def supervise(settings: Settings, listener: socket.socket) -> None:
    """Run `settings.workers` processes in place of `listener`, until SIGTERM or SIGINT ends them gracefully.

    Raises:
        EngineError: one of them cannot load what it serves; the others are ended.
    """
    Supervisor(settings, listener).run()


class Supervisor:
    """The parent: it computes nothing, so that nothing but its signals can end it."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._family, self._address = listener.family, listener.getsockname()
        listener.close()  # it has shown that nobody else has the port, and that keeps all others from it
        self._reserved = self._bind()
        self._failures: SimpleQueue[str] = _context.SimpleQueue()
        self._workers: list[SpawnProcess] = []

    def run(self) -> None:
        """Start the workers, replace those that die, and end when all have ended as they were told.

        Raises:
            EngineError: see `supervise`.
        """
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)  # they are waited for instead
        self._workers = [self._start(is_first=True) for _ in range(self._settings.workers)]
        while True:
            if signal.sigwait(HANDLED) != signal.SIGCHLD:
                self._end()
                return
            for place, worker in enumerate(self._workers):
                if worker.is_alive():
                    continue
                if not self._failures.empty():
                    failure = self._failures.get()
                    self._end()
                    raise EngineError(failure)
                logger.error("worker %s ended (%s) and is replaced", worker.pid, _reason(worker.exitcode))
                self._workers[place] = self._start(is_first=False)

    def _start(self, *, is_first: bool) -> SpawnProcess:
        with self._bind() as listener:
            if is_first:
                listener.listen(BACKLOG)  # who comes before it serves waits
            worker = _context.Process(target=_work, args=(self._settings, listener, self._failures, is_first))
            worker.start()
        return worker

    def _bind(self) -> socket.socket:
        listener = socket.socket(self._family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self._family == socket.AF_INET6:  # as `socket.create_server` does
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(self._address)
        return listener

    def _end(self) -> None:
        self._reserved.close()
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            worker.join()


def _work(settings: Settings, listener: socket.socket, failures: "SimpleQueue[str]", is_first: bool) -> None:
    """A worker process. One that replaces another takes no requests from the others before it can answer them."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)
    configure_logging(settings.log_level, settings.log_format)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        run(settings, listener, load_first=not is_first)
    except Exception as error:
        if not isinstance(error, EngineError | OSError):
            logger.exception("the worker failed")
        failures.put(str(error) or type(error).__name__)
        raise SystemExit(1) from None


def _end_with_parent() -> None:
    """A parent that was killed leaves no workers behind that hold its port."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _reason(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        return signal.Signals(-exitcode).name
    return f"exit code {exitcode}"
