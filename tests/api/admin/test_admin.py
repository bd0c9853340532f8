"""The admin API over HTTP: channels, keys, tokens, retries."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from api.reference.routes import management_document
from domain.kit.json_types import JsonObject
from domain.kit.principals import EnvironmentScope
from providers.registry import MASK
from tests.support.account import Account
from tests.support.builders import Builder, Environment
from tests.support.temporal_recorder import TemporalRecorder

CHANNELS = "/v1/admin/channels"
KEYS = "/v1/admin/api_keys"
TOKENS = "/v1/admin/service_tokens"


async def _status(client: httpx.AsyncClient, token: str, path: str) -> int:
    return (await client.get(path, headers={"authorization": f"Bearer {token}"})).status_code


async def test_a_channel_is_made_and_set_up(management: httpx.AsyncClient) -> None:
    """Both writes answer the channel as the Management API shows it."""
    body = {"name": "Relay", "type": "email", "provider": "smtp"}
    made = await management.put(f"{CHANNELS}/relay", json=body)
    settings = {
        "provider_settings": {"url": "smtp://mail.example.com", "password": "hunter2"},
        "channel_settings": {"from_address": "a@example.com"},
    }
    set_up = await management.put(f"{CHANNELS}/relay/environments/production", json=settings)

    assert made.json()["channel"]["environment_settings"] == {}
    shown = (await management.get("/v1/channels/relay")).json()
    assert set_up.json()["channel"] == shown
    production = shown["environment_settings"]["production"]
    assert production["provider_settings"] == {"url": MASK, "password": MASK}
    assert "hunter2" not in set_up.text


def test_what_is_left_out_of_settings_has_no_default() -> None:
    """Left out means kept, so the document promises no value, and asks for none."""
    operation = management_document()["paths"][f"{CHANNELS}/{{key}}/environments/{{slug}}"]["put"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]

    assert set(body["properties"]) == {
        "is_sandbox",
        "channel_settings",
        "provider_settings",
        "conditions",
    }
    assert "required" not in body
    assert [name for name, schema in body["properties"].items() if "default" in schema] == []


async def test_a_channel_of_a_newer_version_is_shown_but_not_set_up(
    management: httpx.AsyncClient, account: Account
) -> None:
    """What its settings mean is not known here: they are masked, and left as they are."""
    await account.rows(
        "UPDATE channels SET channel_type = 'in_app_guide' WHERE key = 'smtp' RETURNING 1"
    )
    shown = (await management.get("/v1/channels/smtp")).json()
    path = f"{CHANNELS}/smtp/environments/development"
    refused = await management.put(path, json={"channel_settings": {}})

    settings = shown["environment_settings"]["development"]
    assert set(settings["channel_settings"].values()) == {MASK}
    assert refused.status_code == 422


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("relay", {}, 422),
        ("relay", {"name": "R", "type": "email", "provider": "pigeon"}, 422),
        ("x", {"name": "R", "type": "email", "provider": "smtp"}, 422),
        ("nowhere/environments/production", {}, 404),
        ("smtp/environments/nowhere", {}, 404),
        ("smtp/environments/production", {"provider_settings": {"url": "http://x"}}, 422),
    ],
)
async def test_wrong_channels_are_refused(
    management: httpx.AsyncClient, path: str, body: JsonObject, status: int
) -> None:
    """Wrong fields are 422, unknown channels and environments 404."""
    response = await management.put(f"{CHANNELS}/{path}", json=body)

    assert response.status_code == status


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
        ("post", f"{KEYS}/{uuid4()}/rotate", {}, 404),
        ("post", f"{KEYS}/nonsense/rotate", {}, 404),
        ("delete", f"{KEYS}/{uuid4()}", None, 404),
        ("get", f"{KEYS}?environment=nowhere", None, 404),
        ("post", TOKENS, {}, 422),
        ("delete", f"{TOKENS}/{uuid4()}", None, 404),
        ("post", "/v1/admin/messages/nowhere/retry", None, 404),
    ],
)
async def test_wrong_requests_are_refused(
    management: httpx.AsyncClient, method: str, path: str, body: JsonObject | None, status: int
) -> None:
    """Wrong fields are 422, what does not exist is 404."""
    response = await management.request(method, path, json=body)

    assert response.status_code == status


async def test_a_failed_message_is_tried_again(
    management: httpx.AsyncClient, account: Account, temporal: TemporalRecorder
) -> None:
    """A retry starts one delivery in Temporal; a delivered message is refused."""
    row = await account.environment()
    keys = account.keys.environments["development"]
    home = Environment(EnvironmentScope(row["id"], row["slug"]), keys.secret_key, keys.public_key)
    build = Builder(account.engine.database)
    channel = await build.channel("email")
    failed = await build.message(home, channel, channel_type="email", delivery_status="undelivered")
    done = await build.message(home, channel, channel_type="email", delivery_status="delivered")

    accepted = await management.post(f"/v1/admin/messages/{failed}/retry")
    refused = await management.post(f"/v1/admin/messages/{done}/retry")

    assert (accepted.status_code, accepted.json()) == (200, {"result": "success"})
    assert refused.status_code == 422
    assert len(temporal.starts) == 1


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
