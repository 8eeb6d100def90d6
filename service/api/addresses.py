"""Addresses, as the app routes them."""

from starlette.types import Scope

PROBES = frozenset({"/livez", "/readyz", "/health"})
"""What orchestrators ask: from anywhere, by any name of the machine, without a key, whatever else is at work."""
METRICS = "/metrics"


def routed_path(scope: Scope) -> str:
    """The path without the prefix that a proxy took off."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))
