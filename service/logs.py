"""Log lines, as text or as JSON objects, to standard error."""

import logging
import logging.config
from typing import Literal

import orjson


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
        return orjson.dumps(line).decode()


def configure_logging(level: str, form: Literal["text", "json"]) -> None:
    """Log everything of `level` and above in `form`, uvicorn's lines too."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
                "json": {"()": JsonFormatter},
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": form}},
            "root": {"level": level.upper(), "handlers": ["stderr"]},
            # a warning for everybody who sends what is no HTTP would fill the log
            "loggers": {"uvicorn.error": {"level": "DEBUG" if level == "debug" else "ERROR"}},
        }
    )
