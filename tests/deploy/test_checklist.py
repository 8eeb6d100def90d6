"""The written security checklist, and the tests that it names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES = [line for line in (ROOT / "service/deploy/SECURITY.md").read_text().splitlines() if line.startswith("| ")][1:]


@pytest.mark.parametrize("line", LINES)
def test_each_line_of_the_security_checklist_names_tests_that_are_there(line: str) -> None:
    named = re.findall(r"`(\w+\.py)::(\w+)`", line)
    assert named
    for file, test in named:
        assert f"\ndef {test}(" in (ROOT / "tests/compose" / file).read_text()
