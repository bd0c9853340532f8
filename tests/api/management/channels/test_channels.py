"""Channels over HTTP, as the Management API shows them."""

from __future__ import annotations

import httpx

from domain.channels.types import ChannelType
from providers.registry import MASK


async def test_channels_show_settings_only_when_asked(management: httpx.AsyncClient) -> None:
    """A list leaves settings out unless included; secrets are masked wherever they are shown."""
    plain = (await management.get("/v1/channels")).json()["entries"]
    full = (await management.get("/v1/channels?include[]=environment_settings")).json()["entries"]
    single = (await management.get("/v1/channels/smtp")).json()

    assert {entry["type"] for entry in plain} == set(ChannelType)
    assert all("environment_settings" not in entry for entry in plain)
    assert single in full
    assert single["visible_in"] == ["workflow", "broadcast"]
    assert list(single["environment_settings"]) == ["development", "production"]
    settings = single["environment_settings"]["development"]
    assert (settings["is_valid"], settings["is_sandbox"]) == (True, False)
    assert settings["provider_settings"] == {"url": MASK}
    assert settings["channel_settings"]["from_address"] == "hello@carillon.example"


async def test_a_channel_is_found_by_id(management: httpx.AsyncClient) -> None:
    """`id` narrows the list; one that nobody has gives an empty page."""
    feed = (await management.get("/v1/channels/in-app")).json()

    found = (await management.get("/v1/channels", params={"id": feed["id"]})).json()
    none = (await management.get("/v1/channels", params={"id": "nonsense"})).json()

    assert [entry["key"] for entry in found["entries"]] == ["in-app"]
    assert none["entries"] == []
    assert (await management.get("/v1/channels/nowhere")).status_code == 404
    assert (await management.get("/v1/channels?include[]=secrets")).status_code == 422
