"""Spans of requests for OpenTelemetry, made of exchanges that have ended: no request waits for them.

FastAPI's own tracing would put the query string, and so the sentence, into every span.
"""

import os
from collections.abc import Collection
from time import perf_counter, time_ns

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from service import __version__
from service.api.exchange import Exchange
from service.api.request_log import MAX_PATH_CHARACTERS, MAX_UNWRITTEN, shown

SERVICE_NAME = "attention-service"
SERVER_ERROR = 500


class Spans:
    """Makes a span of every exchange that has ended, and exports it as OpenTelemetry's own variables say."""

    def __init__(self, routes: Collection[str]) -> None:
        """Name those of requests to `routes` by them, all others by their method alone."""
        name = os.environ.get("OTEL_SERVICE_NAME") or SERVICE_NAME
        resource = Resource.create({"service.name": name, "service.version": __version__})
        self._ids = _Ids()
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("service", __version__)
        self._routes = frozenset(routes)
        self._ended: list[Exchange] = []

    def ended(self, exchange: Exchange) -> None:
        """Keep an exchange, which has ended, for `flush`; of too many at once some get no span."""
        if len(self._ended) < MAX_UNWRITTEN:
            self._ended.append(exchange)

    def flush(self) -> None:
        """Make the spans of what has ended; a thread of the provider exports them."""
        exchanges, self._ended = self._ended, []
        offset = time_ns() - int(perf_counter() * 1e9)
        for exchange in exchanges:
            self._trace(exchange, offset)

    def close(self) -> None:
        """Export what is left; a collector that does not answer is waited for as OTEL_EXPORTER_OTLP_TIMEOUT says."""
        self.flush()
        self._provider.shutdown()

    def _trace(self, exchange: Exchange, offset: int) -> None:
        method, path = shown(exchange.method), shown(exchange.path[:MAX_PATH_CHARACTERS])
        self._ids.told = int(exchange.trace.span_id, 16) if exchange.trace else 0
        span = self._tracer.start_span(
            f"{method} {path}" if path in self._routes else method,
            _parent(exchange),
            trace.SpanKind.SERVER,
            _attributes(exchange) | {"http.request.method": method, "url.path": path},
            start_time=offset + int(exchange.began * 1e9),
        )
        if exchange.status >= SERVER_ERROR:
            span.set_status(trace.StatusCode.ERROR, exchange.problem)
        span.end(offset + int(exchange.ended * 1e9))


class _Ids(RandomIdGenerator):
    told = 0
    """The next span's id where its answer has told it; 0 = any."""

    def generate_span_id(self) -> int:
        told, self.told = self.told, 0
        return told or super().generate_span_id()


def _parent(exchange: Exchange) -> Context:
    """The caller's span, if there is one; what happens in this process is nobody's parent."""
    if exchange.trace is None:
        return Context()
    given = exchange.trace
    flags = trace.TraceFlags(int(given.flags, 16))
    caller = trace.SpanContext(int(given.trace_id, 16), int(given.parent_id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(caller), Context())


def _attributes(exchange: Exchange) -> dict[str, str | int | float]:
    """What the log tells of it, by the names of the semantic conventions where they have one."""
    attributes: dict[str, str | int | float] = {
        "http.response.status_code": exchange.outcome,
        "http.response.body.size": exchange.sent_bytes,
        "attention.request_id": exchange.request_id,
    }
    for stage, seconds in exchange.timings.items():
        attributes[f"attention.{stage}_ms"] = seconds * 1e3
    if exchange.client:
        attributes["client.address"] = shown(exchange.client[0])
    if exchange.problem is not None:
        attributes["error.type"] = exchange.problem
    return attributes
