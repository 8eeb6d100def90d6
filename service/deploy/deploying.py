"""Deploying the service to a cluster whose head is this machine."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.config import HTTPOptions, ProxyLocation

from service.deploy.cluster import LOGGING, NAME, application
from service.deploy.cluster_settings import ClusterSettings
from service.deploy.errors import ClusterError
from service.deploy.signals import end_on_signals

logger = logging.getLogger(__name__)


@contextmanager
def deployed(settings: ClusterSettings, head: str) -> Iterator[None]:
    """The service, ready, at HOST:PORT of this machine; `head` is the address of Ray on it.

    Raises:
        ClusterError: the service cannot be deployed.
    """
    ray.init(head, logging_level=logging.WARNING)
    end_on_signals()  # once more: Ray's own way is to print stacks and to abort
    try:
        http = HTTPOptions(host=settings.host, port=settings.port, root_path=settings.root_path or "")
        serve.start(ProxyLocation.HeadOnly, http, logging_config=LOGGING)
        try:
            serve.run(application(settings), name=NAME, route_prefix="/")
        except (RuntimeError, RayError) as error:
            raise ClusterError(f"cannot deploy: {_reason() or ' '.join(str(error).split())}") from None
        logger.info("listening on http://%s:%s", settings.host, settings.port)
        yield
    finally:
        serve.delete(NAME)  # replicas answer what they have begun; what comes next ends the proxy at once
        serve.shutdown()  # type: ignore[no-untyped-call]  # Ray's
        ray.shutdown()


def _reason() -> str:
    """What a replica said last, of which Ray Serve keeps the traceback; empty where it said nothing."""
    applications = serve.status().applications.values()
    said = [deployment.message for each in applications for deployment in each.deployments.values()]
    return next((line.strip() for line in reversed("\n".join(said).splitlines()) if line.strip()), "")
