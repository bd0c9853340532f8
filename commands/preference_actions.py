"""`carillon admin preferences-…`: the default preferences of an environment."""

from __future__ import annotations

from pathlib import Path

from api.admin.schemas.preferences import PreferenceSetBodyOut
from commands.actions import Arguments, action, read_settings
from commands.arguments import ENVIRONMENT, argument
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.shapes import read_shape
from domain.preferences.requests import PreferenceSetIn
from services.account.environments import get_scope
from services.engine import Engine
from services.preferences import defaults


@action("preferences-get", ENVIRONMENT)
async def get_preferences(engine: Engine, arguments: Arguments) -> JsonValue:
    """Show the default preferences of an environment."""
    environment = await get_scope(engine, arguments.environment)
    return _preferences(await defaults.get_default_set(engine, environment))


@action(
    "preferences-set",
    ENVIRONMENT,
    argument("--file", type=Path, default=Path("-"), help="JSON of a preference set (default: -)"),
)
async def set_preferences(engine: Engine, arguments: Arguments) -> JsonValue:
    """Set the default preferences of an environment."""
    wanted = read_shape(PreferenceSetIn, read_settings(arguments.file))
    environment = await get_scope(engine, arguments.environment)
    return _preferences(await defaults.put_default_set(engine, environment, wanted))


def _preferences(content: JsonObject) -> JsonValue:
    return PreferenceSetBodyOut.of(content).preference_set.model_dump(mode="json")


@action("preferences-delete", ENVIRONMENT)
async def delete_preferences(engine: Engine, arguments: Arguments) -> JsonValue:
    """Delete the default preferences of an environment."""
    await defaults.delete_default_set(engine, await get_scope(engine, arguments.environment))
    return None
