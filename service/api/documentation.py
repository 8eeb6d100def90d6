"""Swagger UI and the OpenAPI document, which a browser may keep like any other answer."""

import json
from importlib.resources import files

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service.api.caching import conditional

STATIC_URL = "/docs/static"
"""Where Swagger UI's files are served from, so that /docs needs nothing from elsewhere."""

STATIC_TYPES = {
    "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
    "swagger-ui.css": "text/css; charset=utf-8",
    "favicon.png": "image/png",
}
"""Those files, which the package fastapi-offline brings."""


def add_documentation_routes(app: FastAPI) -> None:
    """Give `app` its documentation."""

    async def openapi_json(request: Request) -> Response:
        return conditional(request, json.dumps(app.openapi()))

    async def docs(request: Request) -> Response:
        page = get_swagger_ui_html(
            openapi_url=str(app.openapi_url),
            title=app.title,
            swagger_js_url=f"{STATIC_URL}/swagger-ui-bundle.js",
            swagger_css_url=f"{STATIC_URL}/swagger-ui.css",
            swagger_favicon_url=f"{STATIC_URL}/favicon.png",
        )
        return conditional(request, bytes(page.body), "text/html; charset=utf-8")

    app.router.routes[:0] = [  # in front of FastAPI's own, which nobody may keep
        Route(str(app.openapi_url), openapi_json, include_in_schema=False),
        Route("/docs", docs, include_in_schema=False),
        *map(_static_route, STATIC_TYPES),
    ]


def _static_route(name: str) -> Route:
    body = files("fastapi_offline").joinpath("static", name).read_bytes()

    async def static(request: Request) -> Response:
        return conditional(request, body, STATIC_TYPES[name])

    return Route(f"{STATIC_URL}/{name}", static, include_in_schema=False)
