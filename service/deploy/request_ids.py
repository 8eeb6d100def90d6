"""One request id for Ray and the app: each would give a request one of its own, and its answer both."""

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.middleware import choose_request_id

HEADER = b"x-request-id"


class RequestIdMiddleware:
    """Gives a request the id that the app will take for it, and leaves its answer that id once."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`, which is Ray's."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = (HEADER, choose_request_id({**scope}).encode())  # a copy: the headers that it reads it keeps
        scope["headers"] = [*(pair for pair in scope["headers"] if pair[0] != HEADER), request_id]

        async def send_once(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*(pair for pair in message["headers"] if pair[0] != HEADER), request_id]
            await send(message)

        await self.app(scope, receive, send_once)


def middlewares() -> list[Middleware]:
    """What Ray Serve puts around the app in every replica."""
    return [Middleware(RequestIdMiddleware)]
