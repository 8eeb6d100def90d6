"""The page's modules are typed without a gap, and formatted and linted without a word."""

import shutil
from pathlib import Path

import pytest

from tests.foreign.conftest import npm_install, run_tool

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "service" / "web"


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the modules and the tools that read them."""
    folder = tmp_path_factory.mktemp("modules")
    shutil.copytree(WEB, folder / "web")
    npm_install(folder, *(HERE / name for name in ("package.json", "tsconfig.json", "biome.json")))
    return folder


def test_the_types_fit(workspace: Path) -> None:
    checked = run_tool("npx", "--no", "--", "tsc", "--project", "tsconfig.json", cwd=workspace)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_the_modules_are_formatted_and_linted(workspace: Path) -> None:
    checked = run_tool("npx", "--no", "--", "biome", "check", "--error-on-warnings", "web", cwd=workspace)
    assert checked.returncode == 0, checked.stdout
