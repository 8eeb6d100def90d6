"""Which form an answer takes, by the Accept header (RFC 9110, section 12.5.1)."""

from functools import lru_cache

import mimeparse

from service.api.problems import ProblemError


def check_acceptable(accept: str | None, media_type: str) -> None:
    """Let pass what accepts `media_type`.

    Raises:
        ProblemError: `accept` does not cover it, or cannot be read.
    """
    if accept and not _covers(accept, media_type):
        raise ProblemError(
            "not-acceptable",
            f"The answer is {media_type}, which the Accept header does not cover. Accept {media_type}.",
        )


@lru_cache(maxsize=256)
def _covers(accept: str, media_type: str) -> bool:
    try:
        return bool(mimeparse.best_match([media_type], accept))
    except mimeparse.MimeTypeParseException:
        return False
