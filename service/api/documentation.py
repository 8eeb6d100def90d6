"""Swagger UI and the OpenAPI document, which a browser may keep like any other answer."""

import json
from html import escape
from importlib.resources import files

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.caching import conditional
from service.api.pages import NOSNIFF, page_headers

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="stylesheet" href="docs/static/swagger-ui.css">
<link rel="icon" href="docs/static/favicon.png">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/static/swagger-ui-bundle.js"></script>
<script src="docs/static/start.js"></script>
</body>
</html>
"""
"""Every address is relative, so that the page works under any path of a proxy."""

START = b"""\
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  showExtensions: true,
  showCommonExtensions: true,
  validatorUrl: null, // no one else is asked
});
"""
"""What starts Swagger UI; a file of its own, because the page allows no inline script."""

SWAGGER_UI = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
"""Its files, which the package fastapi-offline brings."""

PAGE_HEADERS = page_headers(styles="'self' 'unsafe-inline'")  # Swagger UI writes style attributes


def add_documentation_routes(app: FastAPI) -> None:
    """Give `app` its documentation."""
    page = PAGE.format(title=escape(app.title))

    async def openapi_json(request: Request) -> Response:
        document = app.openapi()
        root_path = request.scope.get("root_path")
        if root_path:  # where a proxy serves it
            document = document | {"servers": [{"url": root_path}]}
        return conditional(request, json.dumps(document), more=NOSNIFF)

    async def docs(request: Request) -> Response:
        return conditional(request, page, "text/html; charset=utf-8", PAGE_HEADERS)

    app.router.routes[:0] = [  # in front of FastAPI's own, which nobody may keep
        Route(str(app.openapi_url), openapi_json, include_in_schema=False),
        Route("/docs", docs, include_in_schema=False),
        _static_route("start.js", START, "text/javascript; charset=utf-8"),
        *(_static_route(name, _swagger_ui(name), media_type) for name, media_type in SWAGGER_UI.items()),
    ]


def _swagger_ui(name: str) -> bytes:
    return files("fastapi_offline").joinpath("static", name).read_bytes()


def _static_route(name: str, body: bytes, media_type: str) -> Route:
    async def static(request: Request) -> Response:
        return conditional(request, body, media_type, NOSNIFF)

    return Route(f"/docs/static/{name}", static, include_in_schema=False)
