"""Knock's official Python SDK asks about the workspaces of customers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from knockapi import AsyncKnock, PermissionDeniedError

from tests.support.workspaces import Vendor, as_json, running_vendor
from tests.support.world import World

OWNER = as_json(object_id="ingen", collection="$tenants")


@pytest.fixture
async def vendor(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Vendor]:
    """Run Slack and Microsoft on loopback, and let calls go there."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    monkeypatch.setattr(world.engine.providers, "_settings", settings)
    async with running_vendor() as found:
        yield found
        await world.engine.providers.close()


async def _connected(
    world: World, knock: AsyncKnock, provider: str, settings: Any, data: Any
) -> str:
    key = f"{provider}-{uuid4().hex[:6]}"
    channel = str(await world.channel("chat", key, provider=provider, secrets=settings))
    await knock.objects.set_channel_data(
        channel_id=channel, collection="$tenants", object_id="ingen", data=data
    )
    return channel


async def test_slack(world: World, knock: AsyncKnock, vendor: Vendor) -> None:
    """Whether it is connected, its channels, and the end of it, by the client's methods."""
    vendor.tokens.add("xoxb-1")
    data = {"connections": [], "token": {"access_token": "xoxb-1"}}
    channel = await _connected(world, knock, "chat_slack", {"base_url": vendor.url}, data)
    slack = knock.providers.slack
    assert (await slack.check_auth(channel, access_token_object=OWNER)).connection.ok
    page = await slack.list_channels(
        channel, access_token_object=OWNER, query_options={"limit": 5, "exclude_archived": True}
    )
    assert [one.name async for one in page] == ["all", "few"]
    assert vendor.asked[1][1]["limit"] == "5"
    assert (await slack.revoke_access(channel, access_token_object=OWNER)).ok == "ok"
    with pytest.raises(PermissionDeniedError, match=r"Access token not set\."):
        await slack.check_auth(channel, access_token_object=OWNER)


async def test_teams(world: World, knock: AsyncKnock, vendor: Vendor) -> None:
    """The same of a tenant of Microsoft Teams, and its teams."""
    settings = {
        "graph_client_id": "app",
        "graph_client_secret": "s3cret",
        "graph_base_url": vendor.url,
        "login_base_url": vendor.url,
    }
    data = {"connections": [], "ms_teams_tenant_id": "contoso"}
    channel = await _connected(world, knock, "chat_ms_teams", settings, data)
    teams, owner = knock.providers.ms_teams, {"ms_teams_tenant_object": OWNER}
    checked = await teams.check_auth(channel, **owner)
    assert checked.connection.ms_teams_tenant_id == "contoso"
    page = await teams.list_teams(channel, **owner)
    assert [one.display_name async for one in page] == ["Team", "Last team"]
    found = await teams.list_channels(channel, **owner, team_id="t")
    assert [one.display_name for one in found.ms_teams_channels] == ["General"]
    assert (await teams.revoke_access(channel, **owner)).ok == "ok"
