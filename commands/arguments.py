"""Arguments and help of a command, written beside the function that does it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, TypeAlias

Argument: TypeAlias = Callable[[argparse.ArgumentParser], object]


def argument(name: str, **options: Any) -> Argument:
    """Describe an argument; the options are those of `ArgumentParser.add_argument`."""
    return lambda parser: parser.add_argument(name, **options)


# Where a command works, the same for all of them.
ENVIRONMENT = argument(
    "--environment", default="development", help="slug of the environment (default: development)"
)


def help_of(function: Callable[..., object]) -> str:
    """Return the first line of a docstring as argparse writes help: small, without a full stop."""
    line = (function.__doc__ or "").partition("\n")[0].rstrip(".")
    return line[:1].lower() + line[1:]
