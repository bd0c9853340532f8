"""A secret key for who has a service token."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from services.account.api_keys import create_service_token
from tests.support.account import Account


async def exchange(client: httpx.AsyncClient, environment: str = "development") -> str:
    """Return the key that an exchange gives."""
    answered = await client.post(f"/v1/api_keys/exchange?environment={environment}")
    assert answered.status_code == 200
    key: str = answered.json()["api_key"]
    return key


async def keys(management: httpx.AsyncClient) -> list[str]:
    """Return the ids of the keys of development that came from exchanges."""
    listed = (await management.get("/v1/admin/api_keys?limit=100")).json()["entries"]
    return [key["id"] for key in listed if key["name"].startswith("Exchanged for ")]


async def test_the_key_opens_the_environment_and_no_other(management: httpx.AsyncClient) -> None:
    """As every secret key does."""
    key = await exchange(management)
    assert key.startswith("sk_")
    here = {"authorization": f"Bearer {key}"}
    assert (await management.put("/v1/users/ellie", json={}, headers=here)).status_code == 200
    there = {"authorization": f"Bearer {await exchange(management, 'production')}"}
    assert (await management.get("/v1/users/ellie", headers=there)).status_code == 404
    assert (await management.get("/v1/whoami", headers=here)).status_code == 401


async def test_exchanging_again_gives_the_same_key(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Also at once: one key is kept, however often it is asked for; another token has another."""
    found = await asyncio.gather(*[exchange(management) for _ in range(5)])
    assert len(set(found)) == 1
    assert len(await keys(management)) == 1
    other = (await create_service_token(account.engine, "Other")).token
    management.headers["authorization"] = f"Bearer {other}"
    assert await exchange(management) not in found
    assert len(await keys(management)) == 2


async def test_a_key_that_ended_is_not_given_again(management: httpx.AsyncClient) -> None:
    """Revoked, or replaced."""
    seen = [await exchange(management)]
    for end in ("revoke", "rotate"):
        (key_id,) = await keys(management)
        if end == "revoke":
            await management.delete(f"/v1/admin/api_keys/{key_id}")
        else:
            await management.post(f"/v1/admin/api_keys/{key_id}/rotate", json={})
            (replacement,) = await keys(management)
            await management.delete(f"/v1/admin/api_keys/{replacement}")
        key = await exchange(management)
        assert key not in seen
        headers = {"authorization": f"Bearer {key}"}
        assert (await management.get("/v1/users", headers=headers)).status_code == 200
        seen.append(key)


async def test_a_key_that_is_about_to_end_is_not_given(management: httpx.AsyncClient) -> None:
    """One that was replaced with a grace period works until then, for who has it already."""
    old = await exchange(management)
    (key_id,) = await keys(management)
    await management.post(f"/v1/admin/api_keys/{key_id}/rotate", json={"grace_seconds": 60})
    new = await exchange(management)
    assert new != old
    assert await exchange(management) == new
    headers = {"authorization": f"Bearer {old}"}
    assert (await management.get("/v1/users", headers=headers)).status_code == 200


async def test_many_keys_may_have_ended(
    management: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that ended are looked for several at a time, and none of them is given."""
    monkeypatch.setattr("services.account.api_keys._GENERATIONS", 2)
    seen = set()
    for _ in range(5):
        seen.add(await exchange(management))
        (key_id,) = await keys(management)
        await management.delete(f"/v1/admin/api_keys/{key_id}")
    assert len(seen | {await exchange(management)}) == 6


async def test_an_exchange_needs_a_service_token_and_an_environment(
    management: httpx.AsyncClient, account: Account
) -> None:
    """An API key gets none, and there is none of nowhere."""
    answered = await management.post("/v1/api_keys/exchange?environment=nowhere")
    assert answered.status_code == 404
    headers = {"authorization": f"Bearer {account.keys.environments['development'].secret_key}"}
    assert (await management.post("/v1/api_keys/exchange", headers=headers)).status_code == 401
