"""API keys and service tokens: make, list, replace and end them.

Knock does this in its dashboard (docs: "API keys", "Service tokens"). A token is shown once, when
it is made; only its hash is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.ids import new_id
from domain.kit.json_types import JsonValue
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import KeyKind
from domain.kit.stored import MAX_NAME_LENGTH
from models.queries.account import api_keys as queries
from models.queries.account.api_keys import ApiKeyRow, ServiceTokenRow
from models.queries.account.environments import EnvironmentRow
from runtime.crypto import hash_token, new_token
from runtime.database import Connection

MAX_GRACE = timedelta(days=30)
_PREFIXES = {KeyKind.SECRET: "sk_", KeyKind.PUBLIC: "pk_"}
_SERVICE_PREFIX = "knock_st_"

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Issued(Generic[R]):
    """A credential just made: its record, and the token that is shown this once."""

    row: R
    token: str


async def create_api_key(
    connection: Connection,
    environment: EnvironmentRow,
    *,
    kind: JsonValue,
    name: JsonValue,
    now: datetime,
) -> Issued[ApiKeyRow]:
    """Make a key of one environment. Raises InvalidParams for a wrong kind or name."""
    if kind not in list(KeyKind):
        raise InvalidParams.of("kind", "must be secret or public")
    token = new_token(_PREFIXES[KeyKind(kind)])
    row = await keep_api_key(
        connection, environment, kind=KeyKind(kind), name=_name(name), token=token, now=now
    )
    if row is None:
        raise AssertionError("a fresh token was known already")
    return Issued(row, token)


async def keep_api_key(
    connection: Connection,
    environment: EnvironmentRow,
    *,
    kind: KeyKind,
    name: str,
    token: str,
    now: datetime,
) -> ApiKeyRow | None:
    """Store a given token as a key; None when it is stored already, even as a revoked one."""
    key = ApiKeyRow(
        id=new_id(),
        environment_id=environment["id"],
        environment=environment["slug"],
        kind=kind,
        name=name,
        hint=_hint(token),
        inserted_at=now,
        expires_at=None,
        revoked_at=None,
    )
    return await queries.insert_api_key(connection, key, hash_token(token))


async def list_api_keys(
    connection: Connection, environment: EnvironmentRow, request: PageRequest
) -> Page:
    """Return a page of the keys of an environment that are not revoked, newest first."""
    return await queries.list_api_keys(connection, environment["id"], request)


async def rotate_api_key(
    connection: Connection, key_id: UUID, *, grace: JsonValue, now: datetime
) -> Issued[ApiKeyRow]:
    """Make a key like this one, and end this one: at once, or after `grace` seconds.

    Raises:
        NotFound: no such key, or it is revoked.
        InvalidParams: the grace is not a number of seconds from 0 to 30 days.
    """
    wait = _grace(grace)
    old = await _find(connection, key_id)
    token = new_token(_PREFIXES[KeyKind(old["kind"])])
    new = {**old, "id": new_id(), "hint": _hint(token), "inserted_at": now, "expires_at": None}
    row: ApiKeyRow | None = await queries.insert_api_key(
        connection,
        new,  # type: ignore[arg-type]
        hash_token(token),
    )
    if row is None:
        raise AssertionError("a fresh token was known already")
    if wait:
        await queries.end_api_key(connection, key_id, expires_at=now + wait)
    else:
        await queries.end_api_key(connection, key_id, revoked_at=now)
    return Issued(row, token)


async def revoke_api_key(connection: Connection, key_id: UUID, *, now: datetime) -> None:
    """End a key at once. Raises NotFound."""
    await _find(connection, key_id)
    await queries.end_api_key(connection, key_id, revoked_at=now)


async def create_service_token(
    connection: Connection, *, name: JsonValue, now: datetime
) -> Issued[ServiceTokenRow]:
    """Make a service token. Raises InvalidParams for a wrong name."""
    token = new_token(_SERVICE_PREFIX)
    row = await keep_service_token(connection, name=_name(name), token=token, now=now)
    if row is None:
        raise AssertionError("a fresh token was known already")
    return Issued(row, token)


async def keep_service_token(
    connection: Connection, *, name: str, token: str, now: datetime
) -> ServiceTokenRow | None:
    """Store a given token as a service token; None when it is stored already."""
    row = ServiceTokenRow(
        id=new_id(), name=name, hint=_hint(token), inserted_at=now, revoked_at=None
    )
    return await queries.insert_service_token(connection, row, hash_token(token))


async def list_service_tokens(connection: Connection, request: PageRequest) -> Page:
    """Return a page of the service tokens that are not revoked, newest first."""
    return await queries.list_service_tokens(connection, request)


async def revoke_service_token(connection: Connection, token_id: UUID, *, now: datetime) -> None:
    """End a service token at once.

    Raises:
        NotFound: no such token.
        Unprocessable: it is the last one; without it nobody could make another over the API.
    """
    alive = await queries.lock_service_tokens(connection)
    if token_id not in alive:
        raise NotFound("The service token does not exist.")
    if len(alive) == 1:
        raise Unprocessable(
            "The last service token cannot be revoked; make another one first.",
            code="last_service_token",
        )
    await queries.revoke_service_token(connection, token_id, now)


async def _find(connection: Connection, key_id: UUID) -> ApiKeyRow:
    key = await queries.get_api_key(connection, key_id)
    if key is None:
        raise NotFound("The API key does not exist.")
    return key


def _hint(token: str) -> str:
    """Return enough of a token to recognise it by, and too little to use it."""
    prefix = token[: token.index("_") + 1] if "_" in token[:4] else _SERVICE_PREFIX
    return f"{prefix}…{token[-4:]}"


def _name(name: JsonValue) -> str:
    if not isinstance(name, str) or not 0 < len(name.strip()) <= MAX_NAME_LENGTH:
        raise InvalidParams.of("name", f"must be a string of 1 to {MAX_NAME_LENGTH} characters")
    return name


def _grace(seconds: JsonValue) -> timedelta:
    most = int(MAX_GRACE.total_seconds())
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not 0 <= seconds <= most:
        raise InvalidParams.of("grace_seconds", f"must be a whole number from 0 to {most}")
    return timedelta(seconds=seconds)
