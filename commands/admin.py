"""`carillon admin`: what the admin API does, from a shell on the same database.

Answers are the admin API's, as JSON. Settings are read from a file or standard input, never from
an argument, so that credentials do not show in the list of processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from temporalio.service import RPCError

from api.admin.schemas.keys import ApiKeyOut, ServiceTokenOut
from api.admin.schemas.preferences import PreferenceSetBodyOut
from api.admin.schemas.schedules import ScheduleStateOut
from api.management.channels.schemas import ChannelOut
from commands import (
    account_actions,
    file_actions,
    operator_actions,
    source_actions,
    webhook_actions,
)
from commands.actions import (
    EVERYTHING,
    PARSER,
    REPLACE_UNREADABLE,
    Action,
    Arguments,
    read_secrets,
    read_settings,
)
from commands.actions import action as _action
from commands.arguments import ENVIRONMENT, argument
from domain.account.credentials import ApiKeyRequest, RotationRequest, ServiceTokenRequest
from domain.channels.requests import ChannelRequest, ChannelSettingsRequest
from domain.content.email_layout import EMAIL_LAYOUT
from domain.kit.clock import parse_instant
from domain.kit.errors import NotFound, Unavailable
from domain.kit.ids import read_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope, KeyKind
from domain.kit.shapes import read_shape
from domain.preferences.requests import PreferenceSetIn
from runtime.settings import Settings
from runtime.temporal import is_away
from services.account import api_keys
from services.account.environments import get_scope
from services.channels import channels
from services.composition import open_for_command
from services.deliveries.retries import retry_message
from services.engine import Engine
from services.preferences import defaults
from services.runs.reconciliation import recover
from services.schedules import pauses
from templating.messages.default_layout import default_layout_document

# Actions of their own modules are known by importing them.
ACTIONS = (account_actions, file_actions, operator_actions, source_actions, webhook_actions)
PARSER.description = __doc__


def main(settings: Settings, parsed: Arguments) -> int:
    """Run one administrative action and print its answer. Raises AppError."""
    action: Action = parsed.action

    async def run() -> JsonValue:
        async with open_for_command(settings, process="admin") as engine:
            return await action(engine, parsed)

    answer = asyncio.run(run())
    if answer is not None:
        print(json.dumps(answer, indent=2))
    return 0


@_action(
    "channel-put",
    argument("key"),
    argument("--name", required=True),
    argument("--type", required=True),
    argument("--provider", required=True),
    argument("--description"),
)
async def put_channel(engine: Engine, arguments: Arguments) -> JsonValue:
    """Create or rename a channel."""
    document = {
        "name": arguments.name,
        "type": arguments.type,
        "provider": arguments.provider,
        "description": arguments.description,
    }
    view = await channels.put_channel(engine, arguments.key, read_shape(ChannelRequest, document))
    return ChannelOut.of(view).model_dump(mode="json")


@_action(
    "channel-set",
    argument("key"),
    ENVIRONMENT,
    argument(
        "--file",
        type=Path,
        default=Path("-"),
        help="JSON with is_sandbox, channel_settings, provider_settings, conditions (default: -)",
    ),
    REPLACE_UNREADABLE,
)
async def set_channel(engine: Engine, arguments: Arguments) -> JsonValue:
    """Set up a channel."""
    wanted = read_shape(ChannelSettingsRequest, read_secrets(arguments))
    environment = await get_scope(engine, arguments.environment)
    view = await channels.put_channel_settings(engine, environment, arguments.key, wanted)
    return ChannelOut.of(view).model_dump(mode="json")


@_action("default-layout")
async def show_default_layout(engine: Engine, arguments: Arguments) -> JsonValue:
    """Print the default e-mail layout of this version, as the Management API takes it."""
    return {EMAIL_LAYOUT.name: default_layout_document()}


@_action("key-list", ENVIRONMENT)
async def list_keys(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the API keys of an environment."""
    environment = await get_scope(engine, arguments.environment)
    page = await api_keys.list_api_keys(engine, environment, EVERYTHING)
    return [ApiKeyOut.of(key).model_dump(mode="json") for key in page.rows]


@_action(
    "key-create",
    ENVIRONMENT,
    argument("--kind", choices=list(KeyKind), required=True),
    argument("--name", required=True),
)
async def create_key(engine: Engine, arguments: Arguments) -> JsonValue:
    """Create an API key."""
    document = {
        "environment": arguments.environment,
        "kind": str(arguments.kind),
        "name": arguments.name,
    }
    wanted = read_shape(ApiKeyRequest, document)
    environment = await get_scope(engine, wanted.environment)
    issued = await api_keys.create_api_key(engine, environment, KeyKind(wanted.kind), wanted.name)
    return ApiKeyOut.of(issued.row, issued.token).model_dump(mode="json")


