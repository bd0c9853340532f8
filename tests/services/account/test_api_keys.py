"""API keys and service tokens: shown once, replaced with or without a grace period, ended."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.account.credentials import ApiKey, ApiKeyRequest, Issued, RotationRequest
from domain.kit.clock import utc_now
from domain.kit.errors import InvalidParams, NotFound, Unauthenticated, Unprocessable
from domain.kit.pages import PageRequest
from domain.kit.principals import EnvironmentScope, KeyKind, Principal, ServicePrincipal
from domain.kit.shapes import read_shape
from services.account import api_keys
from services.account.authentication import authenticate
from services.account.environments import get_scope
from tests.support.account import Account


async def _scope(account: Account) -> EnvironmentScope:
    return await get_scope(account.engine, "development")


async def _create(account: Account, kind: KeyKind = KeyKind.SECRET) -> Issued[ApiKey]:
    return await api_keys.create_api_key(account.engine, await _scope(account), kind, "CI")


async def _rotate(account: Account, key_id: UUID, seconds: int = 0) -> Issued[ApiKey]:
    return await api_keys.rotate_api_key(account.engine, key_id, timedelta(seconds=seconds))


async def _code(account: Account, token: str) -> str:
    """Return why a token is refused, or `welcome`."""
    try:
        await authenticate(account.engine, token)
    except Unauthenticated as refusal:
        return refusal.code
    return "welcome"


@pytest.mark.parametrize(("kind", "prefix"), [(KeyKind.SECRET, "sk_"), (KeyKind.PUBLIC, "pk_")])
async def test_a_new_key_works_at_once(account: Account, kind: KeyKind, prefix: str) -> None:
    """A key opens its environment as what it is; its token is kept as a hash only."""
    issued = await _create(account, kind)

    caller = await authenticate(account.engine, issued.token)

    assert isinstance(caller, Principal)
    assert (caller.kind, caller.environment.slug) == (kind, "development")
    assert issued.token.startswith(prefix)
    assert issued.row.hint == f"{prefix}…{issued.token[-4:]}"
    stored = await account.rows("SELECT api_keys::text AS all_of_it FROM api_keys")
    assert not any(issued.token in row["all_of_it"] for row in stored)


@pytest.mark.parametrize(
    ("kind", "name"), [("master", "CI"), (None, "CI"), ("secret", " "), ("secret", "x" * 256)]
)
def test_wrong_wishes_are_refused(kind: Any, name: Any) -> None:
    """A key is secret or public, and has a name."""
    with pytest.raises(InvalidParams):
        read_shape(ApiKeyRequest, {"kind": kind, "name": name})


async def test_a_rotated_key_ends_at_once_by_default(account: Account) -> None:
    """The new key takes over kind, name and environment; the old one is revoked."""
    old = await _create(account)

    new = await _rotate(account, old.row.id)

    assert (new.row.kind, new.row.name) == ("secret", "CI")
    assert await _code(account, new.token) == "welcome"
    assert await _code(account, old.token) == "api_key_missing"
    with pytest.raises(NotFound):
        await _rotate(account, old.row.id)


async def test_a_rotated_key_may_have_a_grace_period(account: Account) -> None:
    """Both keys work until the old one expires; a second rotation never prolongs it."""
    old = await _create(account)
    await _rotate(account, old.row.id, 3600)
    await _rotate(account, old.row.id, 7200)

    rows = await account.rows("SELECT expires_at FROM api_keys WHERE id = %s", old.row.id)
    assert rows[0]["expires_at"] - utc_now() < timedelta(seconds=3601)
    assert await _code(account, old.token) == "welcome"

    await account.rows(
        "UPDATE api_keys SET expires_at = now() - interval '1 second' WHERE id = %s",
        old.row.id,
    )
    assert await _code(account, old.token) == "api_key_expired"


@pytest.mark.parametrize("grace", [-1, 30 * 86400 + 1, "60", 1.5, True, None])
def test_a_grace_period_is_a_number_of_seconds(grace: Any) -> None:
    """From none to 30 days."""
    with pytest.raises(InvalidParams, match="grace_seconds: must be") as refusal:
        read_shape(RotationRequest, {"grace_seconds": grace})
    assert [error.field for error in refusal.value.errors] == ["grace_seconds"]


async def test_a_revoked_key_is_as_good_as_unknown(account: Account) -> None:
    """It stops working at once, and leaves the list."""
    issued = await _create(account)
    await api_keys.revoke_api_key(account.engine, issued.row.id)
    page = await api_keys.list_api_keys(account.engine, await _scope(account), PageRequest())

    assert await _code(account, issued.token) == "api_key_missing"
    assert {row.name for row in page.rows} == {"Seed"}
    with pytest.raises(NotFound):
        await api_keys.revoke_api_key(account.engine, uuid4())


async def test_the_last_service_token_cannot_be_revoked(account: Account) -> None:
    """Somebody can always make another; even two revocations at once leave one."""
    issued = await api_keys.create_service_token(account.engine, "CI")
    assert isinstance(await authenticate(account.engine, issued.token), ServicePrincipal)
    rows = await account.rows("SELECT id FROM service_tokens")

    results = await asyncio.gather(
        *(api_keys.revoke_service_token(account.engine, row["id"]) for row in rows),
        return_exceptions=True,
    )

    assert sorted(type(result) for result in results if result is not None) == [Unprocessable]
    assert len(await account.rows("SELECT 1 FROM service_tokens WHERE revoked_at IS NULL")) == 1
