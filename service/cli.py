"""The command line: serve · cluster · tokenize · attention · heatmap · bulk · openapi.

A user's error is one line on standard error and exit code 2. Commands import what they need when they run: --help needs
no torch.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn, TypeVar

import orjson
from pydantic import ValidationError

from service.api.fields import fields_from_text, message_of
from service.api.keys import KeysError
from service.api.problems import ProblemError
from service.corpus.errors import CorpusError
from service.deploy.cluster_settings import ClusterSettings
from service.deploy.errors import ClusterError
from service.engine.errors import EngineError, NoTokensError
from service.flags import given_flags, join_negative_numbers
from service.heatmap.errors import NotDrawableError
from service.parser import PROGRAM, REQUESTS, make_parser
from service.serving import cluster, serve
from service.settings import ENV_PREFIX, Settings

AnySettings = TypeVar("AnySettings", bound=Settings)
BINARY = {"png", "safetensors", "npy"}
"""Forms that are no text."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command that `arguments` (those of the process) name."""
    given = join_negative_numbers(sys.argv[1:] if arguments is None else arguments)
    options, unknown = make_parser().parse_known_args(given)
    if unknown:
        is_text = options.command in REQUESTS and not unknown[0].startswith("-")
        advice = "put the sentence in quotes" if is_text else f"see {PROGRAM} {options.command} --help"
        _fail(f"unrecognized arguments: {' '.join(unknown)}; {advice}")
    try:
        if options.command == "serve":
            serve(_settings(Settings, given_flags(options)))
        elif options.command == "cluster":
            cluster(_settings(ClusterSettings, given_flags(options)), options.join)
        elif options.command == "openapi":
            _write(openapi() + b"\n", options.output)
        elif options.command == "bulk":
            _answer_corpus(options)
        else:
            _answer(options)
    except (EngineError, NotDrawableError, ProblemError, CorpusError, KeysError, ClusterError, OSError) as error:
        _fail(str(error))


def openapi() -> bytes:
    """The OpenAPI document, as committed in openapi/openapi.json."""
    from service.app import create_app

    return orjson.dumps(create_app(Settings()).openapi(), option=orjson.OPT_INDENT_2)


def _answer(options: argparse.Namespace) -> None:
    """Answer one request without a server."""
    if not options.sentence:  # which over HTTP means null
        raise NoTokensError("sentence")
    pairs = [("sentence", options.sentence), *given_flags(options)]
    fields = fields_from_text(pairs, REQUESTS[options.command], "query")
    form = _form(options.command, options.output)
    is_dry_run = vars(fields).get("dry_run", False)
    is_text = form not in BINARY or is_dry_run
    if not is_text and options.output is None and sys.stdout.isatty():
        _fail("a picture is no text: name a file with -o picture.png")
    settings = _settings(Settings, [])

    from service.loader import load_operations

    operations = load_operations(settings)
    encoded = asyncio.run(getattr(operations, options.command)(fields, form, {}))
    operations.engine.close()
    body = b"".join(encoded.buffers)
    _write(body + b"\n" if is_text else body, None if is_dry_run else options.output)


def _answer_corpus(options: argparse.Namespace) -> None:
    """Answer many requests without a server, and end with exit code 1 if there were problems, 130 after Ctrl-C."""
    from service.api.endpoints import SENTENCE_ENDPOINTS
    from service.bulk import answer_here, answer_on_ray
    from service.corpus.source import ANY_SENTENCE, open_source

    endpoint = next(each for each in SENTENCE_ENDPOINTS if each.path == f"/{options.endpoint}")
    request = fields_from_text([("sentence", ANY_SENTENCE), *given_flags(options)], endpoint.fields, "query")
    fields = request.model_dump(mode="json", exclude_unset=True, exclude={"sentence"})
    settings = _settings(ClusterSettings if options.engine == "ray" else Settings, [])
    source = open_source(options.input, fields, endpoint.path, settings.max_body_bytes)
    try:
        if isinstance(settings, ClusterSettings):
            counted, said = answer_on_ray(settings, endpoint, source, options.output, force=options.force)
        else:
            counted, said = answer_here(settings, endpoint, source, options.output, force=options.force)
    except KeyboardInterrupt:
        _fail("stopped; run the same command again to go on", code=128 + signal.SIGINT)
    print(f"{PROGRAM}: {said}", file=sys.stderr)
    if counted.problems:
        raise SystemExit(1)


def _form(command: str, output: Path | None) -> str:
    """The form that the file's name asks for, or the command's first."""
    from service.api.endpoints import SENTENCE_ENDPOINTS

    forms = next(list(endpoint.forms) for endpoint in SENTENCE_ENDPOINTS if endpoint.path == f"/{command}")
    suffix = output.suffix[1:].lower() if output else ""
    if suffix and suffix not in forms:
        _fail(f"{output}: {command} writes {' or '.join('.' + form for form in forms)}")
    return suffix or forms[0]


def _settings(kind: type[AnySettings], given: Sequence[tuple[str, str]]) -> AnySettings:
    """The environment's settings, overridden by what was `given` as flags."""
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        problems = []
        for details in error.errors(include_url=False):
            name = str(details["loc"][0])
            source = f"--{name.replace('_', '-')}" if name in dict(given) else f"{ENV_PREFIX}{name.upper()}"
            problems.append(f"{source}: {message_of(details)}; it is {details['input']!r}")
        _fail("; ".join(problems))


def _write(body: bytes, output: Path | None) -> None:
    if output is None:
        sys.stdout.buffer.write(body)
        return
    try:
        output.write_bytes(body)
    except OSError as error:
        _fail(f"cannot write {output}: {error.strerror}")


def _fail(message: str, code: int = 2) -> NoReturn:
    print(f"{PROGRAM}: {message}", file=sys.stderr)
    raise SystemExit(code)
