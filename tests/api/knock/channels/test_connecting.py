"""The pages that finish connecting a workspace."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.builders import Builder, Environment
from tests.support.user_tokens import granted, let_sign, signed
from tests.support.workspaces import Vendor, running_vendor
from tests.support.world import World

OWNER = {"object_id": "ingen", "collection": "$tenants"}
SLACK, TEAMS = "/providers/slack/authenticate", "/providers/ms-teams/authenticate"
TENANT = "0b5a7f0e-6b0e-4c57-9b55-111111111111"
GRANTS = granted("objects/$tenants/ingen", "slack/channels_read", "ms_teams/channels_read")
_TOLD = re.compile(r"postMessage\((.*), \"\*\"\)")


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    """Run Slack and Microsoft."""
    async with running_vendor() as found:
        yield found


@pytest.fixture(autouse=True)
async def signing(make: Builder, environment: Environment) -> None:
    """Demand user tokens, as outside development."""
    await let_sign(make, environment)


@pytest.fixture(autouse=True)
async def private_egress(world: World, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """Let calls go to loopback, where the vendors of these tests are."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    monkeypatch.setattr(world.engine.providers, "_settings", settings)
    yield
    await world.engine.providers.close()


async def _channel(world: World, provider: str, **settings: Any) -> str:
    key = f"{provider}-{uuid4().hex[:6]}"
    return str(await world.channel("chat", key, provider=provider, secrets=settings))


@pytest.fixture
async def slack(world: World, vendor: Vendor) -> str:
    """Return a Slack channel with an app."""
    app = {"client_id": "app", "client_secret": "s3cret"}
    return await _channel(world, "chat_slack", base_url=vendor.url, **app)


@pytest.fixture
async def teams(world: World) -> str:
    """Return a Teams channel."""
    return await _channel(world, "chat_ms_teams")


def state(environment: Environment, channel: str, **changes: Any) -> str:
    """Write the state as Knock's components do for Slack; None leaves a member out."""
    given = {
        "nonce": "n-1",
        "access_token_object": OWNER,
        "channel_id": channel,
        "public_key": environment.public_key,
        "user_token": signed("ellie", grants=GRANTS),
        **changes,
    }
    return json.dumps({name: value for name, value in given.items() if value is not None})


def told(page: httpx.Response) -> Any:
    """Return what a page tells its opener."""
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-store"
    found = _TOLD.search(page.text)
    assert found, page.text
    return json.loads(found[1])


async def stored(client: httpx.AsyncClient, channel: str, tenant: str = "ingen") -> Any:
    """Return what a tenant has stored for a channel, or None."""
    path = f"/v1/objects/$tenants/{tenant}/channel_data/{channel}"
    answer = await client.get(path)
    return answer.json()["data"] if answer.is_success else None


async def test_slack_is_connected(
    client: httpx.AsyncClient, environment: Environment, slack: str, vendor: Vendor
) -> None:
    """The token is the tenant's, who was unknown before; the opener is told with its nonce."""
    vendor.codes.add("c1")
    page = await client.get(SLACK, params={"code": "c1", "state": state(environment, slack)})
    assert page.status_code == 200
    assert told(page) == {"type": "authComplete", "nonce": "n-1"}
    assert (await stored(client, slack))["token"] == {"access_token": "xoxb-c1"}
    check = await client.get(
        f"/v1/providers/slack/{slack}/auth_check",
        params={"access_token_object": json.dumps(OWNER)},
    )
    assert check.json()["connection"]["ok"] is True


async def test_connecting_again_keeps_what_else_is_stored(
    client: httpx.AsyncClient, environment: Environment, slack: str, vendor: Vendor
) -> None:
    """Connections to channels stay; an older component sends no nonce and is told a word."""
    path = f"/v1/objects/$tenants/ingen/channel_data/{slack}"
    data = {"token": {"access_token": "old"}, "connections": [{"channel_id": "C1"}]}
    assert (await client.put(path, json={"data": data})).status_code == 200
    vendor.codes.add("c2")
    params = {"code": "c2", "state": state(environment, slack, nonce=None)}
    assert told(await client.get(SLACK, params=params)) == "authComplete"
    found = await stored(client, slack)
    assert found["token"] == {"access_token": "xoxb-c2"}
    assert found["connections"][0]["channel_id"] == "C1"


