"""openapi-python-client makes a typed client of openapi.json, and that client talks to a real server."""

import importlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from types import ModuleType

import pytest

from service.api.reading import LINES, TEXT
from tests.foreign.conftest import run_tool

pytestmark = pytest.mark.slow

PACKAGE = "generated_attention_client"
CONFIG = Path(__file__).with_name("openapi-python-client.yml")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("python-client")


@pytest.fixture(scope="module")
def generated(folder: Path, document: Path) -> CompletedProcess[str]:
    """The package, in `folder`."""
    flags = ("--path", document, "--config", CONFIG, "--meta", "none", "--output-path", folder / PACKAGE)
    return run_tool(sys.executable, "-m", "openapi_python_client", "generate", *flags, cwd=folder)


@pytest.fixture(scope="module")
def package(folder: Path, generated: CompletedProcess[str]) -> Iterator[ModuleType]:
    """The generated package, imported."""
    assert generated.returncode == 0, generated.stdout
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module(PACKAGE)


@pytest.fixture(scope="module")
def models(package: ModuleType) -> ModuleType:
    """The generated requests and answers."""
    return importlib.import_module(f"{package.__name__}.models")


@pytest.fixture(scope="module")
def generated_client(package: ModuleType, server_url: str) -> Iterator[object]:
    """The generated client, of a real server."""
    with package.Client(base_url=server_url) as client:
        yield client


def operation(name: str) -> ModuleType:
    """The generated module of an operation; its `sync` calls it."""
    return importlib.import_module(f"{PACKAGE}.api.attention.{name}")


def test_the_generator_leaves_out_nothing_but_bodies_of_lines_and_of_text(generated: CompletedProcess[str]) -> None:
    warnings = re.findall(r"^WARNING.*|^Unsupported.*", generated.stdout, re.MULTILINE)
    left_out = {"/tokenize": [LINES, TEXT], "/attention": [LINES, TEXT], "/heatmap": [TEXT]}
    assert generated.returncode == 0, generated.stdout
    assert warnings == [
        line
        for path, types in left_out.items()
        for media_type in types
        for line in (f"WARNING parsing POST {path} within attention.", f"Unsupported content type {media_type}")
    ]


def test_tokens_come_as_a_typed_answer(generated_client: object, models: ModuleType) -> None:
    request = models.TokenizeRequest(sentence="Hi there", add_special_tokens=True)
    answer = operation("tokenize").sync(client=generated_client, body=request)
    assert isinstance(answer, models.TokenizeAnswer)
    assert answer.tokens == ["[CLS]", "hi", "there", "[SEP]"]
    assert answer.offsets == [None, [0, 2], [3, 8], None]


def test_attentions_come_as_nested_lists_of_numbers(generated_client: object, models: ModuleType) -> None:
    request = models.AttentionRequest(sentence="Attention!", seed=42, decimals=4)
    answer = operation("attention").sync(client=generated_client, body=request)
    assert isinstance(answer, models.AttentionAnswer)
    [[first_head]] = answer.attentions
    assert [len(row) for row in first_head] == [2, 2]
    assert [sum(row) for row in first_head] == pytest.approx([1, 1], abs=1e-3)


def test_masked_scores_come_as_none(generated_client: object, models: ModuleType) -> None:
    mask, tensors = models.AttentionRequestMask.CAUSAL, models.AttentionRequestIncludeType0Item
    request = models.AttentionRequest(sentence="Attention!", mask=mask, include=[tensors.SCORES])
    answer = operation("attention").sync(client=generated_client, body=request)
    assert answer.scores[0][0][0][1] is None


def test_lists_and_numbers_arrive_in_a_query_too(generated_client: object, models: ModuleType) -> None:
    tensors = models.AttentionByGetIncludeItem
    fields = {"sentence": "Attention!", "num_heads": 2, "include": [tensors.QUERY, tensors.KEY]}
    answer = operation("attention_by_get").sync(client=generated_client, **fields)
    assert isinstance(answer, models.AttentionAnswer)
    assert [len(answer.query[0]), len(answer.key[0])] == [2, 2]


def test_a_heatmap_comes_as_the_bytes_of_a_png(generated_client: object, models: ModuleType) -> None:
    picture = operation("heatmap").sync(
        client=generated_client, body=models.HeatmapRequest(sentence="Attention!", width=300, height=200)
    )
    assert picture.payload.read().startswith(b"\x89PNG\r\n\x1a\n")


def test_a_refusal_comes_as_a_typed_problem(generated_client: object, models: ModuleType) -> None:
    problem = operation("attention").sync(
        client=generated_client, body=models.AttentionRequest(sentence="Attention!", d_k=0)
    )
    assert isinstance(problem, models.Problem)
    assert problem.type_ is models.ProblemType("/problems/invalid-fields")
    assert [(culprit.in_.value, culprit.pointer) for culprit in problem.errors] == [("body", "/d_k")]
