"""One log line a request, written ten times a second: as service/logs.py has them, without logging's cost a record."""

import logging
import os
from collections.abc import Iterable, Iterator
from functools import lru_cache
from select import PIPE_BUF
from time import localtime, perf_counter, strftime, time
from urllib.parse import quote

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.admission_middleware import UNBOUNDED
from service.api.exchange import Exchange
from service.logs import Form, escaped, quoted

STDERR = 2
MAX_UNWRITTEN = 10_000
"""Most lines that wait to be written; more are counted."""
MAX_PATH_CHARACTERS = 1024
MAX_ASKED_BYTES = 1024
"""How much of a query string, or of a body, is logged where LOG_SENTENCES says so."""
NAME = "service.requests"

logger = logging.getLogger(NAME)


class RequestLog(logging.Handler):
    """The lines of the requests; a handler of no records, so that `logging.shutdown` flushes it however all ends."""

    def __init__(self, form: Form, root_path: str | None = None, descriptor: int = STDERR) -> None:
        """Write lines in `form` to `descriptor`; the service is served under `root_path`."""
        super().__init__()
        self._line = _json_line if form == "json" else _text_line
        self._probes = UNBOUNDED | {f"{root_path or ''}{path}" for path in UNBOUNDED}
        self.descriptor = descriptor
        self._unwritten: list[Exchange] = []
        self._lost = 0
        self._reason = ""

    def ended(self, exchange: Exchange) -> None:
        """Keep an exchange, which has ended, for `flush`."""
        if len(self._unwritten) < MAX_UNWRITTEN:
            self._unwritten.append(exchange)
        else:
            self._lost += 1
            self._reason = "too many at once"

    def flush(self) -> None:
        """Write the lines of what has ended; those that cannot be written are counted, and that is said later."""
        exchanges, self._unwritten = self._unwritten, []
        lines = list(self._lines(exchanges)) if exchanges else []
        for piece in _pieces(lines):
            try:
                _write(self.descriptor, piece)
            except OSError as error:
                self._lost += piece.count(b"\n")
                self._reason = os.strerror(error.errno or 0)
            else:
                self._tell_of_lost()

    def _lines(self, exchanges: Iterable[Exchange]) -> Iterator[str]:
        shows_probes, shows_others = logger.isEnabledFor(logging.DEBUG), logger.isEnabledFor(logging.INFO)
        offset = time() - perf_counter()
        for exchange in exchanges:
            is_probe = exchange.path in self._probes
            if shows_probes if is_probe else shows_others:
                yield self._line(_time(offset + exchange.ended), "debug" if is_probe else "info", exchange)

    def _tell_of_lost(self) -> None:
        if self._lost:
            lost, self._lost = self._lost, 0
            logger.error("%d lines of requests could not be written: %s", lost, self._reason)


class AskedMiddleware:
    """Keeps the beginning of what is asked, for the log; only where LOG_SENTENCES says so."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, and look at what it receives."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange: Exchange = scope["exchange"]
        exchange.query, exchange.body = scope["query_string"][:MAX_ASKED_BYTES], b""

        async def receive_and_keep() -> Message:
            message = await receive()
            kept = exchange.body or b""
            exchange.body = kept + message.get("body", b"")[: MAX_ASKED_BYTES - len(kept)]
            return message

        await self.app(scope, receive_and_keep, send)


def _text_line(moment: str, level: str, exchange: Exchange) -> str:
    stages = "".join([f" {stage}_ms={seconds * 1e3:.3f}" for stage, seconds in exchange.timings.items()])
    line = (
        f"{moment} {level.upper()} {NAME}: {shown(exchange.method)} {shown(exchange.path[:MAX_PATH_CHARACTERS])} "
        f"{exchange.outcome} bytes={exchange.sent_bytes} "
        f"ms={(exchange.ended - exchange.began) * 1e3:.3f}{stages} "
        f"client={shown(exchange.client[0]) if exchange.client else ''} request_id={exchange.request_id}"
    )
    if exchange.trace is not None:
        line += f" trace_id={exchange.trace.trace_id}"
    if exchange.problem is not None:
        line += f" problem={exchange.problem}"
    if exchange.query or exchange.body:
        line += "".join([f" {name}={quoted(value)}" for name, value in _asked(exchange)])
    return f"{line}\n"


def _json_line(moment: str, level: str, exchange: Exchange) -> str:
    method, path = shown(exchange.method), shown(exchange.path[:MAX_PATH_CHARACTERS])
    status = exchange.outcome
    line: dict[str, str | int | float] = {
        "time": moment,
        "level": level,
        "logger": NAME,
        "message": f"{method} {path} {status}",
        "method": method,
        "path": path,
        "status": status,
        "bytes": exchange.sent_bytes,
        "ms": int((exchange.ended - exchange.began) * 1e6) / 1e3,
    }
    for stage, seconds in exchange.timings.items():
        line[f"{stage}_ms"] = int(seconds * 1e6) / 1e3
    line["client"] = shown(exchange.client[0]) if exchange.client else ""
    line["request_id"] = exchange.request_id
    if exchange.trace is not None:
        line["trace_id"] = exchange.trace.trace_id
    if exchange.problem is not None:
        line["problem"] = exchange.problem
    if exchange.query or exchange.body:
        line.update(_asked(exchange))
    return escaped(orjson.dumps(line).decode()) + "\n"


def _asked(exchange: Exchange) -> list[tuple[str, str]]:
    """What was asked, where it is to be told: anything may stand in it."""
    asked = (("query", exchange.query), ("body", exchange.body))
    return [(name, sent.decode("utf-8", "backslashreplace")) for name, sent in asked if sent]


@lru_cache(maxsize=256)
def shown(text: str) -> str:
    """A client's text, percent-encoded."""
    return quote(text, "/:", errors="replace")[:MAX_PATH_CHARACTERS]


def _time(moment: float) -> str:
    """As logging has it."""
    seconds, milliseconds = divmod(int(moment * 1e3), 1000)
    return f"{_second(seconds)},{milliseconds:03d}"


@lru_cache(maxsize=4)
def _second(seconds: int) -> str:
    return strftime(logging.Formatter.default_time_format, localtime(seconds))


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Whole lines in pieces that a pipe takes at once: no other process' line falls into the middle of one."""
    piece = bytearray()
    for line in lines:
        encoded = line.encode()
        if piece and len(piece) + len(encoded) > PIPE_BUF:
            yield bytes(piece)
            piece.clear()
        piece += encoded
    if piece:
        yield bytes(piece)


def _write(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
