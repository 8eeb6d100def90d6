"""What is loaded before requests are answered: models, fonts and an engine, in the background."""

import asyncio
import gc
import logging
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from service.api.keys import Keys
from service.api.problems import NotReadyError
from service.settings import Settings

if TYPE_CHECKING:
    from service.api.operations import Operations

logger = logging.getLogger(__name__)

SWITCH_SECONDS = 1e-3
"""How long the engine's thread may keep the interpreter when the event loop wants it; Python's own 5 ms are the time
of ten requests."""
LIMITS = (
    "max_tokens",
    "max_stream_tokens",
    "max_body_bytes",
    "max_response_bytes",
    "max_concurrent_requests",
    "max_queued_requests",
    "max_inflight_bytes",
    "request_timeout",
)
"""The settings that /info tells clients."""


def load_operations(
    settings: Settings,
    report: Callable[[str], None] = logger.debug,
    batch_ran: Callable[[int, int], None] = lambda _texts, _tokens: None,
) -> "Operations":
    """The service's operations on an engine made as `settings` say; takes seconds, most of them to import torch.

    What is being done goes to `report`, and to `batch_ran` each run of a pretrained model.

    Raises:
        DeviceUnavailableError: the configured device is not on this machine.
        FileNotFoundError: a configured font is not there.
        ModelLoadError: a configured model cannot be loaded, or its attention not be trusted.
    """
    from service.api.operations import Operations
    from service.engine.device import default_num_threads
    from service.engine.engine import Engine
    from service.heatmap.fonts import find_fonts
    from service.heatmap.render import Renderer

    num_threads = settings.num_threads or max(1, default_num_threads() // settings.workers)
    engine = Engine(settings.device, num_threads, settings.max_tokens, settings.max_stream_tokens)
    if settings.models:
        from service.engine.models import Batching
        from service.engine.sources import parse_sources

        sources = parse_sources(settings.models)
        batching = Batching(settings.batching, settings.max_batch_tokens, batch_ran)
        for number, source in enumerate(sources, start=1):
            report(f"loading model {source.id}, {number} of {len(sources)}")
            engine.add(source, settings.dtype, batching)
    renderer = Renderer(find_fonts(settings.font_places))
    limits = {name.upper(): getattr(settings, name) for name in LIMITS}
    operations = Operations(engine, renderer, limits)
    report("warming up")
    asyncio.run(operations.warm_up())
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.freeze()  # what is loaded stays: the garbage collector need not walk through all of torch again and again
    return operations


def infer() -> AbstractContextManager[None]:
    """torch's inference mode, for the thread that small work runs on: entering it costs as much as a product."""
    import torch

    mode: AbstractContextManager[None] = torch.inference_mode()
    return mode


def check_before_serving(settings: Settings) -> None:
    """Find out what is wrong with a setting before the port is open; costs nothing where the default is kept.

    Raises:
        DeviceUnavailableError: the configured device is not on this machine.
        FileNotFoundError: a configured font is not there.
        KeysError: the keys, or the file of keys, cannot be taken.
        ModelLoadError: a configured folder holds no model.
    """
    Keys(settings.api_keys, settings.api_keys_file).read()
    if settings.font_places:
        from service.heatmap.fonts import find_fonts

        find_fonts(settings.font_places)
    if settings.models:
        from service.engine.sources import check_source, parse_sources

        for source in parse_sources(settings.models):
            check_source(source)
    if settings.device not in {"auto", "cpu"}:
        from service.engine.device import resolve_device

        resolve_device(settings.device)


class Loader:
    """Loads the operations in the background, so that /livez answers from the first moment."""

    def __init__(self, when_ready: Callable[[], None]) -> None:
        """Hold nothing yet; call `when_ready` once all is loaded."""
        self._when_ready = when_ready
        self._operations: Operations | None = None
        self._thread = ExitStack()
        """What the event loop's thread is in, as long as it has operations."""
        self._progress = "loading the libraries"
        self.failure: Exception | None = None
        """Why loading failed, if it did."""

    async def load(self, settings: Settings, batch_ran: Callable[[int, int], None]) -> None:
        """Load, off the event loop; a failure is kept for the server, which ends."""
        try:
            self._operations = await asyncio.to_thread(load_operations, settings, self._report, batch_ran)
            self._thread.enter_context(infer())
        except Exception as error:  # whatever it is, the server must end and say it
            self.failure = error
        else:
            logger.info("ready: device=%s", self._operations.engine.device)
            self._when_ready()

    def _report(self, progress: str) -> None:
        self._progress = progress

    def operations(self) -> "Operations":
        """The loaded operations.

        Raises:
            NotReadyError: they are still being loaded.
        """
        if self._operations is None:
            raise NotReadyError(self._progress)
        return self._operations

    def computing_since(self) -> float | None:
        """See `Worker.computing_since`; None while the models are being loaded, which takes its time."""
        return None if self._operations is None else self._operations.engine.worker.computing_since

    def close(self) -> None:
        """Close what was loaded."""
        self._thread.close()
        if self._operations is not None:
            self._operations.engine.close()
