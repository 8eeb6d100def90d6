"""uvicorn's HTTP/1.1 protocol with limits on what is read, and a problem document for what is no request."""

import asyncio
from typing import Any, cast

import uvicorn
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.api.addresses import METRICS
from service.api.admission import Admission
from service.api.admission_middleware import UNBOUNDED
from service.api.exchange import Exchange
from service.api.problems import ProblemError, ShuttingDownError
from service.api.reading import MAX_DROPPED_BYTES
from service.gathering import GatheringTransport
from service.lingering import LingeringTransport
from service.refusals import MalformedRequestError, TooManyConnectionsError, headers_too_large
from service.settings import Settings

RESERVED_CONNECTIONS = 64
"""Beyond MAX_CONNECTIONS, so that probes are answered."""
WHILE_DRAINING = {"/livez", METRICS}


class LimitedConfig(uvicorn.Config):
    """uvicorn's configuration, and what connections need beside."""

    def __init__(self, settings: Settings, admission: Admission, **options: Any) -> None:  # noqa: ANN401  # uvicorn's
        """Keep the limits of `settings`."""
        super().__init__(**options)
        self.settings = settings
        self.admission = admission


class LimitedProtocol(HttpToolsProtocol):
    """Reads requests of bounded size; what is none is answered in its turn, after those before it."""

    config: LimitedConfig

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  # uvicorn's
        """Wait for a connection."""
        super().__init__(*args, **options)
        self.settings = self.config.settings
        self.is_reserve = False
        """Whether it is there for probes alone."""
        self.answering: RequestResponseCycle | None = None
        """What the app works on; `cycle` is what was read last."""
        self.in_body = False
        self.is_dropping = False
        """Whether what still comes is read for the sender's sake alone."""
        self._dropped_bytes = 0
        self.fed_bytes = 0
        """Which the parser keeps to itself, because what they are part of has not ended; rounded up to whole reads."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Take the connection, unless there are too many."""
        self.lingering = LingeringTransport(GatheringTransport(transport))
        super().connection_made(cast("asyncio.Transport", self.lingering))
        most = self.settings.max_connections
        self.is_reserve = len(self.connections) > most
        if len(self.connections) > most + RESERVED_CONNECTIONS:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Work no more on what nobody waits for; uvicorn tells only the last of several requests."""
        self.pipeline.clear()
        cycle = self.answering
        super().connection_lost(exc)
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            abandon(cycle, None)

    def data_received(self, data: bytes) -> None:
        """Read on, within the limits."""
        if self.is_dropping or self.lingering.lingering_since is not None:
            self._drop(len(data))
            return
        self.fed_bytes += len(data)
        super().data_received(data)
        if self.is_dropping:  # from now on
            return
        if self.in_body and self.cycle.response_complete:
            self._drop(len(data))
        elif self.fed_bytes - len(data) > self.settings.max_header_bytes:
            self.refuse(headers_too_large(self.url, self.settings.max_header_bytes))

    def on_headers_complete(self) -> None:
        """Let the app answer, if there is nothing against it."""
        refusal = self._refusal()
        if refusal is not None:
            if len(self.url) > self.settings.max_header_bytes:
                self.url = b"/"  # no problem document tells so much, and the parser takes 64 KiB at most
            self.scope["refusal"] = refusal  # type: ignore[typeddict-unknown-key]  # uvicorn's type knows ASGI's alone
        self.fed_bytes = 0
        super().on_headers_complete()
        self.in_body = self.lingering.may_still_receive = True

    def on_body(self, body: bytes) -> None:
        """Read a piece of a body."""
        self.fed_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Expect another request."""
        self.in_body = self.lingering.may_still_receive = False
        self._dropped_bytes = self.fed_bytes = 0
        super().on_message_complete()
        if self.cycle is self.answering:  # uvicorn reads no further behind a long body, and so not that its sender goes
            self.flow.resume_reading()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's text, which says as little
        """Answer what is no HTTP."""
        self.refuse(MalformedRequestError())

    def refuse(self, problem: ProblemError) -> None:
        """Answer `problem` after what was asked before, and close; nothing more is read."""
        self.is_dropping = True
        self.lingering.may_still_receive = True
        if not self.in_body:
            self._ask_nothing(problem)
        elif self.cycle.response_complete:
            self.transport.close()
        else:
            abandon(self.cycle, problem)

    def _refusal(self) -> ProblemError | None:
        """What is against answering the request whose headers are read."""
        if self.fed_bytes > self.settings.max_header_bytes:  # or it came together with its body
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > self.settings.max_header_bytes:
                return headers_too_large(self.url, self.settings.max_header_bytes)
        is_draining = self.config.admission.draining.is_set()
        if is_draining or self.is_reserve:
            path = self.url.partition(b"?")[0].decode("latin-1")
            if is_draining and path not in WHILE_DRAINING:
                return ShuttingDownError()
            if self.is_reserve and path not in UNBOUNDED:
                return TooManyConnectionsError(self.settings.max_connections)
        return None

    def _ask_nothing(self, problem: ProblemError) -> None:
        """Have the app answer `problem` to a request of which nothing else is known."""
        super().on_message_begin()
        scope: dict[str, Any] = {
            "method": "GET",
            "path": "/",
            "raw_path": b"/",
            "query_string": b"",
            "refusal": problem,
        }
        self.cycle = RequestResponseCycle(
            scope=cast("Any", {**self.scope, **scope, "refusal": problem}),
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
        if self.answering is None or self.answering.response_complete:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.pipeline.appendleft((self.cycle, self.app))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.answering = cycle
        super()._start_asgi_task(cycle, app)

    def _drop(self, size: int) -> None:
        """Read `size` bytes for nothing, which must not go on for ever."""
        self._dropped_bytes += size
        if self._dropped_bytes > MAX_DROPPED_BYTES:
            self.transport.abort()


def abandon(cycle: RequestResponseCycle, problem: ProblemError | None) -> None:
    """Work on a request no more, and answer `problem`; None = there is nobody to answer to."""
    exchange: Exchange | None = cycle.scope.get("exchange")  # type: ignore[assignment]  # uvicorn's type knows no other
    if exchange is not None:
        exchange.abandon(problem)
    elif problem is not None:  # it has not begun
        cycle.scope["refusal"] = problem  # type: ignore[typeddict-unknown-key]  # see above
