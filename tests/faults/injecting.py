"""A real server process in which a fault can be brought about: see `site/sitecustomize.py`."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import START_SECONDS, Server, serving

SITE = Path(__file__).parent / "site"
STALL_SECONDS = 5
"""So long that no process which loads torch on a busy machine is taken for one that stands still."""


@contextmanager
def serving_with(fault: str, *flags: str) -> Iterator[Server]:
    """A server that is ready, in whose processes SIGUSR1 brings about `fault`."""
    paths = [str(SITE), os.environ.get("PYTHONPATH", str(Path(__file__).parents[2]))]
    environment = {"FAULT": fault, "PYTHONPATH": os.pathsep.join(paths)}
    with serving("--stall-timeout", str(STALL_SECONDS), *flags, environment=environment) as server:
        yield server


def exit_code_after(server: Server) -> int:
    """Bring the fault about, and see how the server ends."""
    server.process.send_signal(signal.SIGUSR1)
    return server.process.wait(START_SECONDS)
