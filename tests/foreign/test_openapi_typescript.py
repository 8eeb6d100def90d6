"""openapi-typescript makes types of openapi.json, and a program written against them talks to a real server."""

import json
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.foreign.conftest import npm_install, run_tool

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the program and the npm packages that it needs."""
    folder = tmp_path_factory.mktemp("typescript")
    npm_install(folder, *(HERE / name for name in ("package.json", "client.ts")))
    return folder


@pytest.fixture(scope="module")
def generated(workspace: Path, document: Path) -> CompletedProcess[str]:
    """The document as types, in schema.d.ts; fields with defaults stay optional in requests."""
    flags = ("--default-non-nullable=false", "--output", "schema.d.ts")
    return run_tool("npx", "--no", "--", "openapi-typescript", document, *flags, cwd=workspace)


@pytest.fixture(scope="module")
def compiled(workspace: Path, generated: CompletedProcess[str]) -> CompletedProcess[str]:
    """The program in JavaScript, in client.js."""
    assert generated.returncode == 0, generated.stdout
    flags = ("--strict", "--module", "nodenext", "--target", "es2022", "--lib", "es2022,dom")
    return run_tool("npx", "--no", "--", "tsc", *flags, "client.ts", cwd=workspace)


def test_openapi_typescript_takes_the_document_as_it_is(generated: CompletedProcess[str]) -> None:
    assert generated.returncode == 0, generated.stdout


def test_the_types_let_pass_a_right_program_and_refuse_its_mistakes(compiled: CompletedProcess[str]) -> None:
    assert compiled.returncode == 0, compiled.stdout


def test_the_program_gets_from_a_real_server_what_its_types_promise(
    workspace: Path, compiled: CompletedProcess[str], server_url: str
) -> None:
    assert compiled.returncode == 0, compiled.stdout
    ran = run_tool("node", "client.js", server_url, cwd=workspace)
    assert ran.returncode == 0, ran.stdout
    printed = json.loads(ran.stdout)
    first_score = printed["maskedRow"][0]
    assert isinstance(first_score, float)
    assert printed == {
        "tokens": ["attention", "is", "all", "you", "need", "."],
        "spans": [[0, 9], [10, 12], [13, 16], [17, 20], [21, 25], [25, 26]],
        "row": [1, 0],
        "maskedRow": [first_score, None],
        "picture": "image/png",
        "kind": "/problems/invalid-fields",
        "pointers": ["/d_k"],
    }
