"""The command line: the same answers as over HTTP, and every user's error as one line."""

import asyncio
import io
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from service import __version__, cli
from service.api.requests import PRETRAINED_ONLY
from service.parser import REQUESTS

SENTENCE = "hello attention, naïve 東京 🙂"
TOKENIZE: dict[str, Any] = {
    "sentence_pair": "second",
    "add_special_tokens": True,
    "model": "synthetic",
    "offset_unit": "utf16",
}
SYNTHETIC: dict[str, Any] = TOKENIZE | {
    "seed": 2**63 - 1,
    "d_model": 6,
    "d_k": 3,
    "d_v": 2,
    "num_heads": 3,
    "embedding_mode": "per_token",
    "initialization": "normal",
    "positions": "sinusoidal",
    "mask": "causal",
    "scale": -0.5,
}
WINDOWS = {"query_window": [1, 2], "key_window": [0, 2]}
HEATMAP: dict[str, Any] = SYNTHETIC | {
    "layer": -1,
    "head": -2,
    "head_reduction": "none",
    "tensor": "scores",
    "view": "single",
    "pooling": "mean",
    "color_range": "unit",
    "color_scale": "linear",
    "values": True,
    "dpi_scale": 2,
    "title": "Titel ü $x$",
    "colormap": "magma",
    "labels": False,
    "colorbar": False,
    "width": 320,
    "height": 240,
    **WINDOWS,
}
EVERY_FIELD: dict[str, dict[str, Any]] = {
    "tokenize": TOKENIZE,
    "attention": SYNTHETIC
    | {"include": ["query", "attentions"], "decimals": 3, **WINDOWS, "top_k": 2, "pooling": "mean"},
    "heatmap": HEATMAP,
}
"""For each command a value of every optional field, none of them the default."""


def flags_of(fields: dict[str, Any]) -> list[str]:
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in fields.items()
    }
    texts |= {name: text.lower() for name, text in texts.items() if isinstance(fields[name], bool)}
    return [word for name, text in texts.items() for word in ("--" + name.replace("_", "-"), text)]


def failure(*arguments: str, environment: dict[str, str] | None = None) -> str:
    """The one line on standard error of a process that must end with exit code 2."""
    command = [sys.executable, "-m", "service", *arguments]
    ended = subprocess.run(command, capture_output=True, timeout=60, check=False, env=environment)
    (line,) = ended.stderr.decode().splitlines()
    assert ended.returncode == 2
    return line


