"""A node of a Ray cluster on this machine: the head, which deploys the service, or one that joins it."""

import importlib.util
import logging
import os
import secrets
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from service.deploy.cluster_settings import ClusterSettings
from service.deploy.errors import ClusterError
from service.deploy.signals import end_on_signals
from service.settings import OPEN

RAY = Path(sysconfig.get_path("scripts")) / "ray"
STOP_SECONDS = 5
"""How long Ray's processes may take to end, once the node is drained, before they are killed."""
LOOK_SECONDS = 0.2
PATIENCE_SECONDS = 2
TOKEN_BYTES = 32

logger = logging.getLogger(__name__)


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
        "RAY_SERVE_HTTP_PROXY_CALLBACK_IMPORT_PATH": "service.deploy.request_ids.middlewares",
        # the app never blocks the event loop: on one of its own, as Ray would have it, it has half the speed
        "RAY_SERVE_RUN_USER_CODE_IN_SEPARATE_THREAD": "0",
    }
    return defaults | os.environ


def lead(settings: ClusterSettings) -> None:
    """Start a cluster with this machine as its head, and serve until a signal ends it.

    Raises:
        ClusterError: Ray is missing or does not start, or the service cannot be deployed.
    """
    if settings.is_open and not settings.is_of_one_machine:
        logger.warning(OPEN, settings.host)
    _prepare(settings)
    make_token()
    address = own_address(settings)
    role = ["--head", f"--port={settings.cluster_port}", f"--node-ip-address={address}", "--include-dashboard=false"]
    with _ray(settings, role) as node:
        from service.deploy.deploying import deployed

        head = f"{address}:{settings.cluster_port}"
        while not is_listening(head):
            if node.poll() is not None:
                raise ClusterError("Ray did not start: what it said is above")
            time.sleep(LOOK_SECONDS)
        with deployed(settings, head):
            node.wait()
            raise ClusterError("Ray's processes have ended: see their logs under /tmp/ray")


def join(settings: ClusterSettings, head: str) -> None:
    """Be a node of the cluster whose head is at `head`, host and port, until a signal ends it.

    Raises:
        ClusterError: Ray is missing, the head cannot be reached, or this node was cut off.
    """
    _prepare(settings)
    end_on_signals()
    while not is_listening(head):
        logger.info("waiting for the head at %s", head)
        time.sleep(PATIENCE_SECONDS)
    address = [f"--node-ip-address={own_address(settings)}"] if settings.node_address else []
    with _ray(settings, [f"--address={head}", *address]) as node:
        node.wait()
        raise ClusterError(f"this node is no longer one of {head}: the head is gone, or the way to it")


def is_listening(address: str) -> bool:
    """Whether something listens at `address`, host and port.

    Raises:
        ClusterError: it is no such address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ClusterError(f"{address}: name the head's host and port, such as head:6379")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


def own_address(settings: ClusterSettings) -> str:
    """The address that this node has in the cluster; where HOST is a loopback address, the cluster is this machine."""
    if settings.node_address:
        try:
            return socket.gethostbyname(settings.node_address)
        except OSError as error:
            raise ClusterError(f"NODE_ADDRESS: {settings.node_address}: {error.strerror}") from None
    if settings.is_of_one_machine:
        return "127.0.0.1"

    import ray

    address: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]  # Ray's, which says so in its docs
    return address


def make_token() -> None:
    """Make the token that opens the cluster, where Ray is to take it from a file that is not there yet."""
    if os.environ["RAY_AUTH_MODE"] != "token" or "RAY_AUTH_TOKEN" in os.environ:
        return
    path = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or Path.home() / ".ray" / "auth_token")
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(path.name + ".new")
    new.touch(mode=0o600)
    new.write_text(secrets.token_hex(TOKEN_BYTES))
    new.replace(path)  # whole: other nodes wait for it


def _prepare(settings: ClusterSettings) -> None:
    if importlib.util.find_spec("ray") is None:
        raise ClusterError("a cluster needs Ray: python -m pip install 'attention-service[cluster]'")
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # replicas share what they count with nobody
    os.environ.update(environment(settings) | _haproxy_files())  # which Ray reads as it is imported


def _haproxy_files() -> dict[str, str]:
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


@contextmanager
def _ray(settings: ClusterSettings, role: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Ray's processes, which end with the context; SIGTERM and SIGINT end it."""
    resources = {
        "num-cpus": settings.node_cpus,
        "memory": settings.node_memory,
        "object-store-memory": settings.object_store_memory,
    }
    given = [f"--{name}={value}" for name, value in resources.items() if value is not None]
    command = [sys.executable, str(RAY), "start", "--block", "--log-color=false", *role, *given]
    end_on_signals()
    # in a session of its own, so that Ctrl-C does not end it before what runs on it
    node = subprocess.Popen(command, start_new_session=True, stdout=subprocess.DEVNULL)  # noqa: S603  # all of it is ours
    try:
        yield node
    finally:
        node.terminate()
        try:
            node.wait(settings.drain_seconds + STOP_SECONDS)
        except subprocess.TimeoutExpired:
            node.kill()
