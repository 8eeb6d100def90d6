"""The commands and flags of the command line.

Flags are made from the settings and from the requests' fields, so that each is declared once.
"""

import argparse
from pathlib import Path

from service import __version__
from service.api.attention_request import AttentionRequest
from service.api.heatmap_request import HeatmapRequest
from service.api.requests import SentenceRequest, TokenizeRequest
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
    for name, request in REQUESTS.items():
        summary = {"tokenize": "print tokens", "attention": "print matrices", "heatmap": "draw a picture"}[name]
        command = commands.add_parser(
            name,
            help=f"{summary} of a sentence, without a server",
            description=request.__doc__,
            epilog=f"Settings, such as {ENV_PREFIX}MODELS, come from the environment: see {PROGRAM} serve --help.",
        )
        command.add_argument("sentence", help="the text")
        add_flags(command, request, omit=SERVED_ONLY)
        _add_output(command, SUFFIXES.get(name, ""))
    _add_output(
        commands.add_parser("openapi", help="print the OpenAPI document", description="Print the OpenAPI document.")
    )
    return parser


def _add_output(parser: argparse.ArgumentParser, note: str = "") -> None:
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help=f"write to FILE, not to standard output{note}"
    )
