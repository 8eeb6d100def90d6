"""The committed document and a way to run the tools that read it."""

import shutil
import subprocess
from pathlib import Path

import pytest

TOOL_SECONDS = 300
UNREACHABLE = ("ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "ENETUNREACH", "EHOSTUNREACH")


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


def npm_install(folder: Path, *files: Path) -> None:
    """Copy `files`, a package.json among them, into `folder`, and install what that names; skip where none can be."""
    if not (shutil.which("node") and shutil.which("npm") and shutil.which("npx")):
        pytest.skip("node and npm are not installed")
    for file in files:
        shutil.copy(file, folder)
    flags = ("--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries=1", "--fetch-timeout=30000")
    installed = run_tool("npm", "install", *flags, cwd=folder)
    if installed.returncode and any(code in installed.stdout for code in UNREACHABLE):
        pytest.skip("the npm registry cannot be reached")
    assert installed.returncode == 0, installed.stdout
