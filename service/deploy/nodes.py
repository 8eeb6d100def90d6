"""A node of a Ray cluster on this machine: the head, which deploys the service, or one that joins it."""

import logging
import os
import secrets
import socket
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from service.deploy.cluster_settings import ClusterSettings
from service.deploy.environment import prepare
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


def lead(settings: ClusterSettings) -> None:
    """Start a cluster with this machine as its head, and serve until a signal ends it.

    Raises:
        ClusterError: Ray is missing or does not start, or the service cannot be deployed.
    """
    if settings.is_open and not settings.is_of_one_machine:
        logger.warning(OPEN, settings.host)
    prepare(settings)
    make_token()
    # replicas have ended in order by then, and have nowhere to move; what a bulk command left would be waited for
    os.environ["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"] = "0"
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


def join(settings: ClusterSettings, head: str) -> NoReturn:
    """Be a node of the cluster whose head is at `head`, host and port, until a signal ends it.

    A node that was cut off, or did not start in time on a busy machine, joins again.

    Raises:
        ClusterError: Ray is missing, or `head` is no address.
    """
    prepare(settings)
    address = [f"--node-ip-address={own_address(settings)}"] if settings.node_address else []
    end_on_signals()
    while True:
        while not is_listening(head):
            logger.info("waiting for the head at %s", head)
            time.sleep(PATIENCE_SECONDS)
        with _ray(settings, [f"--address={head}", *address]) as node:
            code = node.wait()
        logger.warning("this node is no longer one of %s (Ray ended with %s): it joins again", head, code)
        time.sleep(PATIENCE_SECONDS)


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

    address: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]  # Ray's
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