async def test_teams_is_connected(
    client: httpx.AsyncClient, environment: Environment, teams: str
) -> None:
    """The tenant of Microsoft is stored; Knock's component sends no nonce here."""
    given = state(
        environment, teams, nonce=None, access_token_object=None, ms_teams_tenant_object=OWNER
    )
    params = {"admin_consent": "True", "tenant": TENANT, "state": given}
    page = await client.get(TEAMS, params=params)
    assert (page.status_code, told(page)) == (200, "authComplete")
    assert (await stored(client, teams))["ms_teams_tenant_id"] == TENANT


async def test_who_says_no_is_told_so(
    client: httpx.AsyncClient, environment: Environment, slack: str, vendor: Vendor
) -> None:
    """What the vendor says is shown, and cannot make markup."""
    params = {"error": "<b>access_denied", "state": state(environment, slack)}
    page = await client.get(SLACK, params=params)
    assert page.status_code == 403
    assert told(page) == {"type": "authFailed", "nonce": "n-1"}
    assert "&lt;b&gt;access_denied" in page.text
    assert vendor.asked == []
    page = await client.get(SLACK, params={"code": "used", "state": state(environment, slack)})
    assert (page.status_code, told(page)["type"]) == (403, "authFailed")
    assert "invalid_code" in page.text
    assert await stored(client, slack) is None


async def test_a_nonce_cannot_leave_its_script(
    client: httpx.AsyncClient, environment: Environment, slack: str
) -> None:
    """It is anybody's text."""
    nonce = "</script><script>alert(1)//"
    params = {"error": "x", "state": state(environment, slack, nonce=nonce)}
    page = await client.get(SLACK, params=params)
    assert told(page)["nonce"] == nonce
    assert page.text.count("<script") == 1


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"public_key": "pk_unknown"}, 401, "unknown"),
        ({"public_key": None}, 401, "unknown"),
        ({"branch_slug": "mine"}, 404, "branch"),
        ({"channel_id": "nothing"}, 404, "channel does not exist"),
        ({"channel_id": str(uuid4())}, 404, "channel does not exist"),
        ({"access_token_object": None}, 422, "access_token_object"),
        ({"access_token_object": {"object_id": "x"}}, 422, "collection"),
        ({"access_token_object": {**OWNER, "object_id": "other"}}, 403, "does not grant"),
        ({"access_token_object": {"object_id": "x", "collection": "$users"}}, 422, "reserved"),
        ({"access_token_object": {"object_id": 7, "collection": "x"}}, 422, "object_id"),
        ({"redirect_url": "https://evil.example"}, 403, "CARILLON_CONNECT_REDIRECTS"),
        ({"redirect_url": "javascript:alert(1)"}, 403, "CARILLON_CONNECT_REDIRECTS"),
        ({"user_token": "nonsense"}, 401, "signed"),
        ({"user_token": None}, 401, "user token"),
        ({"nonce": 5}, 422, "nonce"),
    ],
)
async def test_a_state_that_is_not_right_does_nothing(
    client: httpx.AsyncClient,
    environment: Environment,
    slack: str,
    vendor: Vendor,
    *,
    changes: dict[str, Any],
    status: int,
    words: str,
) -> None:
    """The code stays unused, and nobody is sent anywhere."""
    vendor.codes.add("c3")
    params = {"code": "c3", "state": state(environment, slack, **changes)}
    page = await client.get(SLACK, params=params)
    assert page.status_code == status
    assert "location" not in page.headers
    assert words in page.text
    assert vendor.codes == {"c3"}