@_action(
    "key-rotate",
    argument("id", type=UUID),
    argument(
        "--grace-seconds", type=int, default=0, help="seconds for which the old key still works"
    ),
)
async def rotate_key(engine: Engine, arguments: Arguments) -> JsonValue:
    """Replace an API key."""
    wanted = read_shape(RotationRequest, {"grace_seconds": arguments.grace_seconds})
    grace = timedelta(seconds=wanted.grace_seconds)
    issued = await api_keys.rotate_api_key(engine, arguments.id, grace)
    return ApiKeyOut.of(issued.row, issued.token).model_dump(mode="json")


@_action("key-revoke", argument("id", type=UUID))
async def revoke_key(engine: Engine, arguments: Arguments) -> JsonValue:
    """Revoke an API key."""
    await api_keys.revoke_api_key(engine, arguments.id)
    return None


@_action("token-list")
async def list_tokens(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the service tokens."""
    page = await api_keys.list_service_tokens(engine, EVERYTHING)
    return [ServiceTokenOut.of(token).model_dump(mode="json") for token in page.rows]


@_action("token-create", argument("--name", required=True))
async def create_token(engine: Engine, arguments: Arguments) -> JsonValue:
    """Create a service token."""
    wanted = read_shape(ServiceTokenRequest, {"name": arguments.name})
    issued = await api_keys.create_service_token(engine, wanted.name)
    return ServiceTokenOut.of(issued.row, issued.token).model_dump(mode="json")


@_action("token-revoke", argument("id", type=UUID))
async def revoke_token(engine: Engine, arguments: Arguments) -> JsonValue:
    """Revoke a service token."""
    await api_keys.revoke_service_token(engine, arguments.id)
    return None


@_action("preferences-get", ENVIRONMENT)
async def get_preferences(engine: Engine, arguments: Arguments) -> JsonValue:
    """Show the default preferences of an environment."""
    environment = await get_scope(engine, arguments.environment)
    return _preferences(await defaults.get_default_set(engine, environment))


@_action(
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


@_action("preferences-delete", ENVIRONMENT)
async def delete_preferences(engine: Engine, arguments: Arguments) -> JsonValue:
    """Delete the default preferences of an environment."""
    await defaults.delete_default_set(engine, await get_scope(engine, arguments.environment))
    return None


@_action("message-retry", argument("id"), ENVIRONMENT)
async def send_again(engine: Engine, arguments: Arguments) -> JsonValue:
    """Retry a failed message."""
    environment = await get_scope(engine, arguments.environment)
    message_id = read_id(arguments.id)
    if message_id is None:
        raise NotFound(f"There is no message {arguments.id!r} in this environment.")
    await retry_message(engine, environment, message_id)
    return None


async def _named_schedule(engine: Engine, arguments: Arguments) -> tuple[EnvironmentScope, UUID]:
    """Return what the arguments name. Raises NotFound."""
    environment = await get_scope(engine, arguments.environment)
    schedule_id = read_id(arguments.id)
    if schedule_id is None:
        raise NotFound(f"There is no schedule {arguments.id!r} in this environment.")
    return environment, schedule_id


@_action("schedule-show", argument("id"), ENVIRONMENT)
async def show_schedule(engine: Engine, arguments: Arguments) -> JsonValue:
    """Show when a schedule occurs, and which occurrence it last dropped."""
    found = await pauses.get_schedule(engine, *await _named_schedule(engine, arguments))
    return ScheduleStateOut.of(found).model_dump(mode="json")


@_action("schedule-pause", argument("id"), ENVIRONMENT)
async def pause(engine: Engine, arguments: Arguments) -> JsonValue:
    """Pause a schedule until it is resumed."""
    paused = await pauses.pause_schedule(engine, *await _named_schedule(engine, arguments))
    return ScheduleStateOut.of(paused).model_dump(mode="json")


@_action("schedule-resume", argument("id"), ENVIRONMENT)
async def resume(engine: Engine, arguments: Arguments) -> JsonValue:
    """Resume a paused schedule."""
    resumed = await pauses.resume_schedule(engine, *await _named_schedule(engine, arguments))
    return ScheduleStateOut.of(resumed).model_dump(mode="json")


def _instant(text: str) -> datetime:
    instant = parse_instant(text)
    if instant is None:
        raise argparse.ArgumentTypeError("must be an ISO 8601 date or date-time")
    return instant


@_action(
    "recover",
    argument(
        "--since",
        type=_instant,
        required=True,
        help="skip runs whose last sign of life is older than this date or date-time",
    ),
)
async def start_again(engine: Engine, arguments: Arguments) -> JsonValue:
    """Restart waiting runs that Temporal has lost."""
    try:
        verdict = await recover(engine, arguments.since)
    except (RPCError, RuntimeError) as error:
        if not is_away(error):
            raise
        raise Unavailable(
            "Temporal is unavailable. Runs already restarted stay restarted; run the command again."
        ) from None
    return {
        "waiting_runs": verdict.looked_at,
        "unknown_to_temporal": verdict.unknown,
        "started_again": verdict.restarted,
        "left_because_older": verdict.held,
    }
