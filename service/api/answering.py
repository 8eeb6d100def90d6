"""The endpoints that take a sentence, at work: requests in, operations awaited, answers out."""

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

import orjson
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.admission import Admission
from service.api.caching import CACHE_CONTROL, NONE, VARY, entity_tag, is_fresh, weakened
from service.api.endpoints import SentenceEndpoint
from service.api.estimates import MEDIA_TYPE
from service.api.exchange import Exchange
from service.api.headers import declared_length, header, raw
from service.api.negotiation import choose_form
from service.api.problems import Occurrence, ShuttingDownError, problem_document
from service.api.reading import JSON, LINES, TEXT, check_headers, read_body, read_query, read_text
from service.api.request_room import RequestRoom
from service.api.requests import SentenceRequest
from service.api.responses import BufferResponse
from service.api.streaming import LineResponse

if TYPE_CHECKING:  # operations import torch, which takes seconds: the app serves /livez meanwhile
    from service.api.encoding import Encoded
    from service.api.operations import Operations

ESTIMATE = "estimate"
"""The form of what a dry run is answered, which no request names."""
SANDBOX = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}
"""Of an SVG, which a browser opens as a document: it runs and fetches nothing. Large matrices are images in it."""
KEPT_QUERIES = 1024
KEPT_QUERY_BYTES = 1024
"""Longer ones are read each time."""


class Asked(NamedTuple):
    """What a query asks for."""

    fields: SentenceRequest
    form: str
    normalized: str
    """What is the same for queries whose answers are."""
    is_weak: bool
    """Whether two answers may differ by a tolerance."""


class SentenceApp:
    """Answers GET and POST of one endpoint; as an ASGI app, which skips what Starlette wraps around functions."""

    def __init__(self, endpoint: SentenceEndpoint, admission: Admission) -> None:
        """Work when `admission` gives a slot.

        What short queries ask for is kept: who holds an answer asks again in the same words whether it is fresh.
        """
        self._endpoint = endpoint
        self._admission = admission
        self._headers = {
            form: raw({"Content-Type": media_type, "Vary": VARY, **(SANDBOX if form == "svg" else NONE)})
            for form, media_type in {ESTIMATE: MEDIA_TYPE, **endpoint.forms}.items()
        }
        self._ask_again = lru_cache(KEPT_QUERIES)(self._ask)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer either."""
        operations: Operations = scope["app"].state.operations()
        is_get = scope["method"] == "GET"
        answering = self._get(scope, operations) if is_get else self._post(scope, receive, operations)
        await (await answering)(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, operations: "Operations") -> ASGIApp:
        """Answer a JSON body, a text, or many lines of JSON."""
        media_type = check_headers(scope, self._endpoint.takes)
        length = declared_length(scope)
        if media_type == LINES:
            return self._stream(scope, operations, length)
        if media_type == TEXT:
            scope["fields_in"] = "query"
            query, most = scope["query_string"], operations.max_body_bytes
            fields = await read_text(receive, length, query, self._endpoint.fields, most)
        else:
            fields = await read_body(receive, length, self._endpoint.fields, operations.max_body_bytes)
        form = self._form(fields, header(scope, b"accept"))
        encoded = await self._work(operations, fields, form, scope["exchange"])
        return self._response(encoded, fields, form)

    async def _get(self, scope: Scope, operations: "Operations") -> ASGIApp:
        """Answer a query: 304 where the client holds the answer already."""
        query = scope["query_string"]
        ask = self._ask_again if len(query) <= KEPT_QUERY_BYTES else self._ask
        fields, form, normalized, is_weak = ask(operations, query, header(scope, b"accept"))
        tag = entity_tag(self._endpoint.path, normalized, form, scope["coding"], operations.software)
        if is_weak:
            tag = weakened(tag)
        headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL}
        if_none_match = header(scope, b"if-none-match")
        if is_fresh(if_none_match, tag):
            return Response(status_code=304, headers={**headers, "Vary": VARY})
        encoded = await self._work(operations, fields, form, scope["exchange"])
        if if_none_match == "*":  # any answer will do, and now it is known that there is one
            return Response(status_code=304, headers={**headers, "Vary": VARY})
        return self._response(encoded, fields, form, headers)

    def _ask(self, operations: "Operations", query: bytes, accept: str | None) -> Asked:
        fields = read_query(query, self._endpoint.fields)
        form = self._form(fields, accept)
        return Asked(
            fields, form, operations.normalize(fields), operations.tolerance(fields) > 0 or self._is_estimate(fields)
        )

    def _stream(self, scope: Scope, operations: "Operations", length: int | None) -> LineResponse:
        from service.api.bulk import answer_lines  # noqa: PLC0415  # it needs torch, which by now is there

        choose_form(None, header(scope, b"accept"), {"lines": LINES})
        exchange: Exchange = scope["exchange"]
        occurrence = Occurrence(exchange.path, exchange.request_id)
        return LineResponse(
            answer=partial(answer_lines, operations, self._endpoint.path, occurrence=occurrence),
            declared=length,
            most_bytes=operations.max_body_bytes,
            headers=raw({"Content-Type": LINES, "Vary": VARY}),
            begin=partial(self._admission.begin, exchange),
            stopping=self._admission.draining,
            farewell=orjson.dumps(problem_document(ShuttingDownError(), occurrence)) + b"\n",
        )

    async def _work(
        self, operations: "Operations", fields: SentenceRequest, form: str, exchange: Exchange
    ) -> "Encoded":
        """The answer, once there is a slot to work in."""
        await self._admission.begin(exchange)
        room = RequestRoom(self._admission, exchange)
        encoded: Encoded = await getattr(operations, self._endpoint.operation)(fields, form, exchange.timings, room)
        return encoded

    @staticmethod
    def _is_estimate(fields: SentenceRequest) -> bool:
        """Whether a dry run is asked for: processes may estimate other times."""
        return bool(vars(fields).get("dry_run"))

    def _form(self, fields: SentenceRequest, accept: str | None) -> str:
        values, forms = vars(fields), self._endpoint.forms
        if not self._is_estimate(fields):
            return choose_form(values.get("format"), accept, forms)
        form = choose_form(values.get("format"), accept, {**forms, ESTIMATE: JSON})
        return form if form in forms else next(iter(forms))  # who accepts JSON alone asks about the default

    def _response(
        self, encoded: "Encoded", fields: SentenceRequest, form: str, headers: Mapping[str, str] = NONE
    ) -> BufferResponse:
        more = {**headers, **encoded.headers}
        values = vars(fields)
        if self._is_estimate(fields):
            return BufferResponse(encoded.buffers, self._headers[ESTIMATE] + raw(more))
        filename = values.get("filename")
        if filename is not None:
            more["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(filename, safe='')}"
        return BufferResponse(encoded.buffers, self._headers[form] + raw(more))
