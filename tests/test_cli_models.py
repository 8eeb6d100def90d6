"""Pretrained models on the command line, and a model that cannot be served."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from service import cli
from tests import models
from tests.test_cli import failure

DAMAGED_SECONDS = 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.save("bert", tmp_path_factory.mktemp("models") / "bert")


def test_a_folder_that_is_not_there_is_one_line_and_exit_code_2() -> None:
    line = failure("serve", "--port", "0", "--models", "m=/nowhere/model")
    assert line == "attention-service: model m: there is no folder /nowhere/model"


def test_damaged_weights_end_the_server_with_a_line_that_says_so_and_exit_code_2(tmp_path: Path) -> None:
    damaged = models.save("bert", tmp_path / "damaged")
    weights = damaged / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    command = [
        sys.executable,
        "-m",
        "service",
        "serve",
        "--port",
        "0",
        "--log-level",
        "error",
        "--models",
        f"m={damaged}",
    ]
    ended = subprocess.run(command, capture_output=True, timeout=DAMAGED_SECONDS, check=False)
    (line,) = ended.stderr.decode().splitlines()
    assert (ended.returncode, line.startswith("attention-service: model m: cannot be loaded: ")) == (2, True)


@pytest.mark.parametrize("command", ["tokenize", "attention", "heatmap"])
def test_a_configured_model_answers_without_a_server(
    folder: Path, capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("ATTENTION_MODELS", f"tiny={folder}")
    chosen = {"attention": ["--layers", "0,-1", "--heads", "1"], "heatmap": ["--layer", "-2"]}.get(command, [])
    cli.main([command, "hello attention", "--model", "tiny", "--truncate", "true", *chosen])
    out = capsysbinary.readouterr().out
    assert out.startswith(b"\x89PNG") if command == "heatmap" else orjson.loads(out)["model"] == "tiny"
