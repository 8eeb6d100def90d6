"""Which form an answer takes, by the Accept header (RFC 9110, section 12.5.1)."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import mimeparse

from service.api.problems import ProblemError


def choose_form(wanted: str | None, accept: str | None, forms: Mapping[str, str]) -> str:
    """One of `forms` (names to media types): `wanted` if given, else what `accept` prefers, the first on ties.

    Raises:
        ProblemError: `accept` covers none of them.
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
    """The first of the media types that have the greatest quality; mimeparse's own choice prefers those named."""
    ranges = list(_ranges(accept))
    best = max(media_types, key=lambda media_type: mimeparse.quality_parsed(media_type, ranges))
    return best if mimeparse.quality_parsed(best, ranges) else None


def _ranges(accept: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """The members of `accept` that can be read."""
    for member in accept.lower().split(","):  # types, like the names of parameters, are the same in any case
        try:
            yield mimeparse.parse_media_range(member)
        except mimeparse.MimeTypeParseException:
            continue
