"""Several worker processes on one port, and a parent that replaces those that die.

Each has a socket of its own, between which the kernel shares out connections (SO_REUSEPORT); of one socket the first
worker that wakes takes all that wait. The socket of a worker that dies goes with it, so that the others get the rest.
"""

import logging
import signal
import socket
from contextlib import closing
from multiprocessing import resource_tracker
from time import monotonic

from service.engine.errors import EngineError
from service.metrics.storage import Folder
from service.server import BACKLOG
from service.settings import Settings
from service.workers import Worker

STOPPING = {signal.SIGTERM, signal.SIGINT}
HANDLED = {*STOPPING, signal.SIGCHLD, signal.SIGHUP, signal.SIGALRM}
MOST_PAUSE = 30
"""The longest, in seconds, before a place is filled again whose workers die before they serve: 1, 2, 4 … 30."""
KILL_SECONDS = 5
"""How long after SHUTDOWN_TIMEOUT a worker may take to end."""

logger = logging.getLogger(__name__)


def supervise(settings: Settings, listener: socket.socket) -> None:
    """Run `settings.workers` processes in place of `listener`, until SIGTERM or SIGINT ends them gracefully.

    A second one ends them at once.

    Raises:
        EngineError: one of the first cannot load what it serves; the others are ended.
        OSError: there is no room for the metrics.
        SystemExit: they were ended at once, with 128 and the number of the signal, or had to be killed, with 1.
    """
    Supervisor(settings, listener).run()


class Place:
    """Where one worker is at work, or will be."""

    def __init__(self, worker: Worker) -> None:
        """Begin with `worker`."""
        self.worker: Worker | None = worker
        """None while there is a pause."""
        self.deaths = 0
        """Of workers that did not serve, one after the other."""
        self.due = 0.0
        """When the pause is over, by `time.monotonic`."""

    def leave(self, served: bool) -> int:
        """Be without a worker, which `served` or not, for so many seconds as are returned."""
        self.worker = None
        self.deaths = 0 if served else self.deaths + 1
        pause = min(MOST_PAUSE, 1 << (self.deaths - 1)) if self.deaths else 0
        self.due = monotonic() + pause
        return pause


class Supervisor:
    """The parent: it computes nothing, so that nothing but its signals can end it."""

    def __init__(self, settings: Settings, listener: socket.socket) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._family, self._address = listener.family, listener.getsockname()
        listener.close()  # it has shown that nobody else has the port, and that keeps all others from it
        self._places: list[Place] = []
        self._metrics = Folder(settings.workers)

    def run(self) -> None:
        """Start the workers, replace those that die, and end when all have ended as they were told.

        Raises:
            EngineError, SystemExit: see `supervise`.
        """
        resource_tracker.ensure_running()  # a process of multiprocessing's; to start it unblocks SIGTERM and SIGINT
        signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)  # they are waited for instead
        with closing(self._metrics), self._bind():  # nobody else gets the port while there is no worker
            self._places = [Place(self._start(is_first=True)) for _ in range(self._settings.workers)]
            try:
                self._replace_until_told()
            finally:
                self._end()

    def _replace_until_told(self) -> None:
        while (number := self._wait()) not in STOPPING:
            if number == signal.SIGHUP:
                self._tell(signal.SIGHUP)
            self._bury()
            self._fill()

    def _wait(self) -> signal.Signals:
        """The next signal; SIGALRM when a pause is over."""
        due = [place.due for place in self._places if place.worker is None]
        signal.setitimer(signal.ITIMER_REAL, max(0.001, min(due) - monotonic()) if due else 0)
        return signal.Signals(signal.sigwait(HANDLED))

    def _bury(self) -> None:
        """Find who has ended.

        Raises:
            EngineError: see `supervise`.
        """
        for place in self._places:
            worker = place.worker
            if worker is None or not worker.has_ended():
                continue
            if worker.failure and worker.is_first and not worker.served:
                raise EngineError(worker.failure)
            self._metrics.bury(worker.pid)
            pause = place.leave(worker.served)
            reason = f"{worker.end}: {worker.failure}" if worker.failure else worker.end
            when = f"in {pause} s" if pause else "now"
            logger.error("worker %s ended (%s) and is replaced %s", worker.pid, reason, when)

    def _fill(self) -> None:
        """Fill the places whose pause is over."""
        for place in self._places:
            if place.worker is None and place.due <= monotonic():
                place.worker = self._start(is_first=False)

    def _start(self, *, is_first: bool) -> Worker:
        with self._bind() as listener:
            if is_first:
                listener.listen(BACKLOG)  # who comes before it serves waits
            return Worker(self._settings, listener, is_first=is_first)

    def _bind(self) -> socket.socket:
        listener = socket.socket(self._family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if self._family == socket.AF_INET6:  # as `socket.create_server` does
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(self._address)
        return listener

    def _tell(self, number: signal.Signals) -> None:
        for place in self._places:
            if place.worker is not None:
                place.worker.tell(number)

    def _end(self) -> None:
        """End all workers gracefully, or, if that takes too long or somebody insists, at once.

        Raises:
            SystemExit: see `supervise`.
        """
        self._tell(signal.SIGTERM)
        signal.setitimer(signal.ITIMER_REAL, self._settings.shutdown_timeout + KILL_SECONDS)
        workers = [place.worker for place in self._places if place.worker is not None]
        while workers := [worker for worker in workers if not worker.has_ended()]:
            number = signal.sigwait(HANDLED)
            if number in STOPPING:
                self._tell(signal.SIGKILL)
                raise SystemExit(128 + number)
            if number == signal.SIGALRM:
                logger.error("workers did not end in time (SHUTDOWN_TIMEOUT) and are killed")
                self._tell(signal.SIGKILL)
                raise SystemExit(1)
