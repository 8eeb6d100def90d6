"""Which form and which coding an answer takes, by Accept and Accept-Encoding (RFC 9110, sections 12.5.1 and 12.5.3)."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import mimeparse

from service.api.problems import ProblemError

CODINGS = ("zstd", "br", "gzip", "identity")
"""How an answer may be coded; the first on ties."""


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
def choose_coding(accept_encoding: str | None) -> str:
    """The one of `CODINGS` that the client prefers; `identity` if it wants none, even that: a 406 would help nobody."""
    if accept_encoding is None:
        return "identity"
    ranges = ",".join([f"coding/{member.strip()}" for member in accept_encoding.split(",")])  # mimeparse knows types
    best = _best(ranges, tuple([f"coding/{coding}" for coding in CODINGS]))
    return best.removeprefix("coding/") if best else "identity"


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
