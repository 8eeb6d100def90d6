"""What Linux says that a process has in memory, in bytes: psutil tells no peak."""

import os
from pathlib import Path


def now(pid: int | None = None) -> int:
    """What is resident; None = of this process."""
    return _bytes(pid, "VmRSS")


def peak(pid: int | None = None) -> int:
    """The most that was resident since the process began, or since `begin_peak`."""
    return _bytes(pid, "VmHWM")


def begin_peak(pid: int | None = None) -> None:
    """Count the peak from here."""
    Path(f"/proc/{pid or os.getpid()}/clear_refs").write_text("5")


def _bytes(pid: int | None, name: str) -> int:
    lines = Path(f"/proc/{pid or os.getpid()}/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))
