"""The actions of `carillon admin`, each made of a function: what it takes, and its help."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeAlias

from commands.arguments import Argument, argument, help_of
from commands.files import unreadable
from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import PageRequest
from services.engine import Engine

Arguments = argparse.Namespace
Action: TypeAlias = Callable[[Engine, Arguments], Awaitable[JsonValue]]

PARSER = argparse.ArgumentParser(prog="carillon admin")
ACTIONS = PARSER.add_subparsers(required=True, metavar="action")
REPLACE_UNREADABLE = argument(
    "--replace-unreadable",
    action="store_true",
    help="write over secrets that were encrypted with a key that this command does not have",
)
# As good as all: nobody keeps a thousand keys.
EVERYTHING = PageRequest(1000)


def action(name: str, *arguments: Argument) -> Callable[[Action], Action]:
    """Make a function an action of the command; the first line of its docstring is its help."""

    def register(function: Action) -> Action:
        parser = ACTIONS.add_parser(name, help=help_of(function))
        parser.set_defaults(action=function)
        for add_to in arguments:
            add_to(parser)
        return function

    return register


def read_text(file: Path) -> str:
    """Read a file, `-` for standard input. Raises InvalidParams."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise unreadable(file, error) from error


def read_bytes(file: Path, limit: int) -> bytes:
    """Read a file that may be in any encoding, `-` for standard input.

    Raises:
        InvalidParams: it cannot be read, or has more than `limit` bytes.
    """
    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(limit + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(limit + 1)
    except OSError as error:
        raise unreadable(file, error) from error
    if len(content) > limit:
        raise InvalidParams.of(str(file), f"must have at most {limit} bytes")
    return content


def read_settings(file: Path) -> JsonObject:
    """Read a JSON object from a file, `-` for standard input. Raises InvalidParams."""
    try:
        document = json.loads(read_text(file))
    except ValueError as error:
        raise InvalidParams.of(str(file), f"cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidParams.of(str(file), "must contain a JSON object")
    return document


def read_secrets(arguments: Arguments) -> JsonObject:
    """Read a JSON object from `--file`, with what `REPLACE_UNREADABLE` says of it.

    Raises InvalidParams.
    """
    document = read_settings(arguments.file)
    return {**document, "replace_unreadable": True} if arguments.replace_unreadable else document
