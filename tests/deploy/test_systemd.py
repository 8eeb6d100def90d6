"""The systemd unit, judged by systemd's own tools, which need no systemd that runs."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from service.settings import Settings

pytestmark = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze on this machine")

UNIT = Path(__file__).parents[2] / "service/deploy/attention-service.service"
PROGRAM = "/opt/attention-service/bin/attention-service"
MOST_EXPOSURE = 15
"""In tenths; systemd calls up to 19 OK, and 100 a service without any hardening."""


def analyze(*arguments: str | Path) -> str:
    """What systemd-analyze complains of."""
    process = subprocess.run(["systemd-analyze", *arguments], capture_output=True, check=False, text=True, timeout=60)
    return "" if process.returncode == 0 else process.stdout + process.stderr


def test_systemd_accepts_the_unit(tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert text.count(f"ExecStart={PROGRAM}") == 1
    unit = tmp_path / UNIT.name
    unit.write_text(text.replace(f"ExecStart={PROGRAM}", "ExecStart=/bin/true"))  # it must be there
    assert analyze("verify", "--man=no", unit) == ""


def test_the_unit_is_hardened() -> None:
    assert analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST_EXPOSURE}", UNIT) == ""


def test_requests_in_flight_get_to_end_before_systemd_kills() -> None:
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)
    assert int(seconds) > Settings.model_fields["shutdown_timeout"].default
