"""API keys and service tokens over HTTP, and which of them open the admin API."""

from __future__ import annotations

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.account import Account

CHANNELS = "/v1/admin/channels"
KEYS = "/v1/admin/api_keys"
TOKENS = "/v1/admin/service_tokens"
NOBODYS_ID = "7c7c9d26-0b0e-4a53-9d5f-3f6c1b0c2a11"


async def _status(client: httpx.AsyncClient, token: str, path: str) -> int:
    return (await client.get(path, headers={"authorization": f"Bearer {token}"})).status_code


async def test_a_key_from_making_to_revoking(management: httpx.AsyncClient) -> None:
    """Its token is shown once; rotation replaces it; revocation ends it."""
    body = {"environment": "production", "kind": "secret", "name": "CI"}
    made = (await management.post(KEYS, json=body)).json()["api_key"]
    assert (made["environment"], made["kind"]) == ("production", "secret")

    listed = (await management.get(KEYS, params={"environment": "production"})).json()["entries"]
    assert [entry["name"] for entry in listed] == ["CI", "Seed", "Seed"]
    assert all("token" not in entry for entry in listed)

    rotated = (await management.post(f"{KEYS}/{made['id']}/rotate")).json()["api_key"]
    assert rotated["token"] != made["token"]
    assert await _status(management, made["token"], "/v1/nowhere") == 401
    assert await _status(management, rotated["token"], "/v1/nowhere") == 404

    assert (await management.delete(f"{KEYS}/{rotated['id']}")).status_code == 204
    assert await _status(management, rotated["token"], "/v1/nowhere") == 401


async def test_a_grace_period_keeps_the_old_key(management: httpx.AsyncClient) -> None:
    """With `grace_seconds` both keys work for a while."""
    made = (await management.post(KEYS, json={"kind": "public", "name": "Web"})).json()["api_key"]
    path = f"{KEYS}/{made['id']}/rotate"
    await management.post(path, json={"grace_seconds": 60})

    assert await _status(management, made["token"], "/v1/nowhere") == 404
    listed = (await management.get(KEYS)).json()["entries"]
    assert [entry["expires_at"] is None for entry in listed if entry["name"] == "Web"] == [
        True,
        False,
    ]


async def test_a_service_token_from_making_to_revoking(management: httpx.AsyncClient) -> None:
    """A new token opens the Management API until it is revoked; the last one stays."""
    made = (await management.post(TOKENS, json={"name": "CI"})).json()["service_token"]
    assert await _status(management, made["token"], "/v1/whoami") == 200

    assert (await management.delete(f"{TOKENS}/{made['id']}")).status_code == 204
    assert await _status(management, made["token"], "/v1/whoami") == 400
    (last,) = (await management.get(TOKENS)).json()["entries"]
    assert (await management.delete(f"{TOKENS}/{last['id']}")).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", KEYS, {"kind": "secret"}, 422),
        ("post", KEYS, {"kind": "master", "name": "x"}, 422),
        ("post", KEYS, {"kind": "secret", "name": "x", "environment": "nowhere"}, 404),
        ("post", KEYS, {"kind": "secret", "name": "x", "environment": 5}, 422),
        ("post", f"{KEYS}/{NOBODYS_ID}/rotate", {}, 404),
        ("post", f"{KEYS}/nonsense/rotate", {}, 404),
        ("delete", f"{KEYS}/{NOBODYS_ID}", None, 404),
        ("get", f"{KEYS}?environment=nowhere", None, 404),
        ("post", TOKENS, {}, 422),
        ("delete", f"{TOKENS}/{NOBODYS_ID}", None, 404),
    ],
)
async def test_wrong_requests_are_refused(
    management: httpx.AsyncClient, method: str, path: str, body: JsonObject | None, status: int
) -> None:
    """Wrong fields are 422, what does not exist is 404."""
    response = await management.request(method, path, json=body)

    assert response.status_code == status


@pytest.mark.parametrize("path", [f"{CHANNELS}/smtp", KEYS, TOKENS])
async def test_only_service_tokens_open_the_admin_api(
    management: httpx.AsyncClient, account: Account, path: str
) -> None:
    """A secret key is refused, a stranger too."""
    method = "put" if path.startswith(CHANNELS) else "get"
    secret = account.keys.environments["production"].secret_key
    wrong = await management.request(method, path, headers={"authorization": f"Bearer {secret}"})
    unknown = await management.request(method, path, headers={"authorization": "Bearer x"})

    assert (wrong.status_code, unknown.status_code) == (401, 400)
