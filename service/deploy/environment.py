"""What Ray reads from the environment, on every node."""

import importlib.util
import os
import tempfile
from pathlib import Path

from service.deploy.cluster_settings import ClusterSettings
from service.deploy.errors import ClusterError


def prepare(settings: ClusterSettings) -> None:
    """Have this process' environment as Ray, which reads it as it is imported, must find it.

    Raises:
        ClusterError: Ray is not installed.
    """
    if importlib.util.find_spec("ray") is None:
        raise ClusterError("a cluster needs Ray: python -m pip install 'attention-service[cluster]'")
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # replicas share what they count with nobody
    os.environ.update(environment(settings) | haproxy_files())


def environment(settings: ClusterSettings) -> dict[str, str]:
    """What Ray's processes of every node must have in their environment, below what is there already.

    HAProxy, which comes with Ray, leads requests to replicas: eight times as many as Ray's own proxy.
    """
    defaults = {
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_DEDUP_LOGS": "0",
        "RAY_COLOR_PREFIX": "0",
        # a node that is gone is found in seconds; Ray's own half a minute is for clusters of thousands
        "RAY_health_check_initial_delay_ms": "0",
        "RAY_health_check_period_ms": "1000",
        "RAY_health_check_timeout_ms": "1000",
        "RAY_health_check_failure_threshold": "3",
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(settings.drain_seconds),
        # logs would grow for ever
        "RAY_ROTATION_MAX_BYTES": str(16 * 1024**2),
        "RAY_ROTATION_BACKUP_COUNT": "1",
        # the replicas' uvicorn would believe what clients on this machine say of their address
        "FORWARDED_ALLOW_IPS": "",
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_NBTHREAD": "1",
        "RAY_SERVE_HAPROXY_MAXCONN": str(settings.max_connections),
        "RAY_SERVE_HAPROXY_TUNE_BUFSIZE": str(2 * settings.max_header_bytes),
        "RAY_SERVE_HAPROXY_TIMEOUT_CLIENT_S": str(settings.write_timeout),
        "RAY_SERVE_HAPROXY_TIMEOUT_CONNECT_S": "1",
        "RAY_SERVE_HAPROXY_HEALTH_CHECK_INTER": "1s",
        "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "2",
        "RAY_SERVE_PROXY_MIN_DRAINING_PERIOD_S": "2",
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "service.deploy.middleware.middlewares",
        # the app never blocks the event loop: on one of its own, as Ray would have it, it has half the speed
        "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    }
    return defaults | os.environ


def haproxy_files() -> dict[str, str]:
    """Where HAProxy's files are: who writes to its socket commands it, and Ray would let everybody."""
    folder = Path(tempfile.gettempdir()) / f"attention-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise ClusterError(f"{folder} belongs to somebody else: remove it")
    folder.chmod(0o700)
    names = {
        "CONFIG_FILE_LOC": "haproxy.cfg",
        "SOCKET_PATH": "admin.sock",
        "METRICS_SOCKET_PATH": "metrics.sock",
        "SERVER_STATE_BASE": "",
        "SERVER_STATE_FILE": "state",
    }
    return {f"RAY_SERVE_HAPROXY_{name}": str(folder / file) for name, file in names.items()}
