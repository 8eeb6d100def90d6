"""Which torch device, and how many threads, this machine offers."""

import math
from pathlib import Path

import torch

from service.engine.errors import DeviceUnavailableError

CGROUP = Path("/sys/fs/cgroup")
DEFAULT_THREADS = torch.get_num_threads()
"""As many as a notebook gets: the physical cores this process may use, or OMP_NUM_THREADS."""


def available_devices() -> list[str]:
    """The names that `resolve_device` takes here, the best first."""
    devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def resolve_device(name: str) -> torch.device:
    """The torch device called `name`: `auto` (the best there is), `cpu`, `cuda`, `cuda:N` or `mps`.

    Raises:
        DeviceUnavailableError: this machine has no such device; the message names what it has.
    """
    available = available_devices()
    wanted = {"auto": available[0], "cuda": "cuda:0"}.get(name, name)
    if wanted not in available:
        raise DeviceUnavailableError(f"Device {name!r} is not on this machine, which has: {', '.join(available)}.")
    return torch.device(wanted)


def default_num_threads(cgroup: Path = CGROUP) -> int:
    """The threads that torch starts with, cut to the container's CPU quota (cgroup v2 or v1), which torch ignores."""
    quota = _cpu_quota(cgroup)
    return DEFAULT_THREADS if quota is None else max(1, min(DEFAULT_THREADS, math.ceil(quota)))


def _cpu_quota(cgroup: Path) -> float | None:
    unified, v1 = cgroup / "cpu.max", cgroup / "cpu"
    try:
        if unified.exists():
            quota, period = unified.read_text().split()
        else:
            quota, period = ((v1 / f"cpu.cfs_{part}_us").read_text().strip() for part in ("quota", "period"))
        return None if quota in {"max", "-1"} else int(quota) / int(period)
    except (OSError, ValueError):  # no container, or a kernel that tells it otherwise: no quota known
        return None
