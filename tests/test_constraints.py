"""The image's versions."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


def test_the_image_has_one_known_version_of_each_dependency_and_it_is_one_that_the_package_wants() -> None:
    wanted = map(Requirement, tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    lines = (ROOT / "service/deploy/constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    pinned = {canonicalize_name(name): version for name, version in pairs}
    assert [str(need) for need in wanted if pinned.get(canonicalize_name(need.name), "0") not in need.specifier] == []
