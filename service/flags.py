"""Command-line flags made from the fields of a pydantic model, so that each is declared once."""

import argparse
import re
from collections.abc import Collection, Sequence
from typing import Literal, get_args, get_origin

from pydantic import BaseModel

NEGATIVE = re.compile(r"-\.?[0-9].*")


def add_flags(
    parser: argparse.ArgumentParser, model: type[BaseModel], env_prefix: str = "", omit: Collection[str] = ()
) -> None:
    """A flag for every optional field of `model` but those in `omit`; its text is validated as the field is."""
    for name, field in model.model_fields.items():
        if field.is_required() or name in omit:
            continue
        choices = _choices(field.annotation)
        notes = [f"one of: {', '.join(choices)}"] if choices else []
        notes += [f"environment: {env_prefix}{name.upper()}"] if env_prefix else []
        if field.default is not None:
            notes.append(f"default: {str(field.default).lower() if isinstance(field.default, bool) else field.default}")
        help_text = f"{field.description} ({'; '.join(notes)})" if notes else field.description or ""
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, dest=name, action="append", metavar="VALUE", help=help_text.replace("%", "%%"))


def join_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """`--scale -1e3` as `--scale=-1e3`: argparse takes a negative number with an exponent for a flag."""
    joined: list[str] = []
    for argument in arguments:
        if joined and joined[-1].startswith("--") and NEGATIVE.fullmatch(argument):
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _choices(annotation: object) -> list[str]:
    """The words that a field takes, if it takes nothing else."""
    if get_origin(annotation) is Literal:
        return [str(choice) for choice in get_args(annotation)]
    return [choice for option in get_args(annotation) for choice in _choices(option)]


def given_flags(options: argparse.Namespace) -> list[tuple[str, str]]:
    """The flags that were given, as (field, text)."""
    return [(name, text) for name, texts in vars(options).items() if isinstance(texts, list) for text in texts]
