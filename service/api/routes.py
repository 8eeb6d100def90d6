"""The addresses of the service: thin functions from requests to operations."""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from service.api.addresses import METRICS
from service.api.admission import Admission
from service.api.answering import SentenceApp
from service.api.caching import conditional
from service.api.documentation import add_documentation_routes
from service.api.endpoints import SENTENCE_ENDPOINTS
from service.api.explorer import add_explorer_routes
from service.api.headers import header
from service.api.middleware import DirectMiddleware
from service.api.problems import ProblemError
from service.api.service_answers import Info, ModelDescription, ModelList, Status

if TYPE_CHECKING:  # operations import torch, which takes seconds: the app serves /livez meanwhile
    from service.api.operations import Operations


class Metrics(Protocol):
    """What is counted, whoever counts it."""

    def flush(self) -> None:
        """Count what was noted until now."""

    def expose(self, accept: str) -> tuple[bytes, str]:
        """All numbers in the form that `accept` asks for, and its media type."""


def add_routes(app: FastAPI, admission: Admission, frame_ancestors: Sequence[str]) -> None:
    """Give `app` its addresses; who computes takes a slot of `admission`; `frame_ancestors` frame the page."""
    sentences = [
        Route(endpoint.path, SentenceApp(endpoint, admission), methods=["GET", "POST"], include_in_schema=False)
        for endpoint in SENTENCE_ENDPOINTS
    ]
    app.router.routes[:0] = sentences  # in front, because routes are tried in turn
    app.add_middleware(DirectMiddleware, routes=sentences)
    add_documentation_routes(app)
    add_explorer_routes(app, frame_ancestors)
    _add_model_routes(app)
    _add_probe_routes(app)


def _add_model_routes(app: FastAPI) -> None:
    @app.get(
        "/models",
        operation_id="list_models",
        tags=["service"],
        summary="List the models",
        response_model=ModelList,
        response_description="The models, the default one first.",
    )
    async def list_models(request: Request) -> Response:
        """Which models the field `model` may name, and what each takes and offers."""
        operations: Operations = request.app.state.operations()
        return conditional(request, operations.models().model_dump_json())

    @app.get(
        "/models/{model_id}",
        operation_id="get_model",
        tags=["service"],
        summary="Describe one model",
        response_model=ModelDescription,
        response_description="What the model is, takes and offers.",
    )
    async def get_model(model_id: str, request: Request) -> Response:
        """What one model takes and offers."""
        operations: Operations = request.app.state.operations()
        for model in operations.models().models:
            if model.id == model_id:
                return conditional(request, model.model_dump_json())
        raise ProblemError("not-found", f"There is no model {model_id[:64]!r} here. GET /models lists those there are.")

    @app.get(
        "/info",
        operation_id="get_info",
        tags=["service"],
        summary="Say what runs here",
        response_model=Info,
        response_description="Versions, device and limits.",
    )
    async def get_info(request: Request) -> Response:
        """Versions, device and limits."""
        operations: Operations = request.app.state.operations()
        return conditional(request, operations.info().model_dump_json())


def _add_probe_routes(app: FastAPI) -> None:
    @app.get(
        "/livez",
        operation_id="livez",
        tags=["probes"],
        summary="Whether the process lives",
        response_description="It does.",
    )
    async def livez(response: Response) -> Status:
        """Answers as soon as the port is open."""
        response.headers["Cache-Control"] = "no-store"
        return Status(status="alive")

    async def readyz(request: Request, response: Response) -> Status:
        """503 until every model is loaded."""
        response.headers["Cache-Control"] = "no-store"
        request.app.state.operations()
        return Status(status="ready")

    for path in ("/readyz", "/health"):
        app.add_api_route(
            path,
            readyz,
            operation_id=path[1:],
            tags=["probes"],
            summary="Whether the service is ready to answer",
            response_description="Every model is loaded.",
        )

    @app.get(
        METRICS,
        operation_id="metrics",
        tags=["metrics"],
        summary="Tell Prometheus what was counted",
        response_class=PlainTextResponse,
        response_description="Prometheus' text format, or OpenMetrics where Accept asks for it.",
    )
    async def metrics(request: Request) -> Response:
        """Counters, gauges and histograms of all processes; the README lists them."""
        counted: Metrics = request.app.state.metrics
        counted.flush()
        accept = header(request.scope, b"accept") or ""
        body, media_type = await asyncio.to_thread(counted.expose, accept)
        return Response(body, headers={"Content-Type": media_type, "Cache-Control": "no-store"})
