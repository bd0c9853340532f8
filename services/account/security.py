"""Signing keys of user tokens, and whether an environment demands such tokens."""

from __future__ import annotations

from uuid import UUID

from domain.account.security import MAX_SIGNING_KEYS, IssuedSigningKey, Security, SigningKey
from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.ids import new_id
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from models.queries.account import signing_keys as queries
from runtime.user_token_keys import new_signing_key, public_half
from services.engine import Engine, Unit
from services.off_loop import off_loop


async def create_signing_key(
    engine: Engine, environment: EnvironmentScope, name: str, own_key: str | None = None
) -> IssuedSigningKey:
    """Make a key, or take one that the caller has; only its public half is stored.

    Raises:
        InvalidParams: what is given is not an RSA key.
        Unprocessable: the environment has as many keys as it may have, or has this one.
    """
    private_key = await off_loop(new_signing_key) if own_key is None else None
    try:
        public_key = public_half(private_key or own_key or "")
    except ValueError as error:
        raise InvalidParams.of("public_key", str(error)) from error
    async with engine.unit() as unit:
        if await queries.count_signing_keys(unit.connection, environment.id) >= MAX_SIGNING_KEYS:
            raise Unprocessable(
                f"The environment has {MAX_SIGNING_KEYS} signing keys; revoke one first.",
                code="too_many_signing_keys",
            )
        row = await keep_signing_key(unit, environment, name=name, public_key=public_key)
    if row is None:
        raise Unprocessable(
            "The environment already has, or once had, this key.", code="signing_key_exists"
        )
    return IssuedSigningKey(row, private_key)


async def keep_signing_key(
    unit: Unit, environment: EnvironmentScope, *, name: str, public_key: str
) -> SigningKey | None:
    """Store the public half of a key; None when the environment has it already, even revoked."""
    row = SigningKey(new_id(), environment.id, name, public_key, unit.now)
    return row if await queries.insert_signing_key(unit.connection, row) else None


async def list_signing_keys(
    engine: Engine, environment: EnvironmentScope, request: PageRequest
) -> Page[SigningKey]:
    """Return a page of the signing keys of an environment, newest first."""
    async with engine.connection() as connection:
        return await queries.list_signing_keys(connection, environment.id, request)


async def revoke_signing_key(engine: Engine, environment: EnvironmentScope, key_id: UUID) -> None:
    """End a key; what it has signed is refused from now on. Raises NotFound."""
    async with engine.unit() as unit:
        ended = await queries.revoke_signing_key(unit.connection, environment.id, key_id, unit.now)
        if not ended:
            raise NotFound("The signing key does not exist.")


async def get_security(engine: Engine, environment: EnvironmentScope) -> Security:
    """Return what an environment demands of public keys. Raises NotFound."""
    async with engine.connection() as connection:
        found = await queries.get_security(connection, environment.id)
    if found is None:
        raise NotFound("The environment does not exist.")
    return found


async def put_security(
    engine: Engine, environment: EnvironmentScope, enhanced_security: bool | None
) -> Security:
    """Say whether public keys need a user token; holds from the next request on."""
    async with engine.unit() as unit:
        await queries.set_security(unit.connection, environment.id, enhanced_security)
    return await get_security(engine, environment)
