"""`carillon admin channel-…`: set channels up, hold them and release them; the default layout."""

from __future__ import annotations

from pathlib import Path

from api.admin.schemas.channels import HeldChannelOut
from api.management.channels.schemas import ChannelOut
from commands.actions import REPLACE_UNREADABLE, Arguments, action, read_secrets
from commands.arguments import ENVIRONMENT, argument
from domain.channels.requests import ChannelRequest, ChannelSettingsRequest
from domain.content.email_layout import EMAIL_LAYOUT
from domain.kit.json_types import JsonValue
from domain.kit.shapes import read_shape
from services.account.environments import get_scope
from services.channels import channels
from services.deliveries import holds
from services.engine import Engine
from templating.messages.default_layout import default_layout_document


@action(
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


@action(
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


@action("default-layout")
async def show_default_layout(engine: Engine, arguments: Arguments) -> JsonValue:
    """Print the default e-mail layout of this version, as the Management API takes it."""
    return {EMAIL_LAYOUT.name: default_layout_document()}


@action("channel-hold", argument("key"), ENVIRONMENT)
async def hold_channel(engine: Engine, arguments: Arguments) -> JsonValue:
    """Hold a channel: its messages are made, but wait."""
    environment = await get_scope(engine, arguments.environment)
    return {"count": await holds.hold_channel(engine, environment, arguments.key)}


@action("channel-holds")
async def list_holds(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the held channels of all environments, longest held first."""
    held = await holds.held_channels(engine)
    return [HeldChannelOut.of(each).model_dump(mode="json") for each in held]


@action("channel-release", argument("key"), ENVIRONMENT)
async def release_channel(engine: Engine, arguments: Arguments) -> JsonValue:
    """Release a channel: waiting messages go out."""
    environment = await get_scope(engine, arguments.environment)
    return {"count": await holds.release_channel(engine, environment, arguments.key)}
