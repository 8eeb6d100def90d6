"""What Ray would add to requests and answers, or take from them: a second request id, orders and words of its own."""

import orjson
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.middleware import choose_request_id
from service.api.problems import KINDS, MEDIA_TYPE, NotReadyError, Occurrence, problem_document

HEADER = b"x-request-id"
ORDERS = {b"x-request-timeout-seconds", b"x-request-disconnect-disabled"}
"""Headers by which clients could tell Ray to answer in place of the app, or to work for nobody."""
NOT_FOUND = 404
NO_REPLICA = NotReadyError("no replica of the service is running")


class RayMiddleware:
    """Leaves nothing of Ray's own for clients to see or to command.

    A request has the id that the app will take for it, and its answer that id once; orders to Ray are dropped. Where
    Ray knows no app, yet or any more, the answer is the 503 of a service that is not ready, and not that there is no
    such address.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`, which is Ray's."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = (HEADER, choose_request_id({**scope}).encode())  # a copy: the headers that it reads it keeps
        kept = [pair for pair in scope["headers"] if pair[0] != HEADER and pair[0] not in ORDERS]
        scope["headers"] = [*kept, request_id]
        is_rays = False

        async def send_ours(message: Message) -> None:
            nonlocal is_rays
            if message["type"] == "http.response.start":
                message["headers"] = [*(pair for pair in message["headers"] if pair[0] != HEADER), request_id]
                is_rays = _is_of_no_app(message)
            if not is_rays:
                await send(message)

        await self.app(scope, receive, send_ours)
        if is_rays:
            document = problem_document(NO_REPLICA, Occurrence(scope["path"], request_id[1].decode()))
            answer = Response(orjson.dumps(document), KINDS[NO_REPLICA.code].status, NO_REPLICA.headers, MEDIA_TYPE)
            answer.raw_headers.append(request_id)
            await answer(scope, receive, send)


def _is_of_no_app(start: Message) -> bool:
    """Whether an answer says that Ray has no app at the address: the app's own problems are documents."""
    kind: bytes = dict(start["headers"]).get(b"content-type", b"")
    return start["status"] == NOT_FOUND and kind.startswith(b"text/plain")


def middlewares() -> list[Middleware]:
    """What Ray Serve puts around the app in every replica, and around its proxies."""
    return [Middleware(RayMiddleware)]
