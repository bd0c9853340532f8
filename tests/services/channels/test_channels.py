"""Channels and their settings: written by operators, read with secrets masked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.channels.requests import ChannelRequest, ChannelSettingsRequest
from domain.channels.rows import ENVIRONMENT_SETTINGS, ChannelFilters
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.json_types import JsonObject
from domain.kit.pages import PageRequest
from domain.kit.shapes import read_shape
from providers.registry import MASK
from runtime.vault import Vault
from services.account.environments import get_scope
from services.channels import channels
from services.channels.channels import ChannelSettingsView, ChannelView
from services.channels.sealing import open_channel_settings, open_provider_settings
from services.engine import Engine
from tests.support.account import Account

MAIL: JsonObject = {"name": "Relay", "type": "email", "provider": "smtp"}
SERVER: JsonObject = {"url": "smtp://mail.example.com:25", "password": "hunter2", "username": "me"}


async def _put(account: Account, key: str, raw: Any) -> ChannelView:
    return await channels.put_channel(_ticking(account), key, read_shape(ChannelRequest, raw))


async def _set(
    account: Account, key: str, raw: Any, slug: str = "development"
) -> ChannelSettingsView:
    wanted = read_shape(ChannelSettingsRequest, raw)
    environment = await get_scope(account.engine, slug)
    view = await channels.put_channel_settings(_ticking(account), environment, key, wanted)
    assert view.settings is not None
    return next(settings for settings in view.settings if settings.environment == slug)


def _ticking(account: Account) -> Engine:
    """Return the account's engine with a clock that moves on with every unit of work."""
    return replace(account.engine, clock=account.tick)


async def _sealed(account: Account, key: str) -> JsonObject:
    rows = await account.rows(
        "SELECT s.* FROM channel_environments s JOIN channels c"
        " ON c.id = s.channel_id WHERE c.key = %s",
        key,
    )
    row = rows[0]
    return open_provider_settings(
        account.engine.vault, row["provider_settings"], row["channel_id"], row["environment_id"]
    )


async def _fields(call: Any) -> list[str]:
    with pytest.raises(InvalidParams) as caught:
        await call
    return [error.field for error in caught.value.errors]


async def test_a_channel_is_created_and_then_changed(account: Account) -> None:
    """The key stays with the same id; name and description may change."""
    made = await _put(account, "relay", MAIL)
    changed = await _put(account, "relay", {**MAIL, "name": "Main", "description": "For all"})

    assert changed.channel.id == made.channel.id
    assert (changed.channel.name, changed.channel.description) == ("Main", "For all")
    assert changed.channel.inserted_at == made.channel.inserted_at
    assert made.channel.inserted_at < changed.channel.updated_at


@pytest.mark.parametrize(
    ("key", "raw", "fields"),
    [
        ("No Key", MAIL, ["key"]),
        ("relay", {**MAIL, "name": ""}, ["name"]),
        ("relay", {**MAIL, "type": "pigeon"}, ["type"]),
        ("relay", {**MAIL, "provider": "pigeon"}, ["provider"]),
        ("relay", {**MAIL, "provider": None}, ["provider"]),
        ("relay", {**MAIL, "type": "sms"}, ["provider"]),
        ("relay", {**MAIL, "type": "in_app_feed"}, ["provider"]),
        ("relay", {**MAIL, "description": 5}, ["description"]),
        ("ab", MAIL, ["key"]),
        ("relay", {}, ["name", "type", "provider"]),
        ("in-app", MAIL, ["provider"]),
    ],
)
async def test_a_wrong_channel_is_refused(
    account: Account, key: str, raw: JsonObject, fields: list[str]
) -> None:
    """Every wrong field is named; what a channel is cannot change under its key."""
    assert await _fields(_put(account, key, raw)) == fields


async def test_secrets_are_sealed_and_masked(account: Account) -> None:
    """A password is not readable in the database nor in any answer; the provider still gets it."""
    await _put(account, "relay", MAIL)
    shown = await _set(account, "relay", {"provider_settings": SERVER})

    assert shown.provider_settings["password"] == shown.provider_settings["url"] == MASK
    assert shown.provider_settings["username"] == "me"
    stored = await account.rows("SELECT provider_settings FROM channel_environments")
    assert all(b"hunter2" not in row["provider_settings"] for row in stored)
    assert await _sealed(account, "relay") == SERVER


