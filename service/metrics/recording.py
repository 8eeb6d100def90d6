"""What the service counts: noted as it happens, and put into Prometheus' metrics ten times a second and when asked.

A request costs no more than the note; what is noted together is added together.
"""

import os
from bisect import bisect_left
from collections import Counter as Tally
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.process_collector import ProcessCollector

from service.api.admission import Admission
from service.api.exchange import Exchange
from service.api.keys import Keys
from service.api.problems import KINDS
from service.metrics.processes import BuildCollector, WorkerCollector
from service.metrics.storage import VARIABLE, SharedCollector

OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
REJECTING = frozenset({401, 408, 413, 429, 431, 503, 504})
REJECTIONS = frozenset(code for code, kind in KINDS.items() if kind.status in REJECTING)
SECONDS = (1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
BYTES = tuple(4**power for power in range(4, 15))
TEXTS = tuple(2**power for power in range(9))
TOKENS = tuple(2**power for power in range(3, 17))
BY_ENDPOINT = ("endpoint",)
T = TypeVar("T")

disable_created_metrics()  # type: ignore[no-untyped-call]  # its own; another series for each, which nobody reads and several processes do not have


class Metrics:
    """All metrics of one application."""

    def __init__(self, paths: Iterable[str], root_path: str, admission: Admission, keys: Keys) -> None:
        """Count requests for the route templates `paths` under `root_path`, and what `admission` and `keys` know."""
        self._registry = CollectorRegistry()
        self._registry.register(BuildCollector())
        folder = os.environ.get(VARIABLE)
        if folder is None:
            self._registry.register(WorkerCollector(lambda: [os.getpid()]))
            ProcessCollector(registry=self._registry)
        else:
            shared = SharedCollector(Path(folder))
            self._registry.register(shared)
            self._registry.register(WorkerCollector(shared.pids))
        self._paths = {root_path + path: path for path in paths}
        self._root_slashes = root_path.count("/")
        self._prefixes = [(root_path + path.partition("{")[0], path) for path in paths if "{" in path]
        self._admission = admission
        self._keys = keys
        self._failed_keys: Tally[Literal["missing", "wrong"]] = Tally()
        """Those that are counted."""
        self._exchanges: list[Exchange] = []
        self._batches: list[tuple[int, int]] = []
        self.ended = self._exchanges.append
        """Note an exchange that is over."""
        self._define(self._registry if folder is None else None)

    def _define(self, registry: CollectorRegistry | None) -> None:
        count = partial(Counter, registry=registry)
        gauge = partial(Gauge, multiprocess_mode="livesum", registry=registry)
        histogram = partial(Histogram, registry=registry)
        seconds = partial(histogram, labelnames=BY_ENDPOINT, buckets=SECONDS)
        self._requests = count("attention_requests_total", "Requests.", ("endpoint", "method", "status"))
        self._rejections = count("attention_rejections_total", "Refused requests by the kind of problem.", ("reason",))
        self._failures = count("attention_failed_keys_total", "Requests without a key that is taken.", ("reason",))
        self._histograms = {
            "duration": seconds("attention_request_duration_seconds", "From a request's headers to its answer's end."),
            "queue": seconds("attention_queue_seconds", "Waiting for a slot and for the engine."),
            "tokenize": seconds("attention_tokenize_seconds", "Tokenizing."),
            "compute": seconds("attention_compute_seconds", "Computing."),
            "encode": seconds("attention_encode_seconds", "Encoding or drawing the answer."),
            "bytes": histogram(
                "attention_response_bytes", "The answers' bodies as they were sent.", BY_ENDPOINT, buckets=BYTES
            ),
        }
        self._batch_texts = histogram("attention_batch_texts", "Texts that a model ran at once.", buckets=TEXTS)
        self._batch_tokens = histogram("attention_batch_tokens", "Their tokens, with padding.", buckets=TOKENS)
        self._in_flight = gauge("attention_requests_in_flight", "Requests that were let in and have not ended.")
        self._at_work = gauge("attention_requests_at_work", "Requests that have a slot.")
        self._aside = gauge("attention_requests_aside", "Long requests at work, which have no slot.")
        self._queued = gauge("attention_requests_queued", "Requests that wait for a slot.")
        self._reserved = gauge("attention_reserved_bytes", "What requests may have in memory.")
        for reason in REJECTIONS:  # a series that begins with its first event has no rate there
            self._rejections.labels(reason)
        for reason in ("missing", "wrong"):
            self._failures.labels(reason)

    def batch_ran(self, texts: int, tokens: int) -> None:
        """Note a run of a model on so many texts, and tokens with padding."""
        self._batches.append((texts, tokens))

    def flush(self) -> None:
        """Add what was noted."""
        self._add_exchanges(_take(self._exchanges))
        batches = _take(self._batches)
        if batches:
            texts, tokens = zip(*batches, strict=True)
            _observe(self._batch_texts, TEXTS, texts)
            _observe(self._batch_tokens, TOKENS, tokens)
        for reason, number in (self._keys.failures - self._failed_keys).items():
            self._failures.labels(reason).inc(number)
            self._failed_keys[reason] += number
        self._in_flight.set(self._admission.in_flight)
        self._at_work.set(self._admission.at_work)
        self._aside.set(self._admission.without_slot)
        self._queued.set(self._admission.waiting)
        self._reserved.set(self._admission.reserved_bytes)

    def _add_exchanges(self, exchanges: list[Exchange]) -> None:
        counts: Tally[tuple[str, str, int]] = Tally()
        values: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
        for exchange in exchanges:
            endpoint = self._paths.get(exchange.path) or self._template(exchange.path)
            counts[endpoint, exchange.method, exchange.outcome] += 1
            values["duration", endpoint].append(exchange.ended - exchange.began)
            values["bytes", endpoint].append(exchange.sent_bytes)
            for stage, seconds in exchange.timings.items():
                values[stage, endpoint].append(seconds)
            if exchange.problem in REJECTIONS:
                self._rejections.labels(exchange.problem).inc()
        for (endpoint, method, status), number in counts.items():
            known = method if method in METHODS else OTHER
            self._requests.labels(endpoint, known, str(status)).inc(number)
        for (name, endpoint), observed in values.items():
            _observe(self._histograms[name].labels(endpoint), BYTES if name == "bytes" else SECONDS, observed)

    def _template(self, path: str) -> str:
        """The template of a path that is none itself; what is asked for decides nothing else about the series."""
        for prefix, template in self._prefixes:
            if path.startswith(prefix) and path.count("/") == template.count("/") + self._root_slashes:
                return template
        return OTHER

    def expose(self, accept: str) -> tuple[bytes, str]:
        """All metrics in the text format that `accept` asks for, and its media type; for a thread."""
        encode, media_type = choose_encoder(accept)
        return encode(self._registry), media_type


def _take(noted: list[T]) -> list[T]:
    """Empty the list; what another thread adds meanwhile stays."""
    taken = noted[:]
    del noted[: len(taken)]
    return taken


def _observe(histogram: Histogram, bounds: Sequence[float], values: Sequence[float]) -> None:
    """Observe many values at once, as prometheus_client does with one: it has no method for many, and is slow."""
    for bucket, number in Tally(map(partial(bisect_left, bounds), values)).items():
        histogram._buckets[bucket].inc(number)
    histogram._sum.inc(sum(values))
