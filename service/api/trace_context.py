"""W3C Trace Context: the trace that a request belongs to, as its `traceparent` says."""

import re
from secrets import token_hex
from typing import NamedTuple

TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace_id>(?!0{32})[0-9a-f]{32})-(?P<parent_id>(?!0{16})[0-9a-f]{16})"
    r"-(?P<flags>[0-9a-f]{2})(?P<rest>-.*)?"
)


class TraceContext(NamedTuple):
    """Whose part a request is, and as which span it is answered; all in lower-case hexadecimal digits."""

    trace_id: str
    parent_id: str
    """The caller's span."""
    flags: str
    span_id: str
    """This request's own."""

    @property
    def traceparent(self) -> str:
        """The header of the answer."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def read_traceparent(given: str) -> TraceContext | None:
    """The trace that a `traceparent` names; None where it is invalid, and is to be taken as if it had not come."""
    found = TRACEPARENT.fullmatch(given)
    if found is None or (found["version"] == "00" and found["rest"]):  # only later versions may say more
        return None
    return TraceContext(found["trace_id"], found["parent_id"], found["flags"], token_hex(8))
