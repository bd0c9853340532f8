"""`carillon admin` for API keys and service tokens."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from api.admin.schemas.keys import ApiKeyOut, ServiceTokenOut
from commands.actions import EVERYTHING, Arguments, action
from commands.arguments import ENVIRONMENT, argument
from domain.account.credentials import ApiKeyRequest, RotationRequest, ServiceTokenRequest
from domain.kit.json_types import JsonValue
from domain.kit.principals import KeyKind
from domain.kit.shapes import read_shape
from services.account import api_keys
from services.account.environments import get_scope
from services.engine import Engine


@action("key-list", ENVIRONMENT)
async def list_keys(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the API keys of an environment."""
    environment = await get_scope(engine, arguments.environment)
    page = await api_keys.list_api_keys(engine, environment, EVERYTHING)
    return [ApiKeyOut.of(key).model_dump(mode="json") for key in page.rows]


@action(
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


@action(
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


@action("key-revoke", argument("id", type=UUID))
async def revoke_key(engine: Engine, arguments: Arguments) -> JsonValue:
    """Revoke an API key."""
    await api_keys.revoke_api_key(engine, arguments.id)
    return None


@action("token-list")
async def list_tokens(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the service tokens."""
    page = await api_keys.list_service_tokens(engine, EVERYTHING)
    return [ServiceTokenOut.of(token).model_dump(mode="json") for token in page.rows]


@action("token-create", argument("--name", required=True))
async def create_token(engine: Engine, arguments: Arguments) -> JsonValue:
    """Create a service token."""
    wanted = read_shape(ServiceTokenRequest, {"name": arguments.name})
    issued = await api_keys.create_service_token(engine, wanted.name)
    return ServiceTokenOut.of(issued.row, issued.token).model_dump(mode="json")


@action("token-revoke", argument("id", type=UUID))
async def revoke_token(engine: Engine, arguments: Arguments) -> JsonValue:
    """Revoke a service token."""
    await api_keys.revoke_service_token(engine, arguments.id)
    return None
