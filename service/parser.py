"""The commands and flags of the command line.

Flags are made from the settings and from the requests' fields, so that each is declared once.
"""

import argparse
from pathlib import Path
from typing import Any

from service import __version__
from service.api.attention_request import AttentionRequest
from service.api.heatmap_request import HeatmapRequest
from service.api.requests import SentenceRequest, TokenizeRequest
from service.deploy.cluster_settings import ClusterSettings
from service.flags import add_flags
from service.settings import ENV_PREFIX, Settings

PROGRAM = "attention-service"
REQUESTS: dict[str, type[SentenceRequest]] = {
    "tokenize": TokenizeRequest,
    "attention": AttentionRequest,
    "heatmap": HeatmapRequest,
}
SERVED_ONLY = {"format", "filename"}
"""Fields that only make sense over HTTP."""
ALONE_ONLY = {"quantize", "dry_run"}
"""Fields that no line of many may have."""
ONE_MACHINE_ONLY = {"workers", "header_timeout", "body_timeout", "forwarded_allow_ips"}
"""Settings of `serve` that say nothing where replicas serve, behind a proxy of Ray's."""
SETTINGS = f"Settings, such as {ENV_PREFIX}MODELS, come from the environment: see {PROGRAM} serve --help."
SUFFIXES = {"attention": "; .safetensors and .npy are written as such", "heatmap": "; .svg makes an SVG"}
"""What the name of a command's file decides."""


def make_parser() -> argparse.ArgumentParser:
    """The parser of every command; `command` names the one that was given."""
    parser = argparse.ArgumentParser(
        PROGRAM, description="Shows how a transformer's attention is computed: as a REST service, or for one sentence."
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    server = commands.add_parser("serve", help="serve HTTP", description="Serve HTTP until SIGTERM or Ctrl-C.")
    add_flags(server, Settings, env_prefix=ENV_PREFIX)
    _add_cluster(commands)
    for name, request in REQUESTS.items():
        summary = {"tokenize": "print tokens", "attention": "print matrices", "heatmap": "draw a picture"}[name]
        command = commands.add_parser(
            name,
            help=f"{summary} of a sentence, without a server",
            description=request.__doc__,
            epilog=SETTINGS,
        )
        command.add_argument("sentence", help="the text")
        add_flags(command, request, omit=SERVED_ONLY)
        _add_output(command, SUFFIXES.get(name, ""))
    _add_bulk(commands)
    _add_output(
        commands.add_parser("openapi", help="print the OpenAPI document", description="Print the OpenAPI document.")
    )
    return parser


def _add_cluster(commands: Any) -> None:  # noqa: ANN401  # argparse's class for it is private
    command = commands.add_parser(
        "cluster",
        help="serve HTTP from several machines, with Ray",
        description="Start a Ray cluster with this machine as its head, and serve HTTP from replicas on all its nodes "
        "until SIGTERM or Ctrl-C; or join one that runs.",
    )
    command.add_argument(
        "--join",
        metavar="HOST:PORT",
        help="be a node of the cluster whose head is there; settings of the service are the head's matter",
    )
    add_flags(command, ClusterSettings, env_prefix=ENV_PREFIX, omit=ONE_MACHINE_ONLY)


def _add_bulk(commands: Any) -> None:  # noqa: ANN401  # argparse's class for it is private
    command = commands.add_parser(
        "bulk",
        help="answer a file of many sentences, without a server",
        description="Answer each line of a file, in order. A line that cannot be answered has its problem in place; "
        "then the exit code is 1. A run that was stopped or killed goes on where it was when the same command is given "
        "again.",
        epilog=SETTINGS,
    )
    command.add_argument(
        "input",
        help="a .txt of sentences, one a line; an .ndjson or .jsonl of requests, one JSON object a line with fields "
        "of its own, so that no flag for a field is taken; or a .parquet table whose columns are fields. A path, or an "
        "address that fsspec knows, such as s3://bucket/sentences.txt",
    )
    command.add_argument(
        "-o",
        "--output",
        metavar="FILE",
        required=True,
        help="what to write: .ndjson, a JSON answer a line; .parquet, a table with a row a line, which is a folder of "
        "tables with --engine ray, at any address that fsspec knows",
    )
    command.add_argument(
        "--engine",
        choices=("local", "ray"),
        default="local",
        help="who answers: this process, or actors on a Ray cluster: that of RAY_ADDRESS, else a new one on this "
        f"machine; {ENV_PREFIX}REPLICAS says how many",
    )
    command.add_argument("--endpoint", choices=("tokenize", "attention"), default="attention", help="what to answer")
    command.add_argument(
        "--force",
        action="store_true",
        help="overwrite a finished FILE, or an unfinished one of another command; one of the same command goes on",
    )
    add_flags(command, AttentionRequest, omit=SERVED_ONLY | ALONE_ONLY)


def _add_output(parser: argparse.ArgumentParser, note: str = "") -> None:
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=f"write to FILE, not to standard output{note}"
    )