@pytest.mark.parametrize("params", [{}, {"state": "no json"}, {"state": "[1]"}, {"state": "7"}])
async def test_without_a_state_there_is_nothing_to_do(
    client: httpx.AsyncClient, params: dict[str, str]
) -> None:
    """The page says so, to older components as well."""
    for path in (SLACK, TEAMS):
        page = await client.get(path, params={"code": "c", **params})
        assert page.status_code in (401, 422)
        assert told(page) == "authFailed"


async def test_what_is_missing_beside_the_state(
    client: httpx.AsyncClient, world: World, environment: Environment, slack: str, teams: str
) -> None:
    """A code, a consent, a tenant, an app, and the right kind of channel."""
    of_teams = {"access_token_object": None, "ms_teams_tenant_object": OWNER}
    no_app = await _channel(world, "chat_slack")
    good = {"admin_consent": "True", "tenant": TENANT}
    for path, params, channel, changes, words in (
        (SLACK, {}, slack, {}, "code: is required"),
        (SLACK, {"code": "c"}, teams, {}, "not configured for chat_slack"),
        (SLACK, {"code": "c"}, no_app, {}, "client_id"),
        (TEAMS, {**good, "admin_consent": "False"}, teams, of_teams, "consent"),
        (TEAMS, {**good, "tenant": "../x"}, teams, of_teams, "tenant: must be a UUID"),
        (TEAMS, good, slack, of_teams, "not configured for chat_ms_teams"),
    ):
        given = {**params, "state": state(environment, channel, **changes)}
        page = await client.get(path, params=given)
        assert page.status_code in (403, 422), words
        assert words in page.text
        assert await stored(client, channel) is None


async def test_user_tokens_have_to_grant_it(
    client: httpx.AsyncClient,
    make: Builder,
    environment: Environment,
    slack: str,
    vendor: Vendor,
) -> None:
    """As for everything else of a tenant's workspace; a secret key has no place in a browser."""
    vendor.codes.add("c4")
    good = signed("ellie", grants=granted("objects/$tenants/ingen", "slack/channels_read"))
    teams = signed("ellie", grants=granted("objects/$tenants/ingen", "ms_teams/channels_read"))
    for changes, status in (
        ({"user_token": signed("ellie")}, 403),
        ({"user_token": teams}, 403),
        ({"public_key": environment.secret_key}, 401),
    ):
        params = {"code": "c4", "state": state(environment, slack, **changes)}
        assert (await client.get(SLACK, params=params)).status_code == status
    assert await stored(client, slack) is None
    await make.rows(
        "UPDATE environments SET enhanced_security = false WHERE id = %s RETURNING 1",
        environment.id,
    )
    params = {"code": "c4", "state": state(environment, slack, user_token=None)}
    assert (await client.get(SLACK, params=params)).status_code == 403  # anybody may have come
    params = {"code": "c4", "state": state(environment, slack, user_token=good)}
    assert (await client.get(SLACK, params=params)).status_code == 200
    assert await stored(client, slack) is not None


async def test_people_are_sent_back_where_an_operator_says(
    client: httpx.AsyncClient,
    world: World,
    environment: Environment,
    slack: str,
    vendor: Vendor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After all is done; who was not connected sees why instead."""
    origins = ("https://app.example.org",)
    settings = world.engine.settings.model_copy(update={"connect_redirects": origins})
    monkeypatch.setattr(type(world.engine), "settings", settings, raising=False)
    url = "https://app.example.org/settings?tab=slack"
    vendor.codes.add("c5")
    params = {"code": "c5", "state": state(environment, slack, redirect_url=url)}
    answer = await client.get(SLACK, params=params)
    assert (answer.status_code, answer.headers["location"]) == (303, url)
    assert (await stored(client, slack))["token"] == {"access_token": "xoxb-c5"}
    again = await client.get(SLACK, params=params)
    assert again.status_code == 403
    assert "invalid_code" in again.text
