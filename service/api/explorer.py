"""The explorer: the page at `/`, and the files under `/web` that it loads."""

from collections.abc import Sequence
from hashlib import blake2b
from importlib.resources import files

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.caching import conditional
from service.api.pages import NOSNIFF, page_headers
from service.api.problems import ProblemError

PAGE = "index.html"
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def _read() -> dict[str, bytes]:
    folder = files("service") / "web"
    found = {file.name: file.read_bytes() for file in folder.iterdir() if _suffix(file.name) in MEDIA_TYPES}
    return dict(sorted(found.items()))


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]


FILES = _read()
"""What the page consists of, by name."""
_PARTS = (part for name, body in FILES.items() for part in (name.encode(), body))
REVISION = blake2b(b"\0".join(_PARTS), digest_size=8).hexdigest()
FOLDER = f"/web/{REVISION}"
"""Where the files lie. Every revision has a folder of its own, so that no browser mixes files of two."""
PATHS = frozenset({"/", *(f"{FOLDER}/{name}" for name in FILES if name != PAGE)})
"""Every address of the page and its files."""

REVALIDATE = {"Cache-Control": "no-cache"}
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


def add_explorer_routes(app: FastAPI, frame_ancestors: Sequence[str]) -> None:
    """Give `app` the page, which pages of the origins `frame_ancestors` may frame."""
    page = FILES[PAGE].decode().replace('="./', f'=".{FOLDER}/')
    headers = {**page_headers(frame_ancestors=frame_ancestors), **REVALIDATE}

    async def explorer(request: Request) -> Response:
        return conditional(request, page, MEDIA_TYPES[".html"], headers)

    async def file(request: Request) -> Response:
        name, revision = (request.path_params[part] for part in ("name", "revision"))
        if f"/web/{revision}/{name}" not in PATHS:
            raise ProblemError("not-found", "The explorer has no such file. Load the page anew.")
        return conditional(request, FILES[name], MEDIA_TYPES[_suffix(name)], {**NOSNIFF, **FOREVER})

    app.router.routes += [
        Route("/", explorer, include_in_schema=False),
        Route("/web/{revision}/{name}", file, include_in_schema=False),
    ]
