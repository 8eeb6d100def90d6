"""What surrounds every exchange: an id, a query of bounded length, a problem document where the app fails, and HEAD."""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import count
from secrets import token_hex
from time import perf_counter
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.addresses import routed_path
from service.api.exchange import Exchange
from service.api.headers import header
from service.api.problems import ProblemError, problem_response
from service.api.trace_context import read_traceparent
from service.engine.errors import RequestError
from service.heatmap.errors import NotDrawableError

MAX_QUERY_BYTES = 16 * 1024
SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")

REQUEST_IDS = map((token_hex(8) + "{:016x}").format, count())
"""Unlike any other process's by the first half, unlike each other by the second: a random draw each costs a syscall."""

EXPECTED = (ProblemError, RequestError, NotDrawableError)
"""What requests bring upon themselves; anything else is the service's failure, and is logged."""

logger = logging.getLogger(__name__)


class QueryTooLongError(ProblemError):
    """The query is longer than a proxy would let pass."""

    def __init__(self, length: int) -> None:
        """It has, or the address as far as it was read, so many bytes."""
        super().__init__(
            "query-too-long",
            f"The query has {length:,} bytes, the limit is {MAX_QUERY_BYTES:,}. "
            "Send the fields as the JSON body of a POST.",
        )


class ExchangeMiddleware:
    """Gives every exchange an id (the caller's if it is sane), and its answer that id, the timings and its trace."""

    def __init__(self, app: ASGIApp, ended: Sequence[Callable[[Exchange], None]]) -> None:
        """Wrap `app`; tell each of `ended` of every exchange that is over."""
        self.app = app
        self._ended = ended

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the exchange into `scope["exchange"]`, and let the app answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = choose_request_id(scope)
        exchange = scope["exchange"] = Exchange(request_id, scope["method"], scope["path"], scope.get("client"))
        traceparent = header(scope, b"traceparent")
        if traceparent is not None:
            exchange.trace = read_traceparent(traceparent)

        def send_with_id(message: Message) -> Awaitable[None]:
            if exchange.has_begun:
                exchange.sent_bytes += len(message.get("body", b""))
            else:
                exchange.status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", exchange.request_id.encode())]
                if exchange.timings:
                    message["headers"].append((b"server-timing", _server_timing(exchange.timings)))
                if exchange.trace is not None:
                    message["headers"].append((b"traceparent", exchange.trace.traceparent.encode()))
            return send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            exchange.ended = perf_counter()
            for tell in self._ended:
                tell(exchange)


class ProblemMiddleware:
    """Gives every failure a problem document, that of the exchange itself included."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer, if it can."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        exchange: Exchange = scope["exchange"]
        try:
            check_refusal(scope)
            check_query_length(scope)
            await self.app(scope, receive, send)
        except ClientDisconnect:
            logger.debug("client went away: %s", exchange.ids)
        except asyncio.CancelledError:
            if not exchange.is_abandoned:
                raise
            await _answer_abandoned(exchange, scope, receive, send)
        except Exception as error:
            if not isinstance(error, EXPECTED):
                logger.exception("request failed: %s path=%s", exchange.ids, quote(exchange.path))
            if exchange.has_begun:
                raise
            await problem_response(Request(scope), error)(scope, receive, send)


async def _answer_abandoned(exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer what was cancelled on purpose, if there is somebody to answer to."""
    if exchange.task is not None:
        exchange.task.uncancel()
    if exchange.abandoned_for is None or exchange.has_begun:
        logger.debug("client went away: %s", exchange.ids)
    else:
        await problem_response(Request(scope), exchange.abandoned_for)(scope, receive, send)


def choose_request_id(scope: Scope) -> str:
    """The caller's, if it is sane, else a new one."""
    given = header(scope, b"x-request-id")
    return given if given is not None and SANE_REQUEST_ID.fullmatch(given) else next(REQUEST_IDS)


def _server_timing(timings: Mapping[str, float]) -> bytes:
    """Milliseconds by stage, as the W3C's Server Timing has them."""
    return ", ".join([f"{stage};dur={seconds * 1e3:.3f}" for stage, seconds in timings.items()]).encode()


def check_refusal(scope: Scope) -> None:
    """Let pass what the connection has nothing against.

    Raises:
        ProblemError: it has: this is no request, or none that can be answered now.
    """
    refusal: ProblemError | None = scope.get("refusal")
    if refusal is not None:
        raise refusal


def check_query_length(scope: Scope) -> None:
    """Let pass what has a query of a sane length.

    Raises:
        ProblemError: the query is longer.
    """
    length = len(scope["query_string"])
    if length > MAX_QUERY_BYTES:
        raise QueryTooLongError(length)


class DirectMiddleware:
    """Takes the most used routes past the framework's routing, whose layers cost as much as tokenizing a sentence."""

    def __init__(self, app: ASGIApp, routes: Iterable[Route]) -> None:
        """Wrap `app`, which has `routes`, too: it answers what they do not, as a wrong method."""
        self.app = app
        self._routes = {route.path: route for route in routes}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer where the path and the method are those of a route."""
        path = routed_path(scope) if scope["type"] == "http" else ""
        route = self._routes.get(path)
        takes = route is not None and scope["method"] in (route.methods or ())
        await (route.app if route is not None and takes else self.app)(scope, receive, send)


class HeadMiddleware:
    """Answers HEAD as GET without the body, on every route."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Ask the app with GET; drop the bytes it sends."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self.app(scope, receive, send)
            return

        async def send_without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self.app({**scope, "method": "GET"}, receive, send_without_body)