async def test_a_secret_sent_back_masked_keeps_its_value(account: Account) -> None:
    """A form that reads, changes one field and writes everything back loses no credential."""
    await _put(account, "relay", MAIL)
    shown = await _set(account, "relay", {"provider_settings": SERVER})

    await _set(
        account, "relay", {"provider_settings": {**shown.provider_settings, "username": "x"}}
    )

    assert await _sealed(account, "relay") == {**SERVER, "username": "x"}


async def test_what_is_left_out_stays(account: Account) -> None:
    """Sandbox, settings, credentials and conditions are set one by one."""
    await _put(account, "relay", MAIL)
    condition = {"all": [{"variable": "data.a", "operator": "exists"}]}
    await _set(account, "relay", {"provider_settings": SERVER, "conditions": condition})

    shown = await _set(account, "relay", {"is_sandbox": True})

    assert (shown.is_sandbox, shown.is_valid, shown.conditions) == (True, True, condition)
    assert await _sealed(account, "relay") == SERVER


async def test_each_environment_has_its_own_settings(account: Account) -> None:
    """Setting up one environment leaves the others alone."""
    await _set(account, "smtp", {"is_sandbox": True}, "production")

    view = await channels.get_channel(account.engine, "smtp")

    assert view.settings is not None
    assert {each.environment: each.is_sandbox for each in view.settings} == {
        "development": False,
        "production": True,
    }


@pytest.mark.parametrize(
    ("key", "raw", "fields"),
    [
        ("smtp", {"is_sandbox": "yes"}, ["is_sandbox"]),
        ("in-app", {"is_sandbox": True}, ["is_sandbox"]),
        ("smtp", {"channel_settings": []}, ["channel_settings"]),
        ("smtp", {"provider_settings": []}, ["provider_settings"]),
        ("smtp", {"provider_settings": {"url": "http://x"}}, ["provider_settings.url"]),
        ("smtp", {"conditions": {"all": 5}}, ["conditions.all"]),
        (
            "smtp",
            {"channel_settings": {"link_tracking": "yes", "open_tracking": 1}},
            ["channel_settings.link_tracking", "channel_settings.open_tracking"],
        ),
        ("in-app", {"channel_settings": {"link_tracking": []}}, ["channel_settings.link_tracking"]),
        (
            "in-app",
            {"channel_settings": {"response_filter": {"actors": False, "vars": "no"}}},
            [
                "channel_settings.response_filter.actors",
                "channel_settings.response_filter.vars",
            ],
        ),
        (
            "smtp",
            {"is_sandbox": 1, "channel_settings": 1, "conditions": 1},
            ["is_sandbox", "channel_settings", "conditions"],
        ),
    ],
)
async def test_wrong_settings_are_refused(
    account: Account, key: str, raw: JsonObject, fields: list[str]
) -> None:
    """Every wrong member is named, and those of the provider too."""
    assert await _fields(_set(account, key, raw)) == fields


async def test_settings_that_no_key_opens_are_shown_as_not_valid(account: Account) -> None:
    """After the encryption key is lost, channels can still be listed and set up anew."""
    await account.rows("UPDATE channel_environments SET provider_settings = 'garbage'")

    page = await channels.list_channels(
        account.engine, ChannelFilters(include=[ENVIRONMENT_SETTINGS]), PageRequest()
    )
    renewed = await _set(account, "smtp", {"provider_settings": SERVER})

    assert not any(each.is_valid for view in page.rows for each in view.settings or ())
    assert renewed.is_valid


async def test_unknown_channels_are_missing(account: Account) -> None:
    """Neither reading nor setting up makes a channel."""
    with pytest.raises(NotFound):
        await _set(account, "nowhere", {})
    with pytest.raises(NotFound):
        await channels.get_channel(account.engine, "nowhere")


