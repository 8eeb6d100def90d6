"""The kernel's timer, for what no thread of Python can end: C code that keeps the interpreter to itself for ever.

`faulthandler.dump_traceback_later(…, exit=True)` would do it too, but it also ends a process that was merely suspended:
its time runs on meanwhile, and nothing can put it off before it acts. Here the first alarm only sets a second one, in
which a process that runs again has long set a new first one. That is done by the C library alone: the handler is its
`alarm`, which takes the signal's number, 14, for seconds, and `sysv_signal` puts back the default action, which ends
the process, before it is called. Where there is no such function there is no such alarm.
"""

import ctypes
import faulthandler
import signal

_libc = ctypes.CDLL(None)
_sysv_signal = getattr(_libc, "sysv_signal", None)


def postpone(seconds: int) -> None:
    """End the process by SIGALRM 14 seconds after `seconds` without another call; dump all stacks before. Costs 60 µs.

    A process that was suspended for longer dumps its stacks, too, and goes on.
    """
    faulthandler.dump_traceback_later(seconds)
    if _sysv_signal is not None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        _sysv_signal(signal.SIGALRM, _libc.alarm)


def cancel() -> None:
    """Postpone for ever."""
    faulthandler.cancel_dump_traceback_later()
    signal.setitimer(signal.ITIMER_REAL, 0)


def end_within(seconds: int) -> None:
    """End the process by SIGALRM after `seconds`, whatever happens."""
    cancel()
    if _sysv_signal is not None:
        _sysv_signal(signal.SIGALRM, None)  # the default action
    signal.setitimer(signal.ITIMER_REAL, seconds)
