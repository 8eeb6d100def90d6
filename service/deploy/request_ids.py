"""What Ray would add to requests and answers, or take from them: a second request id, and orders of its own."""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.middleware import choose_request_id

HEADER = b"x-request-id"
ORDERS = {b"x-request-timeout-seconds", b"x-request-disconnect-disabled"}
"""Headers by which clients could tell Ray to answer in place of the app, or to work for nobody."""


class RequestIdMiddleware:
    """Gives a request the id that the app will take for it, and leaves its answer that id once; drops orders to Ray."""

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

        async def send_once(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*(pair for pair in message["headers"] if pair[0] != HEADER), request_id]
            await send(message)

        await self.app(scope, receive, send_once)


def middlewares() -> list[Middleware]:
    """What Ray Serve puts around the app in every replica."""
    return [Middleware(RequestIdMiddleware)]
