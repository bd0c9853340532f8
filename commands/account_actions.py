"""`carillon admin` for the account: environments, and how each knows whose browser is calling."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

from api.admin.schemas.environments import NewEnvironmentOut
from api.admin.schemas.security import SecurityOut, SigningKeyOut
from api.management.account.schemas import EnvironmentOut
from commands.actions import EVERYTHING, Arguments, action, read_text
from commands.arguments import ENVIRONMENT, argument
from domain.account.environments import EnvironmentChangeIn, EnvironmentIn
from domain.account.security import SecurityRequest, SigningKeyRequest
from domain.kit.json_types import JsonValue
from domain.kit.shapes import read_shape
from services.account import chain, environments, security
from services.account.environments import get_scope
from services.engine import Engine

_SLUG = argument("slug", help="of the environment")
_SECURITY = {"required": True, "optional": False, "default": None}


@action("environment-list")
async def list_environments(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the environments in the order of promotion."""
    page = await environments.list_environments(engine, EVERYTHING)
    return [EnvironmentOut.of(each).model_dump(mode="json") for each in page.rows]


@action(
    "environment-create",
    argument("slug"),
    argument("--name", required=True),
    argument("--after", help="slug of the environment before it (default: the last but one)"),
    argument(
        "--user-tokens",
        choices=list(_SECURITY),
        default="default",
        help="whether its public keys need a user token (default: required)",
    ),
)
async def add_environment(engine: Engine, arguments: Arguments) -> JsonValue:
    """Create an environment, and print its first keys."""
    document = {
        "slug": arguments.slug,
        "name": arguments.name,
        "after": arguments.after,
        "enhanced_security": _SECURITY[arguments.user_tokens],
    }
    made = await chain.add_environment(engine, read_shape(EnvironmentIn, document))
    return NewEnvironmentOut.of(made).model_dump(mode="json")


@action("environment-rename", _SLUG, argument("--name", required=True))
async def rename_environment(engine: Engine, arguments: Arguments) -> JsonValue:
    """Rename an environment; its slug and its place stay."""
    wanted = read_shape(EnvironmentChangeIn, {"name": arguments.name})
    changed = await chain.change_environment(engine, arguments.slug, wanted)
    return EnvironmentOut.of(changed).model_dump(mode="json")


@action("environment-remove", _SLUG)
async def remove_environment(engine: Engine, arguments: Arguments) -> JsonValue:
    """Remove an environment with all its data, permanently."""
    await chain.remove_environment(engine, arguments.slug)
    return None


@action("signing-key-list", ENVIRONMENT)
async def list_signing_keys(engine: Engine, arguments: Arguments) -> JsonValue:
    """List the signing keys for user tokens of an environment."""
    environment = await get_scope(engine, arguments.environment)
    page = await security.list_signing_keys(engine, environment, EVERYTHING)
    return [SigningKeyOut.of(key).model_dump(mode="json") for key in page.rows]


@action(
    "signing-key-create",
    ENVIRONMENT,
    argument("--name", default="Signing key"),
    argument("--file", type=Path, help="PEM file of an existing key; - for standard input"),
)
async def create_signing_key(engine: Engine, arguments: Arguments) -> JsonValue:
    """Create a signing key and print its private half, or add an existing one."""
    own = None if arguments.file is None else read_text(arguments.file)
    wanted = read_shape(SigningKeyRequest, {"name": arguments.name, "public_key": own})
    environment = await get_scope(engine, arguments.environment)
    made = await security.create_signing_key(engine, environment, wanted.name, wanted.public_key)
    return SigningKeyOut.of(made.row, made.private_key).model_dump(mode="json")


@action("signing-key-revoke", argument("id", type=UUID), ENVIRONMENT)
async def revoke_signing_key(engine: Engine, arguments: Arguments) -> JsonValue:
    """Revoke a signing key."""
    environment = await get_scope(engine, arguments.environment)
    await security.revoke_signing_key(engine, environment, arguments.id)
    return None


@action("security-get", ENVIRONMENT)
async def get_security(engine: Engine, arguments: Arguments) -> JsonValue:
    """Show whether public keys of an environment need a user token."""
    environment = await get_scope(engine, arguments.environment)
    found = await security.get_security(engine, environment)
    return SecurityOut.of(found).model_dump(mode="json")


@action("security-set", argument("user_tokens", choices=list(_SECURITY)), ENVIRONMENT)
async def set_security(engine: Engine, arguments: Arguments) -> JsonValue:
    """Set whether public keys of an environment need a user token."""
    document = {"enhanced_security": _SECURITY[arguments.user_tokens]}
    wanted = read_shape(SecurityRequest, document)
    environment = await get_scope(engine, arguments.environment)
    stored = await security.put_security(engine, environment, wanted.enhanced_security)
    return SecurityOut.of(stored).model_dump(mode="json")
