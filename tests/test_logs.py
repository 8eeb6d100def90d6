"""Log lines: one a record, whatever a client sent."""

import json
import logging
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from service.logs import JsonFormatter, TextFormatter, escaped, quoted

ANYTHING = st.text(st.characters(exclude_categories=()))
"""Lone surrogates included."""
FORGERY = "a\r\n\x1b[2J\x85\u2028\u2029\u202e\x00\x7f\ud800"


def record(message: str, *, error: Exception | None = None) -> logging.LogRecord:
    trace = (type(error), error, error.__traceback__) if error else None
    return logging.LogRecord("service.x", logging.ERROR, "", 0, "said %s", (message,), trace)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
@given(message=ANYTHING, reason=ANYTHING)
@example(message=FORGERY, reason=FORGERY)
def test_a_record_is_one_visible_line(formatter: logging.Formatter, message: str, reason: str) -> None:
    line = formatter.format(record(message, error=ValueError(reason)))
    assert line.isprintable()
    assert len(line.splitlines()) == 1


@given(message=ANYTHING)
@example(message=FORGERY)
def test_json_keeps_the_message_as_it_was(message: str) -> None:
    entry = json.loads(JsonFormatter().format(record(message)))
    assert (entry["message"], entry["level"], entry["logger"]) == (f"said {message}", "error", "service.x")


@given(text=ANYTHING)
@example(text=FORGERY)
def test_quoted_text_is_visible_and_can_be_read_back(text: str) -> None:
    assert quoted(text).isprintable()
    assert json.loads(quoted(text)) == text


def test_what_can_be_seen_stays() -> None:
    assert escaped("naïve 😀 \\ 你好") == "naïve 😀 \\ 你好"


def test_a_traceback_is_the_last_field_of_a_line_of_text() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        failed = logging.LogRecord("x", logging.ERROR, "", 0, "failed", (), sys.exc_info())
    head, _, traceback = TextFormatter().format(failed).partition(" exception=")
    assert head.endswith(" ERROR x: failed")
    assert json.loads(traceback).endswith("ValueError: two\nlines")
