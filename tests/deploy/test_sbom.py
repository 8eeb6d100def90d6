"""The README's command for a bill of materials."""

import json
import shlex
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.test_requirements import DIRECT

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_the_bill_of_materials_is_valid_and_has_every_dependency(tmp_path: Path) -> None:
    (command,) = (line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("cyclonedx-py "))
    arguments = shlex.split(command)[1:]
    output = tmp_path / arguments[-1]
    arguments[-1] = str(output)
    subprocess.run([sys.executable, "-m", "cyclonedx_py", *arguments], cwd=ROOT, check=True, timeout=300)
    bill = json.loads(output.read_text())
    needs = [need for need in DIRECT if need.marker is None or need.marker.evaluate()]
    components = {component["purl"].split("?")[0] for component in bill["components"] if "purl" in component}
    assert bill["metadata"]["component"]["name"] == "attention-service"
    assert {purl(need) for need in needs} - components == set()


def purl(need: Requirement) -> str:
    """The package URL of what is installed here for `need`."""
    return f"pkg:pypi/{need.name.lower().replace('_', '-')}@{version(need.name).replace('+', '%2B')}"
