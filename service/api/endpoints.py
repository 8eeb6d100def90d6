"""The three endpoints that take a sentence: requests in, operations awaited, answers out."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.answers import AttentionAnswer, TokenizeAnswer
from service.api.attention_request import AttentionRequest
from service.api.caching import CACHE_CONTROL, VARY, all_of, entity_tag, is_fresh, weakened
from service.api.heatmap_request import HeatmapRequest
from service.api.negotiation import choose_form
from service.api.reading import read_body, read_query
from service.api.requests import SentenceRequest, TokenizeRequest
from service.api.responses import BufferResponse

if TYPE_CHECKING:  # operations import torch, which takes seconds: the app serves /livez meanwhile
    from service.api.encoding import Encoded
    from service.api.operations import Operations
    from service.engine.worker import Timings


JSON_ONLY = {"json": "application/json"}


@dataclass(frozen=True, slots=True)
class SentenceEndpoint:
    """One of the three endpoints that take a sentence, by POST and GET."""

    path: str
    summary: str
    description: str
    fields: type[SentenceRequest]
    answer: type[TokenizeAnswer | AttentionAnswer] | None
    """The shape of a JSON answer; None for a picture."""
    forms: Mapping[str, str]
    """What the field `format` may say, and the media types of it; the first is the default."""
    operation: "Callable[[Operations, Any, Any, Timings], Awaitable[Encoded]]"

    async def post(self, request: Request) -> ASGIApp:
        """Answer a JSON body."""
        operations = request.app.state.operations()
        fields = await read_body(request, self.fields, request.app.state.settings.max_body_bytes)
        form = self._form(request, fields)
        encoded = await self.operation(operations, fields, form, timings(request))
        return self._response(encoded, fields, form, {"Vary": VARY})

    async def get(self, request: Request) -> ASGIApp:
        """Answer a query: 304 where the client holds the answer already."""
        operations = request.app.state.operations()
        fields = read_query(request, self.fields)
        form = self._form(request, fields)
        tag = entity_tag(self.path, operations.normalize(fields), form, "identity", operations.software)
        if operations.tolerance(fields):
            tag = weakened(tag)
        headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY}
        if_none_match = all_of(request, "if-none-match")
        if is_fresh(if_none_match, tag):
            return Response(status_code=304, headers=headers)
        encoded = await self.operation(operations, fields, form, timings(request))
        if if_none_match == "*":  # any answer will do, and now it is known that there is one
            return Response(status_code=304, headers=headers)
        return self._response(encoded, fields, form, headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer either; as an ASGI app, which skips what Starlette wraps around functions."""
        request = Request(scope, receive)
        response = await (self.get(request) if request.method == "GET" else self.post(request))
        await response(scope, receive, send)

    def _form(self, request: Request, fields: SentenceRequest) -> str:
        return choose_form(getattr(fields, "format", None), all_of(request, "accept"), self.forms)

    def _response(
        self, encoded: "Encoded", fields: SentenceRequest, form: str, headers: Mapping[str, str]
    ) -> BufferResponse:
        headers = {"Content-Type": self.forms[form], **headers, **encoded.headers}
        filename = getattr(fields, "filename", None)
        if filename is not None:
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        return BufferResponse(encoded.buffers, headers)


def timings(request: Request) -> "Timings":
    """The exchange's stages and their seconds; the middleware tells the client, whatever became of the request."""
    stages: Timings = request.scope["timings"]
    return stages


SENTENCE_ENDPOINTS = (
    SentenceEndpoint(
        path="/tokenize",
        summary="Split a sentence into tokens",
        description="The model's own tokens, with their ids and where each stands in the sentence: for `synthetic` "
        "WordPieces of bert-base-uncased (lower-cased, accents stripped), for a pretrained model those of its "
        "tokenizer. Special tokens that are typed in a sentence are text.",
        fields=TokenizeRequest,
        answer=TokenizeAnswer,
        forms=JSON_ONLY,
        operation=lambda operations, *request: operations.tokenize(*request),
    ),
    SentenceEndpoint(
        path="/attention",
        summary="Compute a sentence's attention, step by step",
        description="For `synthetic`, X = `embedding`; Q, K, V = X·W for each of the three weights; `scores` = "
        "Q·Kᵀ/√d_k; `attentions` = softmax of the scores over the keys; `output` = attentions·V. For a pretrained "
        "model the same of the `layers` and `heads` chosen, as the model itself computes them: with its biases, "
        "positions, scaling and mask. `include` names the tensors to answer.",
        fields=AttentionRequest,
        answer=AttentionAnswer,
        forms={
            "json": "application/json",
            "safetensors": "application/vnd.safetensors",
            "npy": "application/x-npy",
        },
        operation=lambda operations, *request: operations.attention(*request),
    ),
    SentenceEndpoint(
        path="/heatmap",
        summary="Draw a sentence's attention",
        description="A heatmap of one head's attentions or of another tensor, of all heads reduced to one, or of all "
        "heads as small multiples: rows are queries (attend from), columns are keys (attended to). Labels that would "
        "overlap are thinned; masked cells are hatched. The picture says in its metadata how to make it again.",
        fields=HeatmapRequest,
        answer=None,
        forms={"png": "image/png", "svg": "image/svg+xml"},
        operation=lambda operations, *request: operations.heatmap(*request),
    ),
)
