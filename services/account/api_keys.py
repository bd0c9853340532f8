"""API keys and service tokens: make, list, replace and end them.

A token is shown once, when it is made; only its hash is kept.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import count
from uuid import UUID

from domain.account.credentials import ApiKey, Issued, ServiceToken
from domain.kit.errors import NotFound, Unprocessable
from domain.kit.ids import new_id
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope, KeyKind, ServicePrincipal
from models.queries.account import api_keys as queries
from runtime.tokens import hash_token, new_token
from services.engine import Engine, Unit

PREFIXES = {KeyKind.SECRET: "sk_", KeyKind.PUBLIC: "pk_"}
_SERVICE_PREFIX = "knock_st_"
_MAX_NAME = 255
# How many keys that an exchange may give are looked for at once; each that ended makes one more.
_GENERATIONS = 100


async def create_api_key(
    engine: Engine, environment: EnvironmentScope, kind: KeyKind, name: str
) -> Issued[ApiKey]:
    """Make a key of one environment."""
    token = new_token(PREFIXES[kind])
    async with engine.unit() as unit:
        key = await keep_api_key(unit, environment, kind=kind, name=name, token=token)
    if key is None:
        raise AssertionError("a fresh token was known already")
    return Issued(key, token)


async def keep_api_key(
    unit: Unit, environment: EnvironmentScope, *, kind: KeyKind, name: str, token: str
) -> ApiKey | None:
    """Store a given token as a key; None when it is stored already, even as a revoked one."""
    key = ApiKey(
        new_id(), environment.id, environment.slug, str(kind), name, _hint(token), unit.now
    )
    is_new = await queries.insert_api_key(unit.connection, key, hash_token(token))
    return key if is_new else None


async def exchange_for_api_key(
    engine: Engine, environment: EnvironmentScope, holder: ServicePrincipal
) -> str:
    """Return a secret key of an environment to who has a service token.

    It is the same key each time, until it is revoked or replaced: then it is another one. Nothing
    but its hash is stored, because it follows from the encryption key.
    """
    purpose = f"exchange/{holder.token_id}/{environment.id}"
    async with engine.unit() as unit:
        for start in count(step=_GENERATIONS):
            tokens = [
                engine.vault.token_for(PREFIXES[KeyKind.SECRET], f"{purpose}/{generation}")
                for generation in range(start, start + _GENERATIONS)
            ]
            hashes = [hash_token(token) for token in tokens]
            lasting = await queries.lasting_by_hash(unit.connection, environment.id, hashes)
            for token, token_hash in zip(tokens, hashes, strict=True):
                if token_hash not in lasting:
                    # Who asks at the same time makes the same one.
                    name = f"Exchanged for {holder.name}"[:_MAX_NAME]
                    await keep_api_key(
                        unit, environment, kind=KeyKind.SECRET, name=name, token=token
                    )
                    return token
                if lasting[token_hash]:
                    return token
    raise AssertionError("counting ended")


async def list_api_keys(
    engine: Engine, environment: EnvironmentScope, request: PageRequest
) -> Page[ApiKey]:
    """Return a page of the keys of an environment that are not revoked, newest first."""
    async with engine.connection() as connection:
        return await queries.list_api_keys(connection, environment.id, request)


async def rotate_api_key(engine: Engine, key_id: UUID, grace: timedelta) -> Issued[ApiKey]:
    """Make a key like this one, and end this one: at once, or when the grace period is over.

    Raises:
        NotFound: no such key, or it is revoked.
    """
    async with engine.unit() as unit:
        old = await _find(unit, key_id)
        token = new_token(PREFIXES[KeyKind(old.kind)])
        key = replace(old, id=new_id(), hint=_hint(token), inserted_at=unit.now, expires_at=None)
        if not await queries.insert_api_key(unit.connection, key, hash_token(token)):
            raise AssertionError("a fresh token was known already")
        if grace:
            await queries.expire_api_key(unit.connection, key_id, unit.now + grace)
        else:
            await queries.revoke_api_key(unit.connection, key_id, unit.now)
    return Issued(key, token)


async def revoke_api_key(engine: Engine, key_id: UUID) -> None:
    """End a key at once. Raises NotFound."""
    async with engine.unit() as unit:
        await _find(unit, key_id)
        await queries.revoke_api_key(unit.connection, key_id, unit.now)


async def create_service_token(engine: Engine, name: str) -> Issued[ServiceToken]:
    """Make a service token."""
    token = new_token(_SERVICE_PREFIX)
    async with engine.unit() as unit:
        row = await keep_service_token(unit, name=name, token=token)
    if row is None:
        raise AssertionError("a fresh token was known already")
    return Issued(row, token)


async def keep_service_token(unit: Unit, *, name: str, token: str) -> ServiceToken | None:
    """Store a given token as a service token; None when it is stored already."""
    row = ServiceToken(new_id(), name, _hint(token), unit.now)
    is_new = await queries.insert_service_token(unit.connection, row, hash_token(token))
    return row if is_new else None


async def list_service_tokens(engine: Engine, request: PageRequest) -> Page[ServiceToken]:
    """Return a page of the service tokens that are not revoked, newest first."""
    async with engine.connection() as connection:
        return await queries.list_service_tokens(connection, request)


async def revoke_service_token(engine: Engine, token_id: UUID) -> None:
    """End a service token at once.

    Raises:
        NotFound: no such token.
        Unprocessable: it is the last one; without it nobody could make another over the API.
    """
    async with engine.unit() as unit:
        alive = await queries.lock_service_tokens(unit.connection)
        if token_id not in alive:
            raise NotFound("The service token does not exist.")
        if len(alive) == 1:
            raise Unprocessable(
                "The last service token cannot be revoked; create another one first.",
                code="last_service_token",
            )
        await queries.revoke_service_token(unit.connection, token_id, unit.now)


async def _find(unit: Unit, key_id: UUID) -> ApiKey:
    key = await queries.get_api_key(unit.connection, key_id)
    if key is None:
        raise NotFound("The API key does not exist.")
    return key


def _hint(token: str) -> str:
    """Return enough of a token to recognise it by, and too little to use it."""
    prefix = token[: token.index("_") + 1] if "_" in token[:4] else _SERVICE_PREFIX
    return f"{prefix}…{token[-4:]}"
