"""Many sentences on the command line: exit codes, every user's error as one line, progress for people."""

import json
import os
import pty
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from service import cli
from service.api.attention_request import AttentionRequest
from service.corpus import forms
from tests.conftest import poll
from tests.test_cli import complaint

MANY = 100_000
"""More lines than are answered before a signal arrives."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with files to read in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sentences.txt").write_text("The cat sat.\nAttention!\n")
    (tmp_path / "requests.ndjson").write_text('{"sentence": "hi", "id": "1"}\n{"sentence": ""}\n')
    (tmp_path / "finished.ndjson").write_text("{}\n")
    return tmp_path


def test_answers_are_written_and_summed_up(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    cli.main(["bulk", "sentences.txt", "-o", "answers.ndjson", "--endpoint", "tokenize", "--offset-unit", "utf16"])
    answers = [json.loads(line) for line in (folder / "answers.ndjson").read_bytes().splitlines()]
    assert [answer["tokens"] for answer in answers] == [["the", "cat", "sat", "."], ["attention", "!"]]
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("attention-service: answers.ndjson: lines: 2, problems: 0, ")
    assert len(err.splitlines()) == 1


def test_problems_make_the_exit_code_1(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        cli.main(["bulk", "requests.ndjson", "-o", "answers.ndjson"])
    assert ending.value.code == 1
    assert "lines: 2, problems: 1, " in capfd.readouterr().err
    first, second = map(json.loads, (folder / "answers.ndjson").read_bytes().splitlines())
    assert (first["id"], second["type"]) == ("1", "/problems/no-tokens")


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            "sentences.csv -o a.ndjson",
            "sentences.csv: name a .txt of sentences, or requests as .ndjson, .jsonl or .parquet",
        ),
        ("nothing.txt -o a.ndjson", "cannot read nothing.txt: No such file or directory"),
        (
            "sentences.txt -o a.ndjson --engine ray",
            "a.ndjson: name a folder that ends in .parquet, which is what --engine ray writes",
        ),
        ("sentences.txt -o a.json", "a.json: name a file that ends in .ndjson or .parquet"),
        ("sentences.txt -o no/a.ndjson", "cannot write no/a.ndjson: there is no folder no"),
        (
            "sentences.txt -o finished.ndjson",
            "finished.ndjson is there already: name another file, or overwrite it with --force",
        ),
        ("requests.ndjson -o requests.ndjson --force", "requests.ndjson is the input: name another file to write"),
        (
            "requests.ndjson -o a.ndjson --d-k 3 --scale -1",
            "requests.ndjson: its lines hold the fields; leave out --d-k, --scale, or write them into the lines",
        ),
        ("sentences.txt -o a.ndjson --d-k 0", "d_k: should be greater than or equal to 1. It is 0."),
        (
            "sentences.txt -o a.ndjson --endpoint tokenize --seed 1",
            "There is no field 'seed' here. Use: sentence, sentence_pair, add_special_tokens, model, offset_unit, "
            "truncate.",
        ),
        ("sentences.txt -o a.ndjson --model gpt-5", "There is no model 'gpt-5' here. Choose one of: synthetic."),
        (
            "sentences.txt -o a.ndjson --format npy",
            "unrecognized arguments: --format npy; see attention-service bulk --help",
        ),
    ],
)
def test_a_users_error_is_one_line(capsys: pytest.CaptureFixture[str], arguments: str, says: str) -> None:
    assert complaint(capsys, "bulk", *arguments.split()) == f"attention-service: {says}"


def test_a_file_that_cannot_be_written_is_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.ndjson").mkdir()
    line = complaint(capsys, "bulk", "sentences.txt", "-o", "a.ndjson", "--force")
    assert line.startswith("attention-service: cannot write a.ndjson: Is a directory; ")


@pytest.mark.usefixtures("folder")
def test_without_pyarrow_a_table_is_refused_and_how_to_get_it_is_said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for module in ("parquet", "columns", "row_group"):
        monkeypatch.delitem(sys.modules, f"{forms.__package__}.{module}", raising=False)
    line = complaint(capsys, "bulk", "sentences.txt", "-o", "a.parquet")
    assert line == (
        "attention-service: a.parquet: .parquet needs pyarrow: python -m pip install 'attention-service[parquet]'"
    )


@pytest.mark.usefixtures("folder")
def test_progress_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    with os.fdopen(terminal, "w") as stderr:
        monkeypatch.setattr("sys.stderr", stderr)
        cli.main(["bulk", "sentences.txt", "-o", "answers.ndjson"])
    shown = b""
    with os.fdopen(screen, "rb", buffering=0) as file, suppress(OSError):  # which ends it, as the terminal is closed
        while piece := file.read(1000):
            shown += piece
    assert b"2/2 [" in shown
    assert b" lines/s]" in shown


@pytest.fixture
def heeded_ctrl_c() -> Iterator[None]:
    """As on a terminal: shells let what they start in the background ignore it, and so the tests."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeded_ctrl_c")
def test_ctrl_c_says_how_to_go_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "sentences.txt").write_text("hi\n" * MANY)

    def interrupt() -> None:
        poll(lambda: (folder / "answers.ndjson").exists() and (folder / "answers.ndjson").stat().st_size)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(SystemExit) as ending:
        cli.main(["bulk", "sentences.txt", "-o", "answers.ndjson", "--endpoint", "tokenize"])
    thread.join()
    assert ending.value.code == 130
    assert capsys.readouterr().err == "attention-service: stopped; run the same command again to go on\n"
    counted = json.loads((folder / "answers.ndjson.progress").read_bytes())["counted"]
    assert (folder / "answers.ndjson").read_bytes().count(b"\n") == counted["lines"] > 0


def test_help_lists_a_flag_for_every_field_that_a_line_may_have(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["bulk", "--help"])
    out = capsys.readouterr().out
    left_out = {"sentence", "format", "filename", "quantize", "dry_run"}
    for name in AttentionRequest.model_fields:
        assert (f"--{name.replace('_', '-')} VALUE" in out) == (name not in left_out)
