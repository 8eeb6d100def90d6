"""ETags and conditional GETs (RFC 9110, section 13.1.2).

An answer is a pure function of the request and the software, so its tag is known before it is computed.
"""

from collections.abc import Mapping
from hashlib import blake2b
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import Response

from service.api.headers import header

CACHE_CONTROL = "public, max-age=3600"
"""Where there are keys, PrivateMiddleware corrects it, and Vary."""
VARY = "Accept, Accept-Encoding"
NONE: Mapping[str, str] = MappingProxyType({})


def entity_tag(*parts: str | bytes) -> str:
    """The strong tag of the answer that `parts` decide between them."""
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(part if isinstance(part, bytes) else part.encode())
        digest.update(b"\0")
    return f'"{digest.hexdigest()}"'


def weakened(tag: str) -> str:
    """The tag of an answer that is the same each time but for a tolerance."""
    return f"W/{tag}"


def is_fresh(if_none_match: str | None, tag: str) -> bool:
    """Whether the client holds the answer with this `tag` already; tags compare weakly, as GETs do."""
    if if_none_match is None:
        return False
    return tag.removeprefix("W/") in {candidate.strip().removeprefix("W/") for candidate in if_none_match.split(",")}


def conditional(
    request: Request, body: str | bytes, media_type: str = "application/json", more: Mapping[str, str] = NONE
) -> Response:
    """What depends on the software alone, with `more` headers; or 304 where the client holds it already."""
    tag = entity_tag(body, request.scope["coding"])
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY, **more}
    if_none_match = header(request.scope, b"if-none-match")
    if if_none_match == "*" or is_fresh(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=media_type)
