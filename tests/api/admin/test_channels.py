"""Channels and their settings over HTTP, as operators write them."""

from __future__ import annotations

from uuid import uuid4

import httpx
import pytest

from api.reference.routes import management_document
from domain.kit.json_types import JsonObject
from providers.registry import MASK
from tests.support.account import Account

CHANNELS = "/v1/admin/channels"


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


async def test_a_bot_of_teams_is_set_up(management: httpx.AsyncClient) -> None:
    """What is missing is told at its place, all of it; the password is not shown again."""
    body = {"name": "Teams", "type": "chat", "provider": "chat_ms_teams"}
    await management.put(f"{CHANNELS}/teams-bot-admin", json=body)
    path = f"{CHANNELS}/teams-bot-admin/environments/production"
    bot = {"bot_password": "hunter2", "base_url": "smba.example.com"}
    refused = await management.put(path, json={"provider_settings": bot})
    assert refused.status_code == 422
    assert {fault["field"] for fault in refused.json()["errors"]} == {
        "provider_settings.bot_id",
        "provider_settings.entra_tenant_id",
        "provider_settings.base_url",
    }
    assert "hunter2" not in refused.text

    whole = {"bot_id": "b-1", "bot_password": "hunter2", "entra_tenant_id": "contoso"}
    set_up = await management.put(path, json={"provider_settings": whole})
    production = set_up.json()["channel"]["environment_settings"]["production"]
    assert production["is_valid"] is True
    assert production["provider_settings"] == {**whole, "bot_password": MASK}

    # The mask that was shown stands for the password, also beside a change.
    many = {**production["provider_settings"], "bot_type": "multi_tenant"}
    changed = await management.put(path, json={"provider_settings": many})
    assert changed.status_code == 200
    del many["entra_tenant_id"]
    many["bot_type"] = "single_tenant"
    refused = await management.put(path, json={"provider_settings": many})
    (fault,) = refused.json()["errors"]
    assert fault["field"] == "provider_settings.entra_tenant_id"


def test_what_is_left_out_of_settings_has_no_default() -> None:
    """Left out means kept, so the document promises no value, and asks for none."""
    operation = management_document()["paths"][f"{CHANNELS}/{{key}}/environments/{{slug}}"]["put"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]

    assert set(body["properties"]) == {
        "is_sandbox",
        "channel_settings",
        "provider_settings",
        "conditions",
        "replace_unreadable",
    }
    assert "required" not in body
    # This says something of the request, and nothing of what is stored.
    with_default = [name for name, schema in body["properties"].items() if "default" in schema]
    assert with_default == ["replace_unreadable"]


async def test_a_channel_of_a_newer_version_is_shown_but_not_set_up(
    management: httpx.AsyncClient, account: Account
) -> None:
    """What its settings mean is not known here: they are masked, and left as they are."""
    await account.rows(
        "UPDATE channels SET channel_type = 'hologram' WHERE key = 'smtp' RETURNING 1"
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
        ("smtp/environments/production", {"provider_settings": {"host": "{{ vars.x"}}, 422),
    ],
)
async def test_wrong_channels_are_refused(
    management: httpx.AsyncClient, path: str, body: JsonObject, status: int
) -> None:
    """Wrong fields are 422, unknown channels and environments 404."""
    response = await management.put(f"{CHANNELS}/{path}", json=body)

    assert response.status_code == status


@pytest.mark.parametrize(
    ("provider", "settings", "status"),
    [
        ("resend", {"api_key": "key", "check_delivery_status": True}, 200),
        ("resend", {"api_key": "key", "check_delivery_status": "perhaps"}, 422),
        ("smtp", {"host": "mail.example.com", "check_delivery_status": True}, 422),
        ("smtp", {"host": "mail.example.com", "check_delivery_status": False}, 200),
    ],
)
async def test_only_who_can_be_asked_is_asked(
    management: httpx.AsyncClient, provider: str, settings: JsonObject, status: int
) -> None:
    """What would be relied on and not done is refused at its place."""
    channel = f"{CHANNELS}/asked-{uuid4().hex[:8]}"
    body = {"name": "Asked", "type": "email", "provider": provider}
    assert (await management.put(channel, json=body)).status_code == 200
    answer = await management.put(
        f"{channel}/environments/development", json={"provider_settings": settings}
    )
    assert answer.status_code == status, answer.text
    if status == 422:
        (error,) = answer.json()["errors"]
        assert error["field"] == "provider_settings.check_delivery_status"
