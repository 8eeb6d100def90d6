"""CORS: pages of the listed origins may read answers; others' browsers are told nothing."""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

METHODS = ("GET", "HEAD", "POST")
REQUEST_HEADERS = ("Authorization", "If-None-Match", "X-API-Key", "X-Request-Id")
"""What pages may send beside what they always may."""
EXPOSED = ("ETag", "X-Request-Id", "Server-Timing", "Retry-After", "X-Quantization")
MAX_AGE_SECONDS = 3600


class CrossOriginMiddleware(CORSMiddleware):
    """Starlette's, whose preflights say why they fail: here one that fails lacks what would allow it, no more."""

    def __init__(self, app: ASGIApp, origins: Sequence[str]) -> None:
        """Wrap `app`; `*` among `origins` is every page. Cookies are of no use here, so never asked for."""
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            expose_headers=EXPOSED,
            max_age=MAX_AGE_SECONDS,
        )

    def preflight_response(self, request_headers: Headers) -> Response:
        """204, with what is allowed or without."""
        allowed = super().preflight_response(request_headers)
        names = [name for name in allowed.headers if name.startswith("access-control-")]
        kept = ["vary", *names] if allowed.status_code == HTTPStatus.OK else ["vary"]
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={name: allowed.headers[name] for name in kept})
