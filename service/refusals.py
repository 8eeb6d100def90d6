"""What a connection has against a request, before any app sees it."""

from service.api.middleware import MAX_QUERY_BYTES, QueryTooLongError
from service.api.problems import CLOSE, RETRY_AFTER, ProblemError


class MalformedRequestError(ProblemError):
    """It is no HTTP."""

    def __init__(self) -> None:
        """What follows it cannot be told from it."""
        super().__init__(
            "malformed-request",
            "This is no HTTP/1.1 request. Send one, with a well-formed request line, headers and body.",
            headers=CLOSE,
        )


class TooManyConnectionsError(ProblemError):
    """It came over a connection of the reserve, and is no probe."""

    def __init__(self, most: int) -> None:
        """More than `most` are open."""
        super().__init__(
            "too-many-connections",
            f"More than {most:,} connections are open (MAX_CONNECTIONS), and the rest is kept for probes. Close some, "
            "or try again in a moment.",
            headers={**RETRY_AFTER, **CLOSE},
        )


def headers_too_large(url: bytes, most: int) -> ProblemError:
    """The request line and the headers have more than `most` bytes; where that is the `url`'s fault, it is told so."""
    if len(url) > MAX_QUERY_BYTES:
        return QueryTooLongError(len(url))
    return ProblemError(
        "headers-too-large",
        f"The request line and headers have more than {most:,} bytes (MAX_HEADER_BYTES). Send fewer or shorter ones; a "
        "long sentence goes into the body of a POST.",
        headers=CLOSE,
    )