def complaint(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """The one line on standard error of a command that must end with exit code 2."""
    with pytest.raises(SystemExit) as ending:
        cli.main(arguments)
    (line,) = capsys.readouterr().err.splitlines()
    assert ending.value.code == 2
    return line


@pytest.mark.parametrize("command", EVERY_FIELD)
def test_every_field_of_a_request_is_tried_here(command: str) -> None:
    fields = set(REQUESTS[command].model_fields)
    elsewhere = PRETRAINED_ONLY | {"level", "format", "filename", "quantize", "dry_run", "bins"}
    assert fields == {*EVERY_FIELD[command], "sentence"} | (fields & elsewhere)


@pytest.mark.parametrize("command", EVERY_FIELD)
async def test_every_field_has_a_flag_and_gives_the_bytes_of_http(
    client: httpx.AsyncClient, capsysbinary: pytest.CaptureFixture[bytes], command: str
) -> None:
    fields = EVERY_FIELD[command]
    response = await client.post(f"/{command}", json={"sentence": SENTENCE, **fields})
    await asyncio.to_thread(cli.main, [command, SENTENCE, *flags_of(fields)])
    assert response.status_code == 200, response.text
    assert capsysbinary.readouterr().out.removesuffix(b"\n") == response.content


@pytest.mark.parametrize("command", EVERY_FIELD)
async def test_without_flags_the_bytes_are_those_of_http_too(
    client: httpx.AsyncClient, capsysbinary: pytest.CaptureFixture[bytes], command: str
) -> None:
    response = await client.get(f"/{command}", params={"sentence": SENTENCE})
    await asyncio.to_thread(cli.main, [command, SENTENCE])
    assert capsysbinary.readouterr().out.removesuffix(b"\n") == response.content


async def test_a_picture_is_written_to_the_file_named(client: httpx.AsyncClient, tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    await asyncio.to_thread(cli.main, ["heatmap", SENTENCE, "-o", str(picture)])
    assert picture.read_bytes() == (await client.post("/heatmap", json={"sentence": SENTENCE})).content


@pytest.mark.parametrize("form", ["safetensors", "npy", "json"])
async def test_the_files_name_decides_the_form_of_tensors(client: httpx.AsyncClient, tmp_path: Path, form: str) -> None:
    file = tmp_path / f"answer.{form}"
    flags = [] if form == "json" else ["--quantize", "uint8"]
    await asyncio.to_thread(cli.main, ["attention", SENTENCE, *flags, "-o", str(file)])
    fields = {} if form == "json" else {"quantize": "uint8"}
    response = await client.post("/attention", json={"sentence": SENTENCE, "format": form, **fields})
    assert file.read_bytes().removesuffix(b"\n") == response.content


@pytest.mark.parametrize(("command", "name"), [("attention", "answer.npy"), ("heatmap", "picture.svg")])
async def test_a_dry_run_is_printed_and_leaves_the_file_alone_whose_name_decides_the_form(
    client: httpx.AsyncClient, capsysbinary: pytest.CaptureFixture[bytes], tmp_path: Path, command: str, name: str
) -> None:
    file = tmp_path / name
    await asyncio.to_thread(cli.main, [command, SENTENCE, "--dry-run", "true", "-o", str(file)])
    fields = {"sentence": SENTENCE, "format": file.suffix[1:], "dry_run": True}
    response = await client.post(f"/{command}", json=fields)
    assert capsysbinary.readouterr().out.removesuffix(b"\n") == response.content
    assert not file.exists()


@pytest.mark.parametrize(
    ("command", "name", "says"),
    [
        ("heatmap", "x.pdf", "x.pdf: heatmap writes .png or .svg"),
        ("attention", "x.npz", "x.npz: attention writes .json or .safetensors or .npy"),
    ],
)
def test_a_form_that_a_command_does_not_write_is_refused(
    capsys: pytest.CaptureFixture[str], command: str, name: str, says: str
) -> None:
    assert complaint(capsys, command, "hi", "-o", name) == f"attention-service: {says}"


def test_a_picture_is_not_written_to_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    messages = io.StringIO()
    monkeypatch.setattr("sys.stdout", Terminal())
    monkeypatch.setattr("sys.stderr", messages)
    with pytest.raises(SystemExit):
        cli.main(["heatmap", SENTENCE])
    assert messages.getvalue() == "attention-service: a picture is no text: name a file with -o picture.png\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["attention", "hi", "--d-k", "0"], "d_k: should be greater than or equal to 1. It is 0."),
        (["attention", "hi", "--seed", "one"], "seed: should be a valid integer"),
        (["attention", "hi", "--include", "queries"], "include.0: "),
        (["tokenize", " "], "sentence has no tokens"),
        (["tokenize", ""], "sentence has no tokens"),
        (["heatmap", "hi", "--tensor", "scores", "--scale", "-1", "--color-scale", "log"], "the smallest number is -"),
        (["tokenize", "hi", "--model", "gpt-5"], "no model 'gpt-5' here. Choose one of: synthetic."),
        (["attention", "hi", "--scale", "-1e9"], "scale: should be greater than or equal to -1000000"),
        (["heatmap", "hi", "--head", "5"], "head is 5, but the number of heads is 1"),
        (["heatmap", "hi", "--labels", "yes"], "labels: should be true or false"),
        (["tokenize", "hi", "--model", "synthetic", "--model", "synthetic"], "model is given twice: give it once."),
        (
            ["tokenize", "hi", "-o", "/nowhere/tokens.json"],
            "cannot write /nowhere/tokens.json: No such file or directory",
        ),
        (["attention", "The", "cat", "sat"], "unrecognized arguments: cat sat; put the sentence in quotes"),
        (
            ["attention", "hi", "--top-q", "3"],
            "unrecognized arguments: --top-q 3; see attention-service attention --help",
        ),
    ],
)
def test_a_users_error_is_one_line(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    line = complaint(capsys, *arguments)
    assert line.startswith("attention-service: ")
    assert words in line


@pytest.mark.parametrize("arguments", [["--sentence-pair", "a\udcff"], ["--model", "\udcff"]])
def test_an_argument_that_is_not_utf_8_is_one_line(arguments: list[str]) -> None:
    assert failure("tokenize", "hi", *arguments).startswith("attention-service: ")


@pytest.mark.parametrize("command", REQUESTS)
def test_help_says_where_settings_come_from(capsys: pytest.CaptureFixture[str], command: str) -> None:
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    assert "Settings, such as ATTENTION_MODELS, come from the environment" in " ".join(capsys.readouterr().out.split())


def test_openapi_prints_the_committed_document(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    cli.main(["openapi"])
    assert capsysbinary.readouterr().out == (Path(__file__).parents[1] / "openapi" / "openapi.json").read_bytes()


def test_the_package_run_as_a_module_is_the_same_program() -> None:
    printed = subprocess.check_output([sys.executable, "-m", "service", "--version"], text=True)
    assert printed == f"attention-service {__version__}\n"


def test_a_port_in_use_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = failure("serve", "--port", str(port))
    assert line.startswith(f"attention-service: cannot listen on 127.0.0.1:{port}: Address already in use")


def test_a_device_that_is_not_there_ends_the_server_with_one_line_that_names_what_is() -> None:
    line = failure("serve", "--port", "0", "--device", "cuda:999")
    assert line.startswith("attention-service: Device 'cuda:999' is not on this machine, which has: ")


@pytest.mark.parametrize("host", ["192.0.2.1", "a" * 64])
def test_a_host_that_cannot_be_listened_on_is_one_line(host: str) -> None:
    assert failure("serve", "--port", "0", "--host", host).startswith(f"attention-service: cannot listen on {host}:0: ")


def test_a_setting_that_cannot_be_read_is_one_line_that_names_its_variable() -> None:
    line = failure("serve", environment={"ATTENTION_PORT": "abc"})
    assert line.startswith("attention-service: ATTENTION_PORT: ")
    assert line.endswith("it is 'abc'")


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--max-tokens", "0", "should be greater than or equal to 1"),
        ("--port", "abc", "should be a valid integer"),
        ("--device", "gpu", "should be auto, cpu, cuda, cuda:N or mps"),
    ],
)
def test_a_flag_that_cannot_be_read_is_one_line_that_says_what_is_taken(
    capsys: pytest.CaptureFixture[str], flag: str, value: str, says: str
) -> None:
    assert complaint(capsys, "serve", flag, value) == f"attention-service: {flag}: {says}; it is {value!r}"


@pytest.mark.parametrize(
    "flags",
    [
        ["--api-keys", "secret"],
        ["--api-keys", "secret-of-many-letters, "],
        ["--api-keys", ""],
        ["--api-keys-file", "no-such-file"],
        ["--api-keys", "secret-of-many-letters", "--api-keys-file", "file"],
    ],
)
def test_keys_that_are_not_taken_are_one_line_without_a_key(
    capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    line = complaint(capsys, "serve", *flags)
    assert line.startswith("attention-service: API_KEYS")
    assert "secret" not in line


def test_a_font_that_is_not_there_is_one_line_and_exit_code_2() -> None:
    line = failure("serve", "--port", "0", "--fonts", "/nowhere/Font.ttf")
    assert line == "attention-service: /nowhere/Font.ttf is no font file and no folder"


def test_a_svg_is_written_to_a_file_of_that_suffix(tmp_path: Path) -> None:
    cli.main(["heatmap", SENTENCE, "-o", str(tmp_path / "picture.svg")])
    assert (tmp_path / "picture.svg").read_text().startswith("<svg ")
