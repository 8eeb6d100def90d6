"""OpenTelemetry: the real SDK exports spans to a real receiver of OTLP over HTTP, and nothing unasked."""

import gzip
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from service.api.telemetry import make_spans
from service.app import create_app
from service.settings import Settings
from tests.api.test_trace_context import PARENT_ID, TRACE_ID
from tests.conftest import running

MISSING = "the extra telemetry is not installed: python -m pip install '.[telemetry]'"
pytest.importorskip("opentelemetry.sdk", reason=MISSING)
pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason=MISSING)

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: E402  # as above

NAMES = (
    "OTEL_SDK_DISABLED",
    "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)


class Collector(ThreadingHTTPServer):
    """Takes spans on a free port of this machine."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.received: list[bytes] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Collector)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.received.append(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    with Collector() as collector:
        thread = threading.Thread(target=collector.serve_forever, args=(0.01,))
        thread.start()
        yield collector
        collector.shutdown()
        thread.join()


async def test_requests_are_spans_of_their_callers_traces_without_the_sentence(
    collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    async with running(create_app(Settings(device="cpu"))) as client:
        answer = await client.get("/tokenize?sentence=secret", headers={"traceparent": f"00-{TRACE_ID}-{PARENT_ID}-01"})
        await client.post("/nowhere/secrets", json={"sentence": "secret"})
    assert b"sentence" not in b"".join(collector.received)
    parsed = [ExportTraceServiceRequest.FromString(body) for body in collector.received]
    resources = [resource for request in parsed for resource in request.resource_spans]
    spans = {s.name: s for resource in resources for scope in resource.scope_spans for s in scope.spans}
    span = spans["GET /tokenize"]
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE_ID, PARENT_ID)
    assert span.span_id.hex() == answer.headers["traceparent"].split("-")[2]
    attributes = {pair.key: pair.value for pair in span.attributes}
    assert attributes["http.response.status_code"].int_value == 200
    assert attributes["attention.tokenize_ms"].double_value > 0
    assert spans["POST"].parent_span_id == b""
    assert 0 < span.end_time_unix_nano - span.start_time_unix_nano < 60e9
    assert {a.key: a.value.string_value for a in resources[0].resource.attributes}[
        "service.name"
    ] == "attention-service"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_unasked_there_are_no_spans(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert make_spans(()) is None


def test_where_the_extra_is_missing_a_line_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "otlp")
    monkeypatch.delitem(sys.modules, "service.api.spans", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)  # importing it fails as if it were not there
    assert make_spans(()) is None
    assert "attention-service[telemetry]" in caplog.text
