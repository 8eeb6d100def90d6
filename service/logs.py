"""Log lines, as text or as JSON objects, to standard error. What a client sends can forge none of them."""

import json
import logging
import logging.config
from typing import Literal

Form = Literal["text", "json"]


def escaped(text: str) -> str:
    """`text` on one line: whatever cannot be seen (controls, line separators, lone surrogates) as JSON escapes it."""
    if text.isprintable():
        return text
    return "".join([character if character.isprintable() else json.dumps(character)[1:-1] for character in text])


def quoted(text: str) -> str:
    """`text` between quotes, on one line, as JSON has it."""
    return escaped(json.dumps(text, ensure_ascii=False))


class TextFormatter(logging.Formatter):
    """One line of text a record; a traceback is its last field."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        line = f"{self.formatTime(record)} {record.levelname} {record.name}: {record.getMessage()}"
        if record.exc_info:
            line += f" exception={quoted(self.formatException(record.exc_info))}"
        return escaped(line)


class JsonFormatter(logging.Formatter):
    """One JSON object a line; a traceback is one field of it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        line = {
            "time": self.formatTime(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return escaped(json.dumps(line, ensure_ascii=False, separators=(",", ":")))


def configure_logging(level: str, form: Form) -> None:
    """Log everything of `level` and above in `form`, uvicorn's lines too."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"text": {"()": TextFormatter}, "json": {"()": JsonFormatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            # a warning for everybody who sends what is no HTTP would fill the log
            "loggers": {"uvicorn.error": {"level": "DEBUG" if level == "debug" else "ERROR"}},
        }
    )