HOOK: JsonObject = {
    "method": "put",
    "url": "https://hooks.example/secret-path",
    "headers": {"Authorization": "Bearer secret-token"},
    "body": "{{ data.text }}",
}


async def _request(account: Account) -> JsonObject:
    """Open the request of the seeded webhook channel in development."""
    environment = await account.environment()
    rows = await account.rows(
        "SELECT s.* FROM channel_environments s JOIN channels c ON c.id = s.channel_id"
        " WHERE c.key = 'webhook' AND s.environment_id = %s",
        environment.id,
    )
    return open_channel_settings(
        account.engine.vault,
        rows[0]["channel_settings"],
        rows[0]["sealed_channel_settings"],
        rows[0]["channel_id"],
        rows[0]["environment_id"],
    )


async def test_the_request_of_a_webhook_channel_is_masked(account: Account) -> None:
    """What may hold a credential is not answered; sent back as it was shown, it stays."""
    shown = await _set(account, "webhook", {"channel_settings": HOOK})

    masks = dict.fromkeys(("url", "headers", "body"), MASK)
    assert shown.channel_settings == {"method": "put", **masks}
    stored = await account.rows("SELECT to_jsonb(s)::text AS row FROM channel_environments s")
    assert all("secret-token" not in row["row"] for row in stored)

    changed = {**shown.channel_settings, "body": "new"}
    await _set(account, "webhook", {"channel_settings": changed})

    assert await _request(account) == {
        **HOOK,
        "headers": [{"key": "Authorization", "value": "Bearer secret-token"}],
        "body": "new",
    }


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"headers": "{{ data.headers | json }}", "url": "{{ data.url }}"}, []),
        ({"headers": [], "query_params": {}, "url": "https://x", "body": None}, []),
        ({"method": "post"}, []),
        ({"method": "POST"}, ["method"]),
        ({"method": 5, "url": 5, "body": {}}, ["method", "url", "body"]),
        ({"body": "x"}, ["url"]),
        ({"url": "ftp://x"}, ["url"]),
        ({"url": "https://x", "headers": "Authorization: x"}, ["headers"]),
        ({"url": "https://x", "headers": {"a": 1}}, ["headers[0]"]),
        (
            {"url": "https://x", "query_params": [{"key": "a"}, 5]},
            ["query_params[0]", "query_params[1]"],
        ),
        ({"url": "https://x", "query_params": MASK}, ["query_params"]),
        ({"url": "https://x", "headers": [{"key": "a", "value": MASK}]}, ["headers[0].value"]),
        ({"url": "https://{{ data.x"}, ["url"]),
        ({"input_schema": {"type": "object", "properties": {"a": {"type": "string"}}}}, []),
        ({"input_schema": None}, []),
        ({"input_schema": "{}"}, ["input_schema"]),
        ({"input_schema": {"type": "thing"}}, ["input_schema.type"]),
        ({"url": 5, "input_schema": {"$ref": "https://x"}}, ["url", "input_schema.$ref"]),
        ({"url": "https://x", "headers": {"a": "{{ 1 | nothing }}"}}, ["headers[0].value"]),
    ],
)
async def test_the_request_of_a_webhook_channel_is_checked(
    account: Account, settings: JsonObject, fields: list[str]
) -> None:
    """A request that could not be rendered or sent is refused when it is set up."""
    call = _set(account, "webhook", {"channel_settings": settings})
    if fields:
        assert await _fields(call) == [f"channel_settings.{field}" for field in fields]
    else:
        await call


async def test_writing_nothing_seals_with_the_newest_key(account: Account) -> None:
    """Rotation: after one empty write of each channel the old key may go."""
    await _put(account, "relay", MAIL)
    await _set(account, "relay", {"provider_settings": SERVER})
    await _set(account, "webhook", {"channel_settings": HOOK})
    old, new = "k" * 16, "n" * 16
    rotated = replace(account, engine=replace(account.engine, vault=Vault([new, old])))
    for key in ("relay", "webhook"):
        await _set(rotated, key, {})

    last = replace(account, engine=replace(account.engine, vault=Vault([new])))
    assert await _sealed(last, "relay") == SERVER
    assert (await _request(last))["url"] == HOOK["url"]
