"""The service on Ray Serve: replicas of the same app, which are the processes that `serve` would run, on many nodes.

Ray Serve places replicas, restarts those that die and leads requests to them; what is answered, admitted and refused is
the app's matter alone.
"""

import asyncio
from typing import Any

from fastapi import FastAPI
from ray import serve
from ray.serve.config import AutoscalingConfig

from service import arenas
from service.app import create_app
from service.deploy.cluster_settings import CLOSE_SECONDS, ClusterSettings
from service.logs import configure_logging
from service.settings import Settings
from service.watchdog import Watchdog

NAME = "attention"
LOGGING = {"log_level": "WARNING", "enable_access_log": False}
"""Of Ray Serve's own lines: the app's say what was answered."""
HEALTH_SECONDS = 5
"""How often a replica is asked whether it is healthy; one whose event loop stands still does not answer."""


class Replica:
    """What Ray Serve asks of a replica, beside the app's answers."""

    app: FastAPI

    async def check_health(self) -> None:
        """Raise what keeps the app from answering, if anything does: Ray Serve says it, and tries anew."""
        loader = self.app.state.loader
        if loader.failure is not None:
            raise loader.failure
        loader.operations()


def application(settings: ClusterSettings) -> serve.Application:
    """The service as an application of Ray Serve; its replicas have these `settings`, wherever they run."""

    def build() -> FastAPI:
        return build_app(settings.of_a_replica)

    deployment: serve.Deployment = serve.deployment(name=NAME, **options(settings))(serve.ingress(build)(Replica))
    return deployment.bind()


def from_config(given: dict[str, Any]) -> serve.Application:
    """The application for `serve deploy`: settings are the `args` of its file, else the environment's.

    Raises:
        ValidationError: a setting is wrong; it says which.
    """
    return application(ClusterSettings.model_validate(given))


def options(settings: ClusterSettings) -> dict[str, Any]:
    """Ray Serve's options for a deployment with these `settings`."""
    most = settings.max_replicas or settings.replicas
    scaling: dict[str, Any] = {"num_replicas": settings.replicas}
    if most > settings.replicas:
        scaling = {
            "autoscaling_config": AutoscalingConfig(
                min_replicas=settings.replicas,
                max_replicas=most,
                # half of what it works on at once: the other half is for what comes until there are more
                target_ongoing_requests=settings.max_concurrent_requests / 2,
                upscale_delay_s=settings.scale_up_delay,
                downscale_delay_s=settings.scale_down_delay,
            )
        }
    return {
        **scaling,
        "max_ongoing_requests": settings.at_once,
        "max_queued_requests": -1,
        "max_replicas_per_node": settings.replicas_per_node,
        "graceful_shutdown_timeout_s": settings.shutdown_timeout + CLOSE_SECONDS,
        "graceful_shutdown_wait_loop_s": 0.5,
        "health_check_period_s": HEALTH_SECONDS,
        "health_check_timeout_s": settings.stall_timeout,
        "logging_config": LOGGING,
        "ray_actor_options": {
            "num_cpus": settings.replica_cpus,
            "num_gpus": settings.replica_gpus,
            "memory": settings.replica_memory,
        },
    }


def build_app(settings: Settings) -> FastAPI:
    """The app, in a replica: it begins to serve once all is loaded, and ends where it stands still."""
    arenas.share()
    configure_logging(settings.log_level, settings.log_format)

    def watch() -> None:
        Watchdog(settings.stall_timeout, asyncio.get_running_loop(), app.state.loader.computing_since).__enter__()

    app = create_app(settings, load_first=True, when_ready=watch)
    return app
