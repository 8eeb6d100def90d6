"""The three endpoints that take a sentence: requests in, operations awaited, answers out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.answers import AttentionAnswer, TokenizeAnswer
from service.api.attention_request import AttentionRequest
from service.api.caching import CACHE_CONTROL, VARY, all_of, entity_tag, is_fresh, weakened
from service.api.heatmap_request import HeatmapRequest
from service.api.negotiation import choose_form
from service.api.problems import Exchange
from service.api.reading import JSON, LINES, check_headers, read_body, read_query
from service.api.requests import SentenceRequest, TokenizeRequest
from service.api.responses import BufferResponse
from service.api.streaming import LineResponse

if TYPE_CHECKING:  # operations import torch, which takes seconds: the app serves /livez meanwhile
    from service.api.encoding import Encoded
    from service.api.operations import Operations


JSON_ONLY = {"json": JSON}


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
    operation: Literal["tokenize", "attention", "heatmap"]
    """The method of `Operations` that answers."""
    takes: Sequence[str] = (JSON,)
    """The types of body."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer GET and POST; as an ASGI app, which skips what Starlette wraps around functions."""
        operations: Operations = scope["app"].state.operations()
        is_get = scope["method"] == "GET"
        answering = self._get(scope, operations) if is_get else self._post(scope, receive, operations)
        await (await answering)(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, operations: "Operations") -> ASGIApp:
        """Answer a JSON body, or many lines of JSON."""
        media_type, length = check_headers(scope, self.takes)
        if media_type == LINES:
            return self._stream(scope, operations, length)
        fields = await read_body(receive, length, self.fields, operations.max_body_bytes)
        form = self._form(scope, fields)
        encoded = await getattr(operations, self.operation)(fields, form, scope["timings"])
        return self._response(encoded, fields, form, {"Vary": VARY})

    async def _get(self, scope: Scope, operations: "Operations") -> ASGIApp:
        """Answer a query: 304 where the client holds the answer already."""
        fields = read_query(scope, self.fields)
        form = self._form(scope, fields)
        tag = entity_tag(self.path, operations.normalize(fields), form, scope["coding"], operations.software)
        if operations.tolerance(fields):
            tag = weakened(tag)
        headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY}
        if_none_match = all_of(scope, b"if-none-match")
        if is_fresh(if_none_match, tag):
            return Response(status_code=304, headers=headers)
        encoded = await getattr(operations, self.operation)(fields, form, scope["timings"])
        if if_none_match == "*":  # any answer will do, and now it is known that there is one
            return Response(status_code=304, headers=headers)
        return self._response(encoded, fields, form, headers)

    def _stream(self, scope: Scope, operations: "Operations", length: int | None) -> LineResponse:
        from service.api.bulk import answer_lines  # noqa: PLC0415  # it needs torch, which by now is there

        choose_form(None, all_of(scope, b"accept"), {"lines": LINES})
        exchange = Exchange(scope["path"], scope["request_id"])
        answer = partial(answer_lines, operations, self.path, exchange=exchange)
        return LineResponse(answer, length, operations.max_body_bytes, {"Content-Type": LINES, "Vary": VARY})

    def _form(self, scope: Scope, fields: SentenceRequest) -> str:
        return choose_form(vars(fields).get("format"), all_of(scope, b"accept"), self.forms)

    def _response(
        self, encoded: "Encoded", fields: SentenceRequest, form: str, headers: Mapping[str, str]
    ) -> BufferResponse:
        headers = {"Content-Type": self.forms[form], **headers, **encoded.headers}
        filename = vars(fields).get("filename")
        if filename is not None:
            headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        return BufferResponse(encoded.buffers, headers)


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
        operation="tokenize",
        takes=(JSON, LINES),
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
            "json": JSON,
            "safetensors": "application/vnd.safetensors",
            "npy": "application/x-npy",
        },
        operation="attention",
        takes=(JSON, LINES),
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
        operation="heatmap",
    ),
)
