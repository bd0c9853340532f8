"""`carillon admin source-…`: what sources send to, and how they prove who they are."""

from __future__ import annotations

from pathlib import Path

from api.management.sources.schemas import SourceOut
from commands.actions import REPLACE_UNREADABLE, Arguments, action, read_secrets, read_settings
from commands.arguments import ENVIRONMENT, argument
from domain.kit.json_types import JsonValue
from domain.kit.shapes import read_shape
from domain.sources.requests import SourceIn
from domain.sources.verification import VerificationIn
from services.account.environments import get_scope
from services.engine import Engine
from services.sources import sources
from services.sources.sources import SourceView

_KEY = argument("key")


def _shown(engine: Engine, view: SourceView) -> JsonValue:
    return SourceOut.of(view, engine.settings.public_address).model_dump(mode="json")


@action("source-list")
async def list_sources(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the sources, with their addresses in each environment."""
    return [_shown(engine, view) for view in await sources.list_sources(engine)]


@action("source-show", _KEY)
async def show_source(engine: Engine, arguments: Arguments) -> JsonValue:
    """Show a source, with its address in each environment."""
    return _shown(engine, await sources.get_source(engine, arguments.key))


@action(
    "source-put",
    _KEY,
    argument(
        "--file",
        type=Path,
        default=Path("-"),
        help="JSON with name, description, preconfigured_provider, environment_settings"
        " (default: -)",
    ),
)
async def put_source(engine: Engine, arguments: Arguments) -> JsonValue:
    """Create or change a source."""
    wanted = read_shape(SourceIn, read_settings(arguments.file))
    return _shown(engine, await sources.put_source(engine, arguments.key, wanted))


@action(
    "source-verify",
    _KEY,
    ENVIRONMENT,
    argument(
        "--file",
        type=Path,
        default=Path("-"),
        help="JSON with scheme, secret, header, algorithm, encoding, prefix (default: -)",
    ),
    REPLACE_UNREADABLE,
)
async def put_verification(engine: Engine, arguments: Arguments) -> JsonValue:
    """Set how a source signs the events it sends to an environment."""
    wanted = read_shape(VerificationIn, read_secrets(arguments))
    environment = await get_scope(engine, arguments.environment)
    return _shown(
        engine, await sources.put_verification(engine, environment, arguments.key, wanted)
    )


@action("source-rotate", _KEY, ENVIRONMENT)
async def rotate_endpoint(engine: Engine, arguments: Arguments) -> JsonValue:
    """Give a source a new address in an environment; the old one stops working."""
    environment = await get_scope(engine, arguments.environment)
    return _shown(engine, await sources.rotate_endpoint(engine, environment, arguments.key))
