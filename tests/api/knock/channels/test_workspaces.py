"""Slack workspaces and Teams tenants, asked about by browsers and by servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.builders import Builder, Environment
from tests.support.steps import feed_step, wait_step
from tests.support.user_tokens import granted, let_sign, of_browser, signed
from tests.support.workspaces import Vendor, as_json, running_vendor
from tests.support.world import World

OWNER = {"object_id": "ingen", "collection": "$tenants"}
SLACK = {"access_token_object": as_json(**OWNER)}
TEAMS = {"ms_teams_tenant_object": as_json(**OWNER)}
BROWSER = {"x-knock-client": "Knock/ClientJS 0.14.0"}


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """Run Slack and Microsoft."""
    async with running_vendor() as found:
        yield found


@pytest.fixture
async def slack(client: httpx.AsyncClient, world: World, vendor: Vendor) -> str:
    """Return the path of a Slack channel for which a tenant has stored a token."""
    channel = await _channel(world, "chat_slack", {"base_url": vendor.url})
    vendor.tokens.add("xoxb-1")
    data = {"token": {"access_token": "xoxb-1"}, "connections": [{"channel_id": "C1"}]}
    await _store(client, channel, data)
    return f"/v1/providers/slack/{channel}"


@pytest.fixture
async def teams(client: httpx.AsyncClient, world: World, vendor: Vendor) -> str:
    """Return the path of a Teams channel for which a tenant has stored its id."""
    settings = {
        "graph_client_id": "app",
        "graph_client_secret": "s3cret",
        "graph_base_url": vendor.url,
        "login_base_url": vendor.url,
    }
    channel = await _channel(world, "chat_ms_teams", settings)
    await _store(client, channel, {"ms_teams_tenant_id": "contoso/x"})
    return f"/v1/providers/ms-teams/{channel}"


async def _channel(world: World, provider: str, settings: dict[str, Any]) -> str:
    key = f"{provider}-{uuid4().hex[:6]}"
    return str(await world.channel("chat", key, provider=provider, secrets=settings))


async def _store(client: httpx.AsyncClient, channel: str, data: dict[str, Any]) -> None:
    path = f"/v1/objects/$tenants/ingen/channel_data/{channel}"
    assert (await client.put(path, json={"data": data})).status_code == 200


@pytest.fixture(autouse=True)
async def private_egress(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let calls go to loopback, where the vendors of these tests are."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    monkeypatch.setattr(world.engine.providers, "_settings", settings)
    yield
    await world.engine.providers.close()


async def test_whether_slack_is_connected(
    client: httpx.AsyncClient, slack: str, vendor: Vendor
) -> None:
    """Slack is asked each time, and its own word is told where it says no."""
    good = await client.get(f"{slack}/auth_check", params=SLACK)
    assert good.json() == {"connection": {"ok": True, "reason": None}}
    vendor.tokens.clear()
    bad = await client.get(f"{slack}/auth_check", params=SLACK)
    state = {"ok": False, "reason": "invalid_auth", "error": "invalid_auth"}
    assert bad.json() == {"connection": state}
    assert [path for path, _ in vendor.asked] == ["api/auth.test"] * 2


@pytest.mark.parametrize(
    "owner",
    [
        SLACK,
        {"access_token_object[object_id]": "ingen", "access_token_object[collection]": "$tenants"},
    ],
)
@pytest.mark.parametrize(
    "options",
    [
        {"query_options": as_json(limit=5, cursor="c", exclude_archived=False, team_id=None)},
        {
            "query_options[limit]": "5",
            "query_options[cursor]": "c",
            "query_options[exclude_archived]": "false",
        },
        {
            "query_options.limit": "5",
            "query_options.cursor": "c",
            "query_options.exclude_archived": "false",
        },
    ],
)
async def test_channels_of_slack_in_every_encoding(
    client: httpx.AsyncClient, slack: str, vendor: Vendor, owner: Any, options: Any
) -> None:
    """Objects are JSON text, brackets or dots in queries; and what is asked reaches Slack."""
    listed = await client.get(f"{slack}/channels", params={**owner, **options})
    channel = {"id": "C1", "name": "all", "is_private": False, "is_im": False}
    assert listed.json() == {
        "slack_channels": [{**channel, "context_team_id": "T1"}],
        "next_cursor": "next",
    }
    asked = {"limit": "5", "cursor": "c", "exclude_archived": "false"}
    assert vendor.asked == [
        ("api/conversations.list", {**asked, "types": "public_channel,private_channel"})
    ]


@pytest.mark.parametrize("method", ["PUT", "GET"])
async def test_access_to_slack_is_revoked(
    client: httpx.AsyncClient, slack: str, vendor: Vendor, method: str
) -> None:
    """With Slack and here, where connections stay; older clients send a GET."""
    revoked = await client.request(method, f"{slack}/revoke_access", params=SLACK)
    assert revoked.json() == {"ok": "ok"}
    assert vendor.tokens == set()
    data = await client.get(f"/v1/objects/$tenants/ingen/channel_data/{slack.rpartition('/')[2]}")
    assert data.json()["data"] == {"connections": [{"channel_id": "C1"}], "token": None}
    for path in ("auth_check", "channels"):
        refused = await client.get(f"{slack}/{path}", params=SLACK)
        assert refused.json() == {
            "code": "authorization",
            "message": "Access token not set.",
            "status": 403,
            "type": "authentication_error",
        }


async def test_runs_are_told_of_a_revocation(
    client: httpx.AsyncClient, slack: str, world: World
) -> None:
    """It changes what is stored of the tenant, for which a run may wait."""
    wait = wait_step({"event_type": "recipient", "event_key": "updated"})
    await world.publish("revoked", wait, feed_step())
    run_id = await world.begin("revoked", {"id": "ingen", "collection": "$tenants"})
    await world.walk(run_id)
    await client.put(f"{slack}/revoke_access", params=SLACK)
    assert (await world.walk(run_id, "wait_1/resume")).status == "completed"


async def test_a_token_that_has_ended_is_forgotten(
    client: httpx.AsyncClient, slack: str, vendor: Vendor
) -> None:
    """So to revoke twice, or after the person did it in Slack, is fine; a browser reads a word."""
    vendor.tokens.clear()
    revoked = await client.put(f"{slack}/revoke_access", params=SLACK, headers=BROWSER)
    assert revoked.json() == "ok"


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ("missing_scope", 403, "authorization"),
        ("ratelimited", 429, "rate_limit_exceeded"),
        ("internal_error", 503, "service_unavailable"),
        (429, 429, "rate_limit_exceeded"),
        (502, 503, "service_unavailable"),
    ],
)
async def test_what_slack_cannot_do_is_told(
    client: httpx.AsyncClient,
    slack: str,
    vendor: Vendor,
    fault: str | int,
    status: int,
    code: str,
) -> None:
    """As what it is to the caller; nothing of it is a fault of ours."""
    vendor.fault = fault
    refused = await client.get(f"{slack}/channels", params=SLACK)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    if fault == 429:
        assert refused.headers["retry-after"] == "7"


async def test_teams_and_channels_of_teams(
    client: httpx.AsyncClient, teams: str, vendor: Vendor
) -> None:
    """By a token of our application for the tenant; archived and private channels are left out."""
    good = await client.get(f"{teams}/auth_check", params=TEAMS)
    assert good.json() == {
        "connection": {"ok": True, "reason": None, "ms_teams_tenant_id": "contoso/x"}
    }
    assert vendor.asked[0][0] == "contoso/x/oauth2/v2.0/token"  # decoded by the server
    params = {**TEAMS, "query_options[$top]": "1"}
    listed = (await client.get(f"{teams}/teams", params=params)).json()
    assert listed == {
        "ms_teams_teams": [{"id": "t", "displayName": "Team", "description": None}],
        "skip_token": "abc",
    }
    assert vendor.asked[-1] == ("v1.0/teams", {"$top": "1"})
    found = await client.get(f"{teams}/channels", params={**TEAMS, "team_id": "t"})
    assert [one["displayName"] for one in found.json()["ms_teams_channels"]] == ["General"]
    chosen = {**TEAMS, "team_id": "t", "query_options.$filter": "displayName ne 'x'"}
    everything = await client.get(f"{teams}/channels", params=chosen)
    assert len(everything.json()["ms_teams_channels"]) == 3
    missing = await client.get(f"{teams}/channels", params=TEAMS)
    assert missing.json()["errors"][0]["field"] == "team_id"


async def test_a_tenant_of_teams_is_forgotten(client: httpx.AsyncClient, teams: str) -> None:
    """And then nothing is connected."""
    revoked = await client.put(f"{teams}/revoke_access", params=TEAMS, headers=BROWSER)
    assert revoked.json() == "ok"
    refused = await client.get(f"{teams}/auth_check", params=TEAMS)
    assert refused.status_code == 403
    assert refused.json()["message"] == "Microsoft Teams tenant ID not set."


async def test_an_application_that_teams_does_not_know(
    client: httpx.AsyncClient, world: World, vendor: Vendor
) -> None:
    """Microsoft's own word is told."""
    settings = {"graph_client_secret": "wrong", "login_base_url": vendor.url}
    channel = await _channel(world, "chat_ms_teams", settings)
    await _store(client, channel, {"ms_teams_tenant_id": "contoso"})
    found = await client.get(f"/v1/providers/ms-teams/{channel}/auth_check", params=TEAMS)
    assert found.json()["connection"]["reason"] == "invalid_client"
    refused = await client.get(f"/v1/providers/ms-teams/{channel}/teams", params=TEAMS)
    assert refused.status_code == 403


