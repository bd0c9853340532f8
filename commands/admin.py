"""`carillon admin`: what the admin API does, from a shell on the same database.

Answers are the admin API's, as JSON. Settings are read from a file or standard input, never from
an argument, so that credentials do not show in the list of processes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

from temporalio.service import RPCError

from api.admin.schemas import ApiKeyOut, ServiceTokenOut
from api.management.channels.schemas import ChannelOut
from domain.account.credentials import ApiKeyRequest, RotationRequest, ServiceTokenRequest
from domain.channels.requests import ChannelRequest, ChannelSettingsRequest
from domain.kit.clock import parse_instant
from domain.kit.errors import InvalidParams, NotFound, Unavailable
from domain.kit.ids import read_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.pages import PageRequest
from domain.kit.principals import KeyKind
from domain.kit.shapes import read_shape
from runtime.settings import Settings
from runtime.temporal import is_away
from services.account import api_keys
from services.account.environments import get_scope
from services.channels import channels
from services.composition import open_engine
from services.deliveries.retries import retry_message
from services.engine import Engine
from services.runs.reconciliation import recover

Arguments = argparse.Namespace
Action: TypeAlias = Callable[[Engine, Arguments], Awaitable[JsonValue]]

_EVERYTHING = PageRequest(1000)


def main(settings: Settings, arguments: list[str]) -> int:
    """Run one administrative action and print its answer; all violations go to standard error."""
    parsed = _parser().parse_args(arguments)
    action: Action = parsed.action

    async def run() -> JsonValue:
        async with open_engine(settings, process="admin", lazy=True) as engine:
            return await action(engine, parsed)

    try:
        answer = asyncio.run(run())
    except InvalidParams as refusal:
        for error in refusal.errors:
            print(f"carillon: {error.field}: {error.message}", file=sys.stderr)
        return 1
    if answer is not None:
        print(json.dumps(answer, indent=2))
    return 0


async def _put_channel(engine: Engine, arguments: Arguments) -> JsonValue:
    document = {
        "name": arguments.name,
        "type": arguments.type,
        "provider": arguments.provider,
        "description": arguments.description,
    }
    view = await channels.put_channel(engine, arguments.key, read_shape(ChannelRequest, document))
    return ChannelOut.of(view).model_dump(mode="json")


async def _set_channel(engine: Engine, arguments: Arguments) -> JsonValue:
    wanted = read_shape(ChannelSettingsRequest, _read_settings(arguments.file))
    environment = await get_scope(engine, arguments.environment)
    view = await channels.put_channel_settings(engine, environment, arguments.key, wanted)
    return ChannelOut.of(view).model_dump(mode="json")


async def _list_keys(engine: Engine, arguments: Arguments) -> JsonValue:
    environment = await get_scope(engine, arguments.environment)
    page = await api_keys.list_api_keys(engine, environment, _EVERYTHING)
    return [ApiKeyOut.of(key).model_dump(mode="json") for key in page.rows]


async def _create_key(engine: Engine, arguments: Arguments) -> JsonValue:
    wanted = read_shape(
        ApiKeyRequest,
        {
            "environment": arguments.environment,
            "kind": str(arguments.kind),
            "name": arguments.name,
        },
    )
    environment = await get_scope(engine, wanted.environment)
    issued = await api_keys.create_api_key(engine, environment, KeyKind(wanted.kind), wanted.name)
    return ApiKeyOut.of(issued.row, issued.token).model_dump(mode="json")


async def _rotate_key(engine: Engine, arguments: Arguments) -> JsonValue:
    wanted = read_shape(RotationRequest, {"grace_seconds": arguments.grace_seconds})
    grace = timedelta(seconds=wanted.grace_seconds)
    issued = await api_keys.rotate_api_key(engine, arguments.id, grace)
    return ApiKeyOut.of(issued.row, issued.token).model_dump(mode="json")


async def _revoke_key(engine: Engine, arguments: Arguments) -> JsonValue:
    await api_keys.revoke_api_key(engine, arguments.id)
    return None


async def _list_tokens(engine: Engine, arguments: Arguments) -> JsonValue:
    page = await api_keys.list_service_tokens(engine, _EVERYTHING)
    return [ServiceTokenOut.of(token).model_dump(mode="json") for token in page.rows]


async def _create_token(engine: Engine, arguments: Arguments) -> JsonValue:
    wanted = read_shape(ServiceTokenRequest, {"name": arguments.name})
    issued = await api_keys.create_service_token(engine, wanted.name)
    return ServiceTokenOut.of(issued.row, issued.token).model_dump(mode="json")


async def _revoke_token(engine: Engine, arguments: Arguments) -> JsonValue:
    await api_keys.revoke_service_token(engine, arguments.id)
    return None


async def _retry_message(engine: Engine, arguments: Arguments) -> JsonValue:
    environment = await get_scope(engine, arguments.environment)
    message_id = read_id(arguments.id)
    if message_id is None:
        raise NotFound(f"There is no message {arguments.id!r} in this environment.")
    await retry_message(engine, environment, message_id)
    return None


async def _recover(engine: Engine, arguments: Arguments) -> JsonValue:
    try:
        verdict = await recover(engine, arguments.since)
    except (RPCError, RuntimeError) as error:
        if not is_away(error):
            raise
        raise Unavailable("Temporal is away; what was started again stays so. Repeat it.") from None
    return {
        "waiting_runs": verdict.looked_at,
        "unknown_to_temporal": verdict.unknown,
        "started_again": verdict.restarted,
        "left_because_older": verdict.held,
    }


def _instant(text: str) -> datetime:
    instant = parse_instant(text)
    if instant is None:
        raise argparse.ArgumentTypeError("must be an ISO 8601 date or date-time")
    return instant


def _read_settings(file: Path) -> JsonObject:
    """Read a JSON object from a file, `-` for standard input. Raises InvalidParams."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        document = json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidParams.of(str(file), f"cannot be read as JSON: {error}") from error
    if not isinstance(document, dict):
        raise InvalidParams.of(str(file), "must hold a JSON object")
    return document


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="carillon admin", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="action")

    def add(name: str, summary: str, action: Action, *names: str) -> argparse.ArgumentParser:
        found = actions.add_parser(name, help=summary)
        found.set_defaults(action=action)
        for argument in names:
            found.add_argument(argument, type=UUID if argument == "id" else str)
        return found

    channel = add("channel-put", "create or rename a channel", _put_channel, "key")
    for option in ("name", "type", "provider"):
        channel.add_argument(f"--{option}", required=True)
    channel.add_argument("--description")
    setting = add("channel-set", "set up a channel", _set_channel, "key", "environment")
    setting.add_argument(
        "--file",
        type=Path,
        default=Path("-"),
        help="JSON with is_sandbox, channel_settings, provider_settings, conditions (default: -)",
    )
    add("key-list", "list the API keys of an environment", _list_keys, "environment")
    key = add("key-create", "make an API key", _create_key, "environment")
    key.add_argument("--kind", choices=list(KeyKind), required=True)
    key.add_argument("--name", required=True)
    rotation = add("key-rotate", "replace an API key", _rotate_key, "id")
    rotation.add_argument("--grace-seconds", type=int, default=0, help="how long the old one works")
    add("key-revoke", "end an API key", _revoke_key, "id")
    add("token-list", "list the service tokens", _list_tokens)
    add("token-create", "make a service token", _create_token).add_argument("--name", required=True)
    add("token-revoke", "end a service token", _revoke_token, "id")
    retry = add("message-retry", "send a failed message once more", _retry_message)
    retry.add_argument("id")
    retry.add_argument("--environment", default="development")
    recovery = add("recover", "start waiting runs again that Temporal has lost", _recover)
    recovery.add_argument(
        "--since",
        type=_instant,
        required=True,
        help="leave runs alone whose last sign of life is older than this date or date-time",
    )
    return parser
