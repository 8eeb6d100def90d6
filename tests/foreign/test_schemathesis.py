"""schemathesis reads openapi.json and tries to catch a real server breaking its promises."""

import re
import sys
from pathlib import Path

import pytest

from tests.foreign.conftest import run_tool

pytestmark = pytest.mark.slow

SETTINGS = Path(__file__).parents[2] / "schemathesis.toml"
SEED = 1
EXAMPLES = 50
"""The most random requests of each kind to each operation, beside those that schemathesis lists systematically."""

LEAST_REQUESTS = 1000
"""Fewer would mean that schemathesis could not make sense of the document."""


def test_no_request_gets_an_answer_that_the_document_does_not_promise(
    tmp_path: Path, document: Path, server_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SETTINGS.parent))  # where the settings' hooks are
    command = (sys.executable, "-m", "schemathesis.cli", "--config-file", SETTINGS, "run", document)
    target = ("--url", server_url, "--checks", "all", "--continue-on-failure")
    cases = ("--seed", str(SEED), "--max-examples", str(EXAMPLES), "--generation-database", "none")
    report = ("--no-color", "--output-sanitize", "false")  # sanitizing hides fields named like secrets: *token*
    tried = run_tool(*command, *target, *cases, *report, cwd=tmp_path)
    print(tried.stdout)  # noqa: T201  # the seed, and how to repeat each failure with curl
    assert tried.returncode == 0, tried.stdout
    [requests] = re.findall(r"(\d+) generated", tried.stdout)
    assert int(requests) >= LEAST_REQUESTS, tried.stdout
