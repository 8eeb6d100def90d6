"""Which form an answer takes, by the Accept header (RFC 9110, section 12.5.1)."""

from collections.abc import Mapping
from functools import lru_cache

import mimeparse

from service.api.problems import ProblemError


def choose_form(wanted: str | None, accept: str | None, forms: Mapping[str, str]) -> str:
    """One of `forms` (names to media types): `wanted` if given, else what `accept` prefers, the first on ties.

    Raises:
        ProblemError: `accept` covers none of them, or cannot be read.
    """
    if wanted is not None:
        return wanted
    media_types = tuple(forms.values())
    best = _best(accept, media_types) if accept else media_types[0]
    for form, media_type in forms.items():
        if media_type == best:
            return form
    listed = " or ".join(media_types)
    raise ProblemError(
        "not-acceptable", f"The answer is {listed}, which the Accept header does not cover. Accept {listed}."
    )


@lru_cache(maxsize=256)
def _best(accept: str, media_types: tuple[str, ...]) -> str | None:
    try:
        return mimeparse.best_match(media_types[::-1], accept) or None  # of equals it takes the last
    except mimeparse.MimeTypeParseException:
        return None