@pytest.mark.parametrize(
    ("given", "field"),
    [
        (None, "access_token_object"),
        ("x", "access_token_object"),
        ("{}", "access_token_object.object_id"),
        ('{"object_id":"ingen"}', "access_token_object.collection"),
        ('{"object_id":1,"collection":"$tenants"}', "access_token_object.object_id"),
    ],
)
async def test_it_has_to_be_said_whose_token(
    client: httpx.AsyncClient, slack: str, given: str | None, field: str
) -> None:
    """By id and collection."""
    params = {} if given is None else {"access_token_object": given}
    refused = await client.get(f"{slack}/auth_check", params=params)
    assert refused.json()["errors"][0]["field"] == field


async def test_the_channel_has_to_be_one_of_the_vendor(
    client: httpx.AsyncClient, slack: str, world: World
) -> None:
    """Unknown ones are not found, others are not taken."""
    other = await _channel(world, "chat_discord", {})
    for channel, status in ((uuid4(), 404), ("x", 404), (other, 422)):
        refused = await client.get(f"/v1/providers/slack/{channel}/auth_check", params=SLACK)
        assert refused.status_code == status


async def test_browsers_need_the_grant_for_the_tenant(
    anonymous: httpx.AsyncClient, slack: str, environment: Environment, make: Builder
) -> None:
    """A token of a user says nothing of tenants by itself, and a key alone nothing at all."""
    await let_sign(make, environment, is_required=False)
    grants = granted("objects/$tenants/ingen", "slack/channels_read", how=())
    for headers, status in (
        (of_browser(environment), 403),
        (of_browser(environment, signed("ellie")), 403),
        (of_browser(environment, signed("ellie", grants=grants)), 200),
    ):
        found = await anonymous.get(f"{slack}/channels", params=SLACK, headers=headers)
        assert found.status_code == status
