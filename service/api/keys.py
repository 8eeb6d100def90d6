"""The keys that open the service: kept as digests, compared in constant time, read again when their file changes."""

import hmac
import logging
import re
from collections import Counter
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import SecretStr

LEAST_CHARACTERS = 16
MOST_FILE_BYTES = 1024**2
VISIBLE = re.compile(r"[!-~]*")
COMMENT = re.compile(r"(^|\s)#.*")

State = tuple[int, ...]
"""What tells one version of a file from another, without reading it."""

logger = logging.getLogger(__name__)


class KeysError(ValueError):
    """Keys that cannot be taken; the text says which and why, and never holds one."""


class Keys:
    """Several keys at once, so that a new one is taken before the old one goes. No key is kept, only digests."""

    def __init__(self, listed: SecretStr | None, file: str | None) -> None:
        """Take the comma-separated keys `listed`; those of `file`, one a line, are there once it was read.

        Raises:
            KeysError: both are given, or a key is empty, blank, short, or no visible ASCII.
        """
        if listed is not None and file is not None:
            raise KeysError("API_KEYS and API_KEYS_FILE are both set; set one of them")
        self.are_set = listed is not None or file is not None
        """Whether the service is closed; with a file that was never readable nothing opens it."""
        self.failures: Counter[Literal["missing", "wrong"]] = Counter()
        """How many requests were refused for want of a key, or because theirs is none."""
        self._file = file
        in_list = [] if listed is None else listed.get_secret_value().split(",")
        self._digests = _digests("API_KEYS: key", enumerate(in_list, start=1))
        self._state: State | None = None
        self._complaint: tuple[State | None, str] | None = None

    def admit(self, given: Iterable[str]) -> bool:
        """Whether one of the `given` keys opens the service; how long that takes tells nothing of the keys."""
        attempts = [sha256(key.encode()).digest() for key in given]
        found = sum(hmac.compare_digest(attempt, digest) for attempt in attempts for digest in self._digests)
        if not found:
            self.failures["wrong" if attempts else "missing"] += 1
        return found > 0

    def read(self) -> None:
        """Read the file, where there is one that has changed since.

        Raises:
            KeysError: it cannot be read, or holds no keys or what is none; those read before stay.
        """
        if self._file is None:
            return
        try:
            state = _state(Path(self._file))
            if state == self._state:
                return
            lines = _lines(Path(self._file))
        except OSError as error:
            raise KeysError(f"API_KEYS_FILE cannot be read: {error.strerror}") from None
        self._digests = _digests("API_KEYS_FILE: line", lines)
        self._state = state

    def refresh(self) -> None:
        """Read the file if it has changed, cheap where it has not; what is wrong with it is logged, once."""
        before = self._state
        try:
            self.read()
        except KeysError as error:
            self._state = None  # it is read until it is right, even if it comes back as it was
            complaint = (_state_or_none(self._file), str(error))
            if complaint != self._complaint:
                logger.error("%s; the keys stay as they were", error)
            self._complaint = complaint
            return
        if self._state != before:
            self._complaint = None
            logger.info("API_KEYS_FILE: read %d keys", len(self._digests))


def _state(file: Path) -> State:
    status = file.stat()
    return (status.st_mtime_ns, status.st_size, status.st_ino, status.st_dev)


def _state_or_none(file: str | None) -> State | None:
    try:
        return _state(Path(file or ""))
    except OSError:
        return None


def _lines(file: Path) -> list[tuple[int, str]]:
    """The numbered lines of `file`, without comments and what is blank.

    Raises:
        KeysError: it is no file of keys.
        OSError: it cannot be read.
    """
    if not file.is_file():  # to open a pipe would wait for who writes it
        raise KeysError("API_KEYS_FILE is no regular file")
    with file.open("rb") as opened:
        content = opened.read(MOST_FILE_BYTES + 1)
    if len(content) > MOST_FILE_BYTES:
        raise KeysError(f"API_KEYS_FILE is larger than {MOST_FILE_BYTES:,} bytes")
    text = content.decode("utf-8-sig", errors="replace")
    numbered = [(number, COMMENT.sub("", line).strip()) for number, line in enumerate(text.split("\n"), start=1)]
    lines = [(number, line) for number, line in numbered if line]
    if not lines:
        raise KeysError("API_KEYS_FILE holds no key")
    return lines


def _digests(place: str, keys: Iterable[tuple[int, str]]) -> tuple[bytes, ...]:
    digests = []
    for number, padded in keys:
        key = padded.strip()
        if not VISIBLE.fullmatch(key) or len(key) < LEAST_CHARACTERS:
            wrong = "is empty" if not key else "is too short" if VISIBLE.fullmatch(key) else "has other characters"
            raise KeysError(f"{place} {number} {wrong}; a key has at least {LEAST_CHARACTERS} visible ASCII characters")
        digests.append(sha256(key.encode()).digest())
    return tuple(digests)
