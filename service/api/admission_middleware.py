"""Who is let in before its body is read, and until when it counts."""

from starlette.types import ASGIApp, Receive, Scope, Send

from service.api import explorer
from service.api.addresses import METRICS, PROBES, routed_path
from service.api.admission import Admission
from service.api.exchange import Exchange
from service.api.headers import declared_length
from service.api.responses import PIECE_BYTES

UNBOUNDED = {*PROBES, METRICS, *explorer.PATHS}
"""What is answered whatever else is at work: a page that lacks one of its modules could not even say so."""


class AdmissionMiddleware:
    """Lets in what there is room for, before its body is read; who works takes a slot by `Admission.begin`."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        """Wrap `app`."""
        self.app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse or answer."""
        if scope["type"] != "http" or routed_path(scope) in UNBOUNDED:
            await self.app(scope, receive, send)
            return
        exchange: Exchange = scope["exchange"]
        self._admission.admit(exchange, declared_length(scope))
        try:
            await self.app(scope, receive, send)
            if exchange.sent_bytes > PIECE_BYTES and "drained" in scope:  # less than a piece needs no watching
                await scope["drained"]()
        finally:
            self._admission.end(exchange)
