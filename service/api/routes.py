"""The addresses of the service: thin functions from requests to operations."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from service.api.answers import AttentionAnswer, Info, ModelDescription, ModelList, Status, TokenizeAnswer
from service.api.caching import CACHE_CONTROL, VARY, conditional_json, entity_tag, is_fresh
from service.api.negotiation import check_acceptable
from service.api.problems import ProblemError
from service.api.reading import read_body, read_query
from service.api.requests import AttentionRequest, HeatmapRequest, SentenceRequest, TokenizeRequest

if TYPE_CHECKING:  # operations import torch, which takes seconds: the app serves /livez meanwhile
    from service.api.operations import Encoded, Operations


@dataclass(frozen=True, slots=True)
class SentenceEndpoint:
    """One of the three endpoints that take a sentence, by POST and GET."""

    path: str
    summary: str
    description: str
    fields: type[SentenceRequest]
    answer: type[TokenizeAnswer | AttentionAnswer] | None
    """The shape of a JSON answer; None for a picture."""
    media_type: str
    operation: "Callable[[Operations, Any], Awaitable[Encoded]]"

    async def post(self, request: Request) -> Response:
        """Answer a JSON body."""
        operations = request.app.state.operations()
        fields = await read_body(request, self.fields, request.app.state.settings.max_body_bytes)
        self._check_acceptable(request, fields)
        return self._response(await self.operation(operations, fields), fields)

    async def get(self, request: Request) -> Response:
        """Answer a query: 304 where the client holds the answer already."""
        operations = request.app.state.operations()
        fields = read_query(request, self.fields)
        self._check_acceptable(request, fields)
        tag = entity_tag(self.path, fields.model_dump_json(), self.media_type, "identity", operations.software)
        headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY}
        if_none_match = request.headers.get("if-none-match")
        if is_fresh(if_none_match, tag):
            return Response(status_code=304, headers=headers)
        encoded = await self.operation(operations, fields)
        if if_none_match == "*":  # any answer will do, and now it is known that there is one
            return Response(status_code=304, headers=headers)
        response = self._response(encoded, fields)
        response.headers.update(headers)
        return response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer either; as an ASGI app, which skips what Starlette wraps around functions."""
        request = Request(scope, receive)
        response = await (self.get(request) if request.method == "GET" else self.post(request))
        await response(scope, receive, send)

    def _check_acceptable(self, request: Request, fields: SentenceRequest) -> None:
        if getattr(fields, "format", None) is None:
            check_acceptable(request.headers.get("accept"), self.media_type)

    def _response(self, encoded: "Encoded", fields: SentenceRequest) -> Response:
        timing = ", ".join(f"{stage};dur={seconds * 1e3:.3f}" for stage, seconds in encoded.timings.items())
        headers = {"Vary": VARY, "Server-Timing": timing}
        filename = getattr(fields, "filename", None)
        if filename is not None:
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        return Response(encoded.body, headers=headers, media_type=self.media_type)


SENTENCE_ENDPOINTS = (
    SentenceEndpoint(
        path="/tokenize",
        summary="Split a sentence into tokens",
        description="WordPiece tokens of bert-base-uncased (lower-cased, accents stripped), with their ids and where "
        "each stands in the sentence. Special tokens that are typed in a sentence are text.",
        fields=TokenizeRequest,
        answer=TokenizeAnswer,
        media_type="application/json",
        operation=lambda operations, fields: operations.tokenize(fields),
    ),
    SentenceEndpoint(
        path="/attention",
        summary="Compute a sentence's attention, step by step",
        description="X = `embedding`; Q, K, V = X·W for each of the three weights; `scores` = Q·Kᵀ/√d_k; `attentions` "
        "= softmax of the scores over the keys; `output` = attentions·V. `include` names the tensors to answer.",
        fields=AttentionRequest,
        answer=AttentionAnswer,
        media_type="application/json",
        operation=lambda operations, fields: operations.attention(fields),
    ),
    SentenceEndpoint(
        path="/heatmap",
        summary="Draw a sentence's attention",
        description="A heatmap of one head's attentions, or of all heads reduced to one: rows are queries (attend "
        "from), columns are keys (attended to). Labels that would overlap are thinned.",
        fields=HeatmapRequest,
        answer=None,
        media_type="image/png",
        operation=lambda operations, fields: operations.heatmap(fields),
    ),
)


def add_routes(app: FastAPI) -> None:
    """Give `app` its addresses."""
    app.router.routes[:0] = [  # in front, because routes are tried in turn
        Route(endpoint.path, endpoint, methods=["GET", "POST"], include_in_schema=False)
        for endpoint in SENTENCE_ENDPOINTS
    ]
    _add_model_routes(app)
    _add_probe_routes(app)


def _add_model_routes(app: FastAPI) -> None:
    @app.get(
        "/models", operation_id="list_models", tags=["service"], summary="List the models", response_model=ModelList
    )
    async def list_models(request: Request) -> Response:
        """Which models the field `model` may name, and what each takes and offers."""
        operations: Operations = request.app.state.operations()
        return conditional_json(request, operations.models().model_dump_json())

    @app.get(
        "/models/{model_id}",
        operation_id="get_model",
        tags=["service"],
        summary="Describe one model",
        response_model=ModelDescription,
    )
    async def get_model(model_id: str, request: Request) -> Response:
        """What one model takes and offers."""
        operations: Operations = request.app.state.operations()
        for model in operations.models().models:
            if model.id == model_id:
                return conditional_json(request, model.model_dump_json())
        raise ProblemError("not-found", f"There is no model {model_id[:64]!r} here. GET /models lists those there are.")

    @app.get("/info", operation_id="get_info", tags=["service"], summary="Say what runs here", response_model=Info)
    async def get_info(request: Request) -> Response:
        """Versions, device and limits."""
        operations: Operations = request.app.state.operations()
        return conditional_json(request, operations.info().model_dump_json())


def _add_probe_routes(app: FastAPI) -> None:
    @app.get("/livez", operation_id="livez", tags=["probes"], summary="Whether the process lives")
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
            path, readyz, operation_id=path[1:], tags=["probes"], summary="Whether the service is ready to answer"
        )
