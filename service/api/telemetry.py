"""Whether requests are traced: only where OpenTelemetry's own variables ask for it, and its packages are installed."""

import logging
import os
from collections.abc import Collection
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.api.spans import Spans

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

logger = logging.getLogger(__name__)


def is_asked_for() -> bool:
    """Whether spans are to be exported."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = os.environ.get("OTEL_TRACES_EXPORTER", "")
    return exporter == "otlp" or (not exporter and any(os.environ.get(name) for name in ENDPOINTS))


def make_spans(routes: Collection[str]) -> "Spans | None":
    """What makes spans of requests, those to `routes` named by them; None = nobody asked, or the extra is missing."""
    if not is_asked_for():
        return None
    try:
        from service.api.spans import Spans
    except ImportError:
        logger.warning("OpenTelemetry's variables ask for traces: pip install 'attention-service[telemetry]'")
        return None
    return Spans(routes)
