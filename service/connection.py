"""One connection: uvicorn's HTTP/1.1 protocol with limits, timers, and a problem document for what is no request."""

import asyncio
from typing import Any, cast

import uvicorn
from uvicorn._types import ASGI3Application, HTTPScope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.api.admission import PROBES, RETRY_AFTER, Admission
from service.api.exchange import Exchange
from service.api.middleware import MAX_QUERY_BYTES, QueryTooLongError
from service.api.problems import ProblemError, ShuttingDownError
from service.api.reading import MAX_DROPPED_BYTES
from service.lingering import LingeringTransport
from service.settings import Settings

RESERVED_CONNECTIONS = 64
"""Beyond MAX_CONNECTIONS, so that probes are answered."""
RESERVED_SECONDS = 1
"""In which a connection of the reserve must send its request."""
LINGER_SECONDS = 2
WHILE_DRAINING = frozenset({"/livez", "/metrics"})
CLOSE = {"Connection": "close"}


class ConnectionConfig(uvicorn.Config):
    """uvicorn's configuration, and what connections need beside."""

    def __init__(self, settings: Settings, admission: Admission, **options: Any) -> None:  # noqa: ANN401  # uvicorn's
        """Keep the limits of `settings`."""
        super().__init__(**options, http=Connection)
        self.settings = settings
        self.admission = admission


