"""The image's packages: versions and hashes."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PINNED = re.compile(r"^(\S+)==(\S+)((?: \\\n    --hash=sha256:[0-9a-f]{64})*)$", re.MULTILINE)
DIRECT = [Requirement(line) for line in tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]]
PACKAGES = PINNED.findall((ROOT / "service/deploy/requirements.txt").read_text())


def test_the_image_has_one_known_version_of_each_dependency_and_it_is_one_that_the_package_wants() -> None:
    pinned = {canonicalize_name(name): version for name, version, _ in PACKAGES}
    others = [need for need in DIRECT if need.name != "torch"]
    assert [str(need) for need in others if pinned.get(canonicalize_name(need.name), "0") not in need.specifier] == []


def test_each_of_them_has_hashes() -> None:
    assert [name for name, _, hashes in PACKAGES if not hashes] == []


def test_torch_which_has_none_has_one_version() -> None:
    (specifier,) = next(need.specifier for need in DIRECT if need.name == "torch")
    assert specifier.operator == "=="
