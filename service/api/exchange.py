"""An exchange: one request and its answer, as far as they have come. It is in `scope["exchange"]`."""

import asyncio
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # which imports what problems are made of
    from service.api.problems import ProblemError
    from service.api.trace_context import TraceContext


CLIENT_GONE = 499
"""nginx's status for a client that went away before an answer began."""


class Exchange:
    """What is known of one request while it is answered, and afterwards."""

    __slots__ = (
        "abandoned_for",
        "at_work_since",
        "began",
        "body",
        "client",
        "ended",
        "is_abandoned",
        "is_read",
        "method",
        "path",
        "problem",
        "query",
        "request_id",
        "reserved_bytes",
        "sent_bytes",
        "status",
        "task",
        "timings",
        "trace",
    )

    def __init__(self, request_id: str, method: str, path: str, client: tuple[str, int] | None = None) -> None:
        """A request that has just come from `client`, to be answered by the task that is running."""
        self.request_id = request_id
        self.method = method
        self.path = path
        """As it was asked for: anything may stand in it."""
        self.client = client
        """Its address and port."""
        self.trace: TraceContext | None = None
        """The trace that it says it belongs to."""
        self.query: bytes | None = None
        """The beginning of its query string, and below of its body; None = not to be logged."""
        self.body: bytes | None = None
        self.began = perf_counter()
        self.ended = 0.0
        self.timings: dict[str, float] = {}
        """Seconds by stage: those of tokenize, queue, compute and encode that ran."""
        self.status = 0
        """0 = no answer has begun."""
        self.sent_bytes = 0
        """Of the answer's body."""
        self.problem: str | None = None
        """The kind of problem that was answered."""
        self.at_work_since: float | None = None
        """None = it has no slot."""
        self.reserved_bytes = 0
        """What it may have in memory, as the admission counts."""
        self.task = asyncio.current_task()
        self.is_read = False
        """Whether all of the request has come."""
        self.is_abandoned = False
        self.abandoned_for: ProblemError | None = None

    @property
    def has_begun(self) -> bool:
        """Whether the answer has."""
        return self.status != 0

    @property
    def outcome(self) -> int:
        """The status as it is counted and logged."""
        return self.status or CLIENT_GONE

    @property
    def ids(self) -> str:
        """What finds it in logs: its id, and that of its trace if it has one."""
        return f"request_id={self.request_id}" + (f" trace_id={self.trace.trace_id}" if self.trace else "")

    def abandon(self, problem: "ProblemError | None" = None) -> None:
        """Work on it no more, and answer `problem`; None = there is nobody to answer to."""
        if not self.is_abandoned and self.task is not None:
            self.is_abandoned = True
            self.abandoned_for = problem
            self.task.cancel()
