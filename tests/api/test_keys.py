"""Keys: which are taken, and what becomes of them when their file changes."""

import logging
import os
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.api.keys import MOST_FILE_BYTES, Keys, KeysError

FIRST, SECOND = "first-key-of-many-letters", "second-key-of-many-letters"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(f"{FIRST}\n")
    return file


def replace(file: Path, text: str) -> None:
    """As careful operators do: the file is never half written, and never the same file."""
    new = file.with_name("new")
    new.write_text(text)
    new.rename(file)


@pytest.mark.parametrize(
    "listed",
    ["", " ", ",", f"{FIRST},", f"{FIRST},,{SECOND}", " " * 20, "short", "fifteen-letters", "ä" * 20, "a b" * 9],
)
def test_a_list_with_a_key_that_is_none_is_refused(listed: str) -> None:
    with pytest.raises(KeysError, match="at least 16 visible ASCII characters"):
        Keys(SecretStr(listed), None)


@pytest.mark.parametrize(
    "text", ["", "\n", "# comment\n", "short\n", f"{FIRST}\nshort", "a key with blanks in it", "ä" * 20]
)
def test_a_file_with_a_key_that_is_none_or_without_any_is_refused(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(KeysError, match="API_KEYS_FILE"):
        Keys(None, str(file)).read()


@pytest.mark.parametrize("wrong", ["secret-short", "secret key of many letters", "secret-with-ä-of-many"])
def test_a_refusal_tells_which_key_but_not_the_key(file: Path, wrong: str) -> None:
    file.write_text(f"# keys\n{FIRST}\n{wrong}\n")
    with pytest.raises(KeysError, match="line 3") as of_file:
        Keys(None, str(file)).read()
    with pytest.raises(KeysError, match="key 2") as of_list:
        Keys(SecretStr(f"{FIRST},{wrong}"), None)
    assert "secret" not in f"{of_file.value} {of_list.value}"


def test_keys_by_list_and_by_file_at_once_are_refused(file: Path) -> None:
    with pytest.raises(KeysError, match="both set"):
        Keys(SecretStr(FIRST), str(file))


def test_what_is_no_regular_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(KeysError, match="no regular file"):
            Keys(None, str(place)).read()


def test_a_huge_file_is_refused(file: Path) -> None:
    file.write_bytes(b"x" * (MOST_FILE_BYTES + 1))
    with pytest.raises(KeysError, match="larger"):
        Keys(None, str(file)).read()


@pytest.mark.parametrize("text", [f"\ufeff{FIRST}\r\n", f"  {FIRST}  # comment\n\n#x\n", f"{SECOND}\n{FIRST}"])
def test_a_file_may_have_comments_blank_lines_and_any_line_ends(file: Path, text: str) -> None:
    file.write_text(text)
    keys = Keys(None, str(file))
    keys.read()
    assert keys.admit([FIRST])


def test_a_hash_inside_a_key_is_no_comment(file: Path) -> None:
    file.write_text("key#of-many-letters\n")
    keys = Keys(None, str(file))
    keys.read()
    assert keys.admit(["key#of-many-letters"])


def test_no_key_is_kept_in_memory() -> None:
    keys = Keys(SecretStr(FIRST), None)
    assert FIRST not in str(vars(keys))


def test_a_file_that_is_wrong_when_a_process_starts_leaves_it_closed_until_it_is_right(file: Path) -> None:
    file.write_text("short")
    keys = Keys(None, str(file))
    keys.refresh()
    assert keys.are_set
    assert not keys.admit(["short"])
    replace(file, FIRST)
    keys.refresh()
    assert keys.admit([FIRST])


def test_a_file_that_goes_wrong_keeps_the_old_keys_and_is_logged_once_a_state(
    file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = Keys(None, str(file))
    keys.refresh()
    for text in ("short", "shorter", None):
        replace(file, text) if text else file.unlink()
        for _ in range(3):
            keys.refresh()
    assert keys.admit([FIRST])
    assert [record.levelno for record in caplog.records].count(logging.ERROR) == 3


def test_a_file_that_comes_back_as_it_was_is_read_again(file: Path) -> None:
    keys = Keys(None, str(file))
    keys.refresh()
    file.rename(file.with_name("away"))
    keys.refresh()
    file.with_name("away").rename(file)
    keys.refresh()
    file.unlink()
    keys.refresh()
    assert keys.admit([FIRST])


def test_a_file_that_has_not_changed_is_not_opened(file: Path) -> None:
    keys = Keys(None, str(file))
    keys.refresh()
    accessed = file.stat().st_atime_ns
    os.utime(file, ns=(accessed - 10**9, file.stat().st_mtime_ns))  # before the last change: reading would renew it
    keys.refresh()
    assert file.stat().st_atime_ns == accessed - 10**9
