"""Who is let in: with keys set all is closed but what is open on purpose; with hosts set others' names are refused."""

import re
from collections.abc import Awaitable, Sequence

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import explorer
from service.api.addresses import PROBES, routed_path
from service.api.headers import header
from service.api.keys import Keys
from service.api.problems import ProblemError

OPEN = PROBES | explorer.PATHS
"""The explorer's page and its files hold nothing secret: whoever opens it types in a key."""

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)(:[0-9]+)?")
BEARER = "bearer"


class AccessMiddleware:
    """Lets pass what names an allowed host and holds a key, and the few addresses that are open, as they are written.

    It decides by the very path that is routed, so no other spelling of a closed address is open.
    """

    def __init__(self, app: ASGIApp, keys: Keys, hosts: Sequence[str]) -> None:
        """Wrap `app`; no `hosts` are all hosts, and `keys` that are not set leave everything open."""
        self.app = app
        self._keys = keys
        self._hosts = frozenset(map(str.lower, hosts))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the app answer.

        Raises:
            ProblemError: the host is not allowed, or there is no key.
        """
        if scope["type"] == "http":
            path = routed_path(scope)
            if self._hosts and path not in PROBES:  # orchestrators ask those by address
                check_host(scope, self._hosts)
            if self._keys.are_set and path not in OPEN:
                check_key(scope, self._keys)
        await self.app(scope, receive, send)


def check_host(scope: Scope, hosts: frozenset[str]) -> None:
    """Let pass what is asked of one of `hosts`: names, or `*.example.org` for all names below one.

    Raises:
        ProblemError: the Host header names another.
    """
    match = HOST.fullmatch((header(scope, b"host") or "").lower())
    host = match[1] if match else ""
    if host in hosts:
        return
    labels = host.split(".")
    if not any(f"*.{'.'.join(labels[start:])}" in hosts for start in range(1, len(labels))):
        raise ProblemError(
            "host-not-allowed", "The service is not served under this host. Use a name that whoever runs it gave out."
        )


def check_key(scope: Scope, keys: Keys) -> None:
    """Let pass what holds a key.

    Raises:
        ProblemError: it holds none, or one that is not taken.
    """
    scheme, _, token = (header(scope, b"authorization") or "").partition(" ")
    given = [token.strip() if scheme.lower() == BEARER else "", header(scope, b"x-api-key") or ""]
    if not keys.admit(filter(None, given)):
        raise ProblemError(
            "unauthorized",
            "This address needs a key: send it as `Authorization: Bearer …` or as `X-API-Key`.",
            headers={"WWW-Authenticate": "Bearer"},
        )


class PrivateMiddleware:
    """Keeps answers out of shared caches: what one key gets is for its holder."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap `app`."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Correct what the app's answers say of caching."""

        def send_private(message: Message) -> Awaitable[None]:
            if message["type"] == "http.response.start":
                message["headers"] = [(name, _private(name, value)) for name, value in message["headers"]]
            return send(message)

        await self.app(scope, receive, send_private)


def _private(name: bytes, value: bytes) -> bytes:
    if name == b"cache-control":
        return value.replace(b"public", b"private")
    return value + b", Authorization, X-API-Key" if name == b"vary" else value
