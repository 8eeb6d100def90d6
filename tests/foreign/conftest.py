"""The committed document and a way to run the tools that read it."""

import subprocess
from pathlib import Path

import pytest

TOOL_SECONDS = 300


@pytest.fixture(scope="session")
def document() -> Path:
    """The OpenAPI document as committed; no tool gets a patched one."""
    return Path(__file__).parents[2] / "openapi" / "openapi.json"


def run_tool(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What a foreign tool said, its standard error behind its output."""
    return subprocess.run(
        command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TOOL_SECONDS,
        check=False,
    )
