"""Serving until a signal ends it: from this machine, or from a cluster.

What takes long to import is imported once the settings are known to be right.
"""

import difflib
import ipaddress
import logging
import os
import signal

from service.deploy.cluster_settings import ClusterSettings
from service.settings import ENV_PREFIX, OPEN, Settings

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until a signal ends it.

    Raises:
        EngineError: the models cannot be loaded.
        KeysError: the keys cannot be taken.
        OSError: the address cannot be listened on.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # from now on it ends nothing; once served, it has keys read again

    from service.loader import check_before_serving
    from service.logs import configure_logging
    from service.server import bind, run

    check_before_serving(settings)
    configure_logging(settings.log_level, settings.log_format)
    listener = bind(settings.host, settings.port)
    logger.info("settings: %s", settings.model_dump_json())
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    address, port = listener.getsockname()[:2]
    logger.info("listening on http://%s:%s", host, port)
    if settings.is_open and not ipaddress.ip_address(address).is_loopback:
        logger.warning(OPEN, host)
    _warn_of_unknown_variables(Settings)
    if settings.workers == 1:
        os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # this process shares what it counts with no other
        run(settings, listener)
    else:
        from service.supervisor import supervise

        supervise(settings, listener)


def cluster(settings: ClusterSettings, head: str | None) -> None:
    """Lead a cluster, or join the one of `head`, until a signal ends it.

    Raises:
        ClusterError: the service cannot be deployed, or Ray is not installed.
        EngineError, KeysError, OSError: a setting is wrong, see `check_before_serving`.
    """
    from service.deploy.nodes import join, lead
    from service.loader import check_before_serving
    from service.logs import configure_logging

    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # replicas read a file of keys again when it has changed
    configure_logging(settings.log_level, settings.log_format)
    if head is not None:
        join(settings, head)
        return
    check_before_serving(settings.model_copy(update={"device": "auto"}))  # the device is that of other nodes
    logger.info("settings: %s", settings.model_dump_json())
    _warn_of_unknown_variables(ClusterSettings)
    lead(settings)


def _warn_of_unknown_variables(kind: type[Settings]) -> None:
    known = {name.upper() for name in kind.model_fields}
    for variable in sorted(os.environ):
        name = variable.removeprefix(ENV_PREFIX)
        if name not in {variable, *known}:
            close = difflib.get_close_matches(name, known, n=1)
            logger.warning("%s is no setting%s", variable, f"; did you mean {ENV_PREFIX}{close[0]}?" if close else "")
