"""Headers: those of a request by name, and those of an answer as ASGI takes them."""

from collections.abc import Mapping

from starlette.types import Scope

RawHeaders = list[tuple[bytes, bytes]]


def header(scope: Scope, name: bytes) -> str | None:
    """The value of a header, of several lines joined as RFC 9110 says; None where there is none, or it is empty."""
    by_name = scope.get("headers_by_name")
    if by_name is None:
        by_name = scope["headers_by_name"] = _joined(scope["headers"])
    value = by_name.get(name)
    return value.decode("latin-1") if value else None


def _joined(headers: RawHeaders) -> dict[bytes, bytes]:
    by_name = dict(headers)
    if len(by_name) < len(headers):
        by_name = {}
        for name, value in headers:
            by_name[name] = by_name[name] + b", " + value if name in by_name else value
    return by_name


def declared_length(scope: Scope) -> int | None:
    """How many bytes the body has, as the request says; None where it does not, because it comes in chunks."""
    if header(scope, b"transfer-encoding") is not None:
        return None
    declared = header(scope, b"content-length") or "0"
    return int(declared) if declared.isdecimal() else None


def raw(headers: Mapping[str, str]) -> RawHeaders:
    """`headers` as ASGI takes them."""
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
