"""Faults on demand, in a process that has this folder on its PYTHONPATH: SIGUSR1 brings about the one that FAULT names.

Nothing in the service knows of it.
"""

import asyncio
import gc
import logging
import os
import re
import signal
import time
from typing import Any

LONG = 10_000
"""Seconds."""


def block_loop() -> None:
    """Keep the event loop's thread for ever, and let others run."""
    time.sleep(LONG)


def block_loop_and_log() -> None:
    """Block the event loop where it holds the log, as one does that writes to a pipe which nobody reads."""
    logging.getLogger().handlers[0].acquire()
    block_loop()


def keep_interpreter() -> None:
    """Let no thread run Python for ever: a regular expression lets none until it is done."""
    re.match("(a+)+$", "a" * 64 + "b")


def stick_engine() -> None:
    """Give the engine's thread work without end."""
    _engines_task(time.sleep, LONG)


def kill_engine() -> None:
    """Let the engine's thread end, unnoticed by its executor, and give it work."""
    worker = _worker()
    executor = worker._executor
    _engines_task(time.sleep, 0)  # which starts the thread

    async def end_thread() -> None:
        executor._shutdown = True
        executor._work_queue.put(None)
        for thread in executor._threads:
            thread.join()
        executor._shutdown = False
        await worker.run("compute", {}, 1, time.sleep, 0)

    _keep(end_thread())


FAULTS = {
    fault.__name__: fault for fault in (block_loop, block_loop_and_log, keep_interpreter, stick_engine, kill_engine)
}
_tasks: list[Any] = []


def _worker() -> Any:
    from service.engine.worker import Worker  # noqa: PLC0415  # it takes a second, and most processes need it not

    return next(thing for thing in gc.get_objects() + _frozen() if type(thing) is Worker)


def _frozen() -> list[object]:
    """What `gc.freeze` has hidden."""
    gc.unfreeze()
    return gc.get_objects()


def _engines_task(function: Any, *args: object) -> None:
    _keep(_worker().run("compute", {}, 1, function, *args))


def _keep(coroutine: Any) -> None:
    _tasks.append(asyncio.get_running_loop().create_task(coroutine))


if "FAULT" in os.environ:
    bring_about = FAULTS[os.environ["FAULT"]]
    signal.signal(signal.SIGUSR1, lambda *_: bring_about())