class Connection(HttpToolsProtocol):
    """uvicorn's protocol, in which nothing lasts for ever and nothing grows without bounds.

    The server calls `check` once a second.
    """

    config: ConnectionConfig

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # uvicorn's
        """Wait for a connection."""
        super().__init__(*args, **options)
        self._settings = self.config.settings
        self._is_reserve = False
        self._answering: RequestResponseCycle | None = None
        """What the app works on; `cycle` is what was read last."""
        self._in_headers = False
        self._in_body = False
        self._is_dropping = False
        """Whether what still comes is read for the sender's sake alone."""
        self._dropped_bytes = 0
        self._fed_bytes = 0
        """Of the request whose headers are being read, rounded down to whole reads."""
        self._waiting_since = self._progress = self.loop.time()
        self._unsent_bytes = 0
        self._unsent_since = 0.0

    # what the transport tells

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take the connection, unless there are too many."""
        self._lingering = LingeringTransport(transport)
        super().connection_made(cast("asyncio.Transport", self._lingering))
        most = self._settings.max_connections
        self._is_reserve = len(self.connections) > most
        if len(self.connections) > most + RESERVED_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Work no more on what nobody waits for; uvicorn tells only the last of several requests."""
        self.pipeline.clear()
        cycle = self._answering
        super().connection_lost(exc)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            self._abandon(cycle, None)

    def data_received(self, data: bytes) -> None:
        """Read on, within the limits."""
        self._progress = self.loop.time()
        if self._is_dropping or self._lingering.lingering_since is not None:
            self._drop(len(data))
            return
        if not self._in_body:
            if not self._fed_bytes:
                self._waiting_since = self._progress
            self._fed_bytes += len(data)
        super().data_received(data)
        if self._is_dropping:  # from now on
            return
        if self._in_body:
            if self.cycle.response_complete:
                self._drop(len(data))
        elif self._in_headers and self._fed_bytes - len(data) > self._settings.max_header_bytes:
            self._refuse(self._too_large())

    def resume_writing(self) -> None:
        """Note that the reader reads."""
        self._unsent_bytes = 0
        super().resume_writing()

    # what the parser tells

    def on_message_begin(self) -> None:
        """Begin with the headers of a request."""
        super().on_message_begin()
        self._in_headers = True

    def on_headers_complete(self) -> None:
        """Let the app answer, if there is nothing against it."""
        self._in_headers = False
        refusal = self._refusal()
        if refusal is not None:
            if len(self.url) > self._settings.max_header_bytes:
                self.url = b"/"  # no problem document tells so much, and the parser takes 64 KiB at most
            self.scope["refusal"] = refusal  # type: ignore[typeddict-unknown-key]  # uvicorn's type knows ASGI's alone
        self.scope["drained"] = self.drained  # type: ignore[typeddict-unknown-key]  # see above
        self._fed_bytes = 0
        super().on_headers_complete()
        self._in_body = self._lingering.may_still_receive = True

    def on_message_complete(self) -> None:
        """Expect another request."""
        self._in_body = self._lingering.may_still_receive = False
        self._dropped_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text, which says as little
        """Answer what is no HTTP."""
        self._refuse(
            ProblemError(
                "malformed-request",
                "This is no HTTP/1.1 request. Send one, with a well-formed request line, headers and body.",
                headers=CLOSE,
            )
        )

    # what the server asks

    @property
    def is_busy(self) -> bool:
        """Whether something accepted is not answered to its last byte."""
        cycles = [self._answering, *(cycle for cycle, _ in self.pipeline)]
        return self.transport.get_write_buffer_size() > 0 or any(
            cycle is not None and not cycle.response_complete and "refusal" not in cycle.scope for cycle in cycles
        )

    def drain(self) -> None:
        """Answer what was accepted, and take no more on this connection afterwards."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def give_up(self) -> None:
        """Answer what is not answered yet that there is no more time."""
        if self._answering is not None and not self._answering.response_complete:
            self._abandon(self._answering, ShuttingDownError())

    def check(self, now: float) -> None:
        """End what has taken too long."""
        waited, since = now - self._waiting_since, self._lingering.lingering_since
        if self._unsent(now):
            if now - self._unsent_since > self._settings.write_timeout:
                self.transport.abort()
        elif since is not None:
            if now - since > LINGER_SECONDS:
                self.transport.abort()
        elif self._in_body:
            if now - self._progress > self._settings.body_timeout and not self.flow.read_paused:
                self._refuse(self._too_slow("body", self._settings.body_timeout, "BODY_TIMEOUT"))
        elif (self._fed_bytes or self.cycle is None) and not self._is_dropping:
            most = RESERVED_SECONDS if self._is_reserve else self._settings.header_timeout
            if waited > most and self._fed_bytes:
                self._refuse(self._too_slow("headers", most, "HEADER_TIMEOUT"))
            elif waited > most:
                self.transport.close()

    async def drained(self) -> None:
        """Wait until all that was written has left."""
        if self.transport.get_write_buffer_size():
            self.transport.set_write_buffer_limits(high=0)
            await self.flow.drain()
            self.transport.set_write_buffer_limits()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _refusal(self) -> ProblemError | None:
        """What is against answering the request whose headers are read."""
        path = self.url.partition(b"?")[0].decode("latin-1")
        if self.config.admission.draining.is_set() and path not in WHILE_DRAINING:
            return ShuttingDownError()
        if self._fed_bytes > self._settings.max_header_bytes:  # or it came together with its body
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self._settings.max_header_bytes:
                return self._too_large()
        if self._is_reserve and path not in PROBES:
            return ProblemError(
                "too-many-connections",
                f"More than {self._settings.max_connections:,} connections are open (MAX_CONNECTIONS), and the rest is "
                "kept for probes. Close some, or try again in a moment.",
                headers={**RETRY_AFTER, **CLOSE},
            )
        return None

    def _too_large(self) -> ProblemError:
        if len(self.url) > MAX_QUERY_BYTES:
            return QueryTooLongError(len(self.url))
        return ProblemError(
            "headers-too-large",
            f"The request line and headers have more than {self._settings.max_header_bytes:,} bytes "
            "(MAX_HEADER_BYTES). Send fewer or shorter ones; a long sentence goes into the body of a POST.",
            headers=CLOSE,
        )

    @staticmethod
    def _too_slow(what: str, seconds: int, setting: str) -> ProblemError:
        return ProblemError(
            "request-timeout",
            f"The {what} did not come within {seconds} seconds ({setting}). Send faster.",
            headers=CLOSE,
        )

    def _refuse(self, problem: ProblemError) -> None:
        """Answer `problem` after what was asked before, and close; nothing more is read."""
        self._is_dropping = True
        self._lingering.may_still_receive = True
        if self._in_body:
            if self.cycle.response_complete:
                self.transport.close()
            else:
                self._abandon(self.cycle, problem)
            return
        cycle = self.cycle = self._unread(problem)
        if self._answering is None or self._answering.response_complete:
            self._start_asgi_task(cycle, self.app)
        else:
            self.pipeline.appendleft((cycle, self.app))

    def _unread(self, problem: ProblemError) -> RequestResponseCycle:
        """A request of which nothing is known but what is wrong with it."""
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": self.scheme,
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "root_path": self.root_path,
            "headers": [],
            "server": self.server,
            "client": self.client,
            "state": self.app_state.copy(),
            "refusal": problem,
        }
        return RequestResponseCycle(
            scope=cast("HTTPScope", scope),
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=False,
            on_response=self.on_response_complete,
        )

    def _drop(self, size: int) -> None:
        """Read `size` bytes for nothing, which must not go on for ever."""
        self._dropped_bytes += size
        if self._dropped_bytes > MAX_DROPPED_BYTES:
            self.transport.abort()

    def _unsent(self, now: float) -> int:
        """How many bytes wait for the reader; since when they are as many is noted."""
        unsent = self.transport.get_write_buffer_size()
        if unsent != self._unsent_bytes:
            self._unsent_bytes, self._unsent_since = unsent, now
        return unsent

    @staticmethod
    def _abandon(cycle: RequestResponseCycle, problem: ProblemError | None) -> None:
        exchange: Exchange | None = cycle.scope.get("exchange")  # type: ignore[assignment]  # uvicorn's type knows no other
        if exchange is not None:
            exchange.abandon(problem)
        elif problem is not None:  # it has not begun
            cycle.scope["refusal"] = problem  # type: ignore[typeddict-unknown-key]  # see above
