"""The composition root: settings in, application out. Nothing reads the environment at import."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from service import __version__
from service.api.access import AccessMiddleware, PrivateMiddleware
from service.api.admission import Admission
from service.api.admission_middleware import AdmissionMiddleware
from service.api.compression import CompressionMiddleware
from service.api.cross_origin import CrossOriginMiddleware
from service.api.housekeeping import keep_house
from service.api.keys import Keys
from service.api.middleware import ExchangeMiddleware, HeadMiddleware, ProblemMiddleware
from service.api.openapi import DESCRIPTION, build_openapi
from service.api.problems import ProblemError, problem_response
from service.api.request_log import AskedMiddleware, RequestLog
from service.api.routes import add_routes
from service.api.telemetry import make_spans
from service.engine.errors import RequestError
from service.heatmap.errors import NotDrawableError
from service.loader import Loader
from service.settings import Settings, listed

HELPERS = 2
"""Threads beside the event loop and the engine, which load models, compress large answers and write out metrics.

asyncio's own number follows the machine's cores, of which a container may have few; and threads that come one by one as
load peaks look like a leak.
"""


def create_app(
    settings: Settings, *, load_first: bool = False, when_ready: Callable[[], None] = lambda: None
) -> FastAPI:
    """The application; its lifespan loads the models and closes them.

    It starts before they are loaded, so that probes are answered, unless `load_first` says otherwise; `when_ready` is
    called once they are.
    """
    from service.metrics.recording import Metrics

    loader = Loader(when_ready)
    admission = Admission(
        settings.max_concurrent_requests,
        settings.max_queued_requests,
        settings.max_inflight_bytes,
        settings.request_timeout,
        settings.max_body_bytes,
    )
    request_log = RequestLog(settings.log_format, settings.root_path)
    keys = Keys(settings.api_keys, settings.api_keys_file)
    keys.refresh()  # which leaves the service closed where they cannot be read: a worker that is replaced harms nobody

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(HELPERS, "helper"))  # the loop ends it
        loading = asyncio.create_task(loader.load(settings, metrics.batch_ran))
        if load_first:
            await loading
        keeping_house = asyncio.create_task(keep_house(chores))
        yield
        keeping_house.cancel()
        await loading
        loader.close()
        for seer in seers:
            seer.flush()
        if spans is not None:
            await asyncio.to_thread(spans.close)

    app = FastAPI(
        title="Attention service",
        version=__version__,
        description=DESCRIPTION,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        docs_url=None,  # the routes' own: it can be cached
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # nothing is exported unasked
    )
    app.state.loader = loader
    app.state.operations = loader.operations
    app.state.admission = admission
    app.state.keys = keys
    add_routes(app, admission, listed(settings.frame_ancestors))  # and innermost the middleware that leads to them
    paths = [route.path for route in app.routes if isinstance(route, Route)]
    root_path = settings.root_path or ""
    metrics = app.state.metrics = Metrics(paths, root_path, admission, keys)
    app.openapi = lambda: build_openapi(app)  # type: ignore[method-assign]  # FastAPI's documented way
    for error in (ProblemError, RequestError, NotDrawableError, HTTPException):
        app.add_exception_handler(error, _answer_problem)
    app.add_middleware(AdmissionMiddleware, admission=admission)  # the last added is the outermost
    hosts, origins = listed(settings.allowed_hosts), listed(settings.cors_origins)
    if keys.are_set or hosts:
        app.add_middleware(AccessMiddleware, keys=keys, hosts=hosts)
    app.add_middleware(ProblemMiddleware)
    if keys.are_set:
        app.add_middleware(PrivateMiddleware)
    app.add_middleware(CompressionMiddleware)
    if origins:
        app.add_middleware(CrossOriginMiddleware, origins=origins)
    app.add_middleware(HeadMiddleware)
    if settings.log_sentences:
        app.add_middleware(AskedMiddleware)
    spans = make_spans({root_path + path for path in paths})
    seers = (request_log, metrics) if spans is None else (request_log, metrics, spans)
    chores = (admission.expire, keys.refresh, *(seer.flush for seer in seers))
    app.add_middleware(ExchangeMiddleware, ended=[seer.ended for seer in seers])
    return app


async def _answer_problem(request: Request, error: Exception) -> Response:
    return problem_response(request, error)
