"""Channel data of users, objects and tenants."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.builders import Builder, Environment
from tests.support.user_tokens import granted, let_sign, of_browser, signed
from tests.support.world import World

Channel = Callable[[str, str], Awaitable[str]]
OWNERS = ("/v1/users/ellie", "/v1/objects/projects/one", "/v1/objects/$tenants/ingen")
PLAYER = "5fa5d0b5-0d57-4b1c-9e6f-2c6f0a3b0f1e"
HOOK = {"incoming_webhook": {"url": "https://hooks.example.com/T0/B0"}}


@pytest.fixture
def channel(world: World) -> Channel:
    """Make channels of providers."""

    async def make(channel_type: str, provider: str) -> str:
        key = f"{provider}-{uuid4().hex[:6]}"
        return str(await world.channel(channel_type, key, provider=provider))

    return make


def _device(name: str, token: str, **known: str) -> dict[str, Any]:
    return {name: token, "locale": None, "timezone": None, **known}


SHAPES: list[tuple[str, Any, Any]] = [
    (
        "push_fcm",
        {"tokens": ["a", "b"]},
        {"tokens": ["a", "b"], "devices": [_device("token", "a"), _device("token", "b")]},
    ),
    (
        "push_apns",
        {"devices": [{"token": "a", "timezone": "Europe/London"}]},
        {"tokens": ["a"], "devices": [_device("token", "a", timezone="Europe/London")]},
    ),
    (
        "push_expo",
        {"tokens": ["a"], "devices": [{"token": "a", "locale": "de"}, {"token": "b"}]},
        {
            "tokens": ["a", "b"],
            "devices": [_device("token", "a", locale="de"), _device("token", "b")],
        },
    ),
    (
        "push_aws_sns",
        {"target_arns": ["arn:1"]},
        {"target_arns": ["arn:1"], "devices": [_device("target_arn", "arn:1")]},
    ),
    (
        "push_aws_sns",
        {"devices": [{"target_arn": "arn:1", "locale": "fr"}]},
        {"target_arns": ["arn:1"], "devices": [_device("target_arn", "arn:1", locale="fr")]},
    ),
    ("push_one_signal", {"player_ids": [PLAYER]}, {"player_ids": [PLAYER]}),
    (
        "chat_slack",
        {"connections": [{"channel_id": "C1", "channel_name": "all"}, {"user_id": "U1"}, HOOK]},
        {
            "connections": [{"channel_id": "C1", "channel_name": "all"}, {"user_id": "U1"}, HOOK],
            "token": None,
        },
    ),
    (
        "chat_slack",
        {"token": {"access_token": "xoxb-1"}},
        {"connections": [], "token": {"access_token": "xoxb-1"}},
    ),
    (
        "chat_slack",
        {"connections": [{"url": "https://hooks.example.com/T0/B0"}]},
        {"connections": [HOOK], "token": None},
    ),
    (
        "chat_ms_teams",
        {"connections": [{"ms_teams_team_id": "19:x@thread.tacv2"}, HOOK]},
        {
            "connections": [{"ms_teams_team_id": "19:x@thread.tacv2"}, HOOK],
            "ms_teams_tenant_id": None,
        },
    ),
    (
        "chat_ms_teams",
        {"ms_teams_tenant_id": "t-1"},
        {"connections": [], "ms_teams_tenant_id": "t-1"},
    ),
    (
        "chat_discord",
        {"connections": [{"channel_id": "1"}, HOOK]},
        {"connections": [{"channel_id": "1"}, HOOK]},
    ),
    ("sandbox_push", {"tokens": ["a"]}, {"tokens": ["a"], "devices": [_device("token", "a")]}),
    ("sandbox_chat", {"connections": []}, {"connections": [], "token": None}),
    ("http_knock_webhook", {"anything": [1, {}]}, {"anything": [1, {}]}),
]
_TYPES = {"push": "push", "chat": "chat", "http": "http"}


def _type_of(provider: str) -> str:
    return next(kind for kind in _TYPES if kind in provider)


@pytest.mark.parametrize(("provider", "given", "shown"), SHAPES)
@pytest.mark.parametrize("owner", OWNERS)
async def test_what_a_provider_takes_is_read_back_in_full(
    client: httpx.AsyncClient, channel: Channel, owner: str, provider: str, given: Any, shown: Any
) -> None:
    """Users, objects and tenants alike; whoever was not known is known then."""
    channel_id = await channel(_type_of(provider), provider)
    path = f"{owner}/channel_data/{channel_id}"
    stored = await client.put(path, json={"data": given})
    expected = {"__typename": "ChannelData", "channel_id": channel_id, "data": shown}
    if not provider.startswith("sandbox"):
        expected["provider"] = provider
    assert stored.json() == expected
    assert (await client.get(path)).json() == expected
    assert (await client.get(owner)).status_code == 200


@pytest.mark.parametrize(
    ("provider", "data", "fields"),
    [
        ("push_fcm", None, ["data"]),
        ("push_fcm", {}, ["data"]),
        ("push_fcm", {"target_arns": ["a"]}, ["data"]),
        ("push_fcm", {"tokens": "a", "devices": [{}, 1]}, [
            "data.tokens", "data.devices[0].token", "data.devices[1]",
        ]),
        ("push_fcm", {"tokens": ["", 1]}, ["data.tokens[0]", "data.tokens[1]"]),
        ("push_fcm", {"devices": [{"token": "a", "locale": 1}]}, ["data.devices[0].locale"]),
        ("push_aws_sns", {"devices": [{"token": "a"}]}, ["data.devices[0].target_arn"]),
        ("push_one_signal", {"tokens": []}, ["data.player_ids"]),
        ("push_one_signal", {"player_ids": ["x"]}, ["data.player_ids[0]"]),
        ("chat_slack", {}, ["data"]),
        ("chat_slack", {"connections": [1, {"channel_id": 1}], "token": "x"}, [
            "data.connections[0]", "data.connections[1].channel_id", "data.token",
        ]),
        ("chat_slack", {"token": {}}, ["data.token.access_token"]),
        ("chat_slack", {"connections": [{"incoming_webhook": {}}]}, [
            "data.connections[0].incoming_webhook.url",
        ]),
        ("chat_ms_teams", {"connections": [{"incoming_webhook": {"url": "file:///etc"}}]}, [
            "data.connections[0].incoming_webhook.url",
        ]),
        ("chat_discord", {"connections": [{}]}, ["data.connections[0]"]),
        ("chat_discord", {"token": "x"}, ["data.connections"]),
        ("http_knock_webhook", {"a": "x" * 300_000}, ["data"]),
        ("sandbox_push", {"tokens": 1}, ["data.tokens"]),
    ],
)  # fmt: skip
async def test_what_a_provider_does_not_take_is_refused_at_its_place(
    client: httpx.AsyncClient, channel: Channel, provider: str, data: Any, fields: list[str]
) -> None:
    """All of it in one answer; and nothing is stored."""
    channel_id = await channel(_type_of(provider), provider)
    path = f"/v1/users/ellie/channel_data/{channel_id}"
    refused = await client.put(path, json={"data": data})
    assert [error["field"] for error in refused.json()["errors"]] == fields
    assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize("owner", OWNERS)
async def test_it_is_replaced_as_a_whole_and_unset(
    client: httpx.AsyncClient, channel: Channel, owner: str
) -> None:
    """Nothing of what was there is merged; to unset it twice is no fault."""
    path = f"{owner}/channel_data/{await channel('push', 'push_fcm')}"
    await client.put(path, json={"data": {"tokens": ["a"]}})
    replaced = await client.put(path, json={"data": {"tokens": ["b"]}})
    assert replaced.json()["data"]["tokens"] == ["b"]
    for _ in range(2):
        assert (await client.delete(path)).status_code == 204
    assert (await client.get(path)).json()["code"] == "resource_missing"


async def test_a_channel_has_to_be_one_that_stores_something_here(
    client: httpx.AsyncClient, world: World, make: Builder
) -> None:
    """Unknown, not set up in this environment, or reaching people by an address of theirs."""
    email = await world.channel("email", f"mail-{uuid4().hex[:6]}")
    phone = await world.channel("chat", f"wa-{uuid4().hex[:6]}", provider="chat_whatsapp")
    elsewhere = await make.channel("push", provider="push_fcm")
    for channel_id in (uuid4(), "web-push", elsewhere, email, phone):
        path = f"/v1/users/ellie/channel_data/{channel_id}"
        refused = await client.put(path, json={"data": {"tokens": ["a"]}})
        assert (refused.status_code, refused.json()["code"]) == (422, "channel_invalid")
        assert (await client.get(path)).status_code == 404


async def test_what_came_inline_is_read_back_alike(
    client: httpx.AsyncClient, channel: Channel
) -> None:
    """And checked as far as it tells what it is."""
    channel_id = await channel("push", "push_fcm")
    body = {"channel_data": {channel_id: {"tokens": ["a"]}}}
    await client.put("/v1/users/ellie", json=body)
    read = await client.get(f"/v1/users/ellie/channel_data/{channel_id}")
    assert read.json()["data"]["devices"] == [_device("token", "a")]
    wrong = {channel_id: {"devices": [{}]}, str(uuid4()): {"connections": None}}
    refused = await client.put("/v1/users/ellie", json={"channel_data": wrong})
    fields = [error["field"] for error in refused.json()["errors"]]
    assert fields[0] == f"channel_data.{channel_id}.devices[0].token"
    assert len(fields) == 2


async def test_environments_keep_apart(
    client: httpx.AsyncClient, channel: Channel, make: Builder
) -> None:
    """The key of another environment neither sees nor removes it."""
    path = f"/v1/users/ellie/channel_data/{await channel('push', 'push_fcm')}"
    await client.put(path, json={"data": {"tokens": ["a"]}})
    other = {"authorization": f"Bearer {(await make.environment()).secret_key}"}
    assert (await client.get(path, headers=other)).status_code == 404
    await client.delete(path, headers=other)
    assert (await client.get(path)).status_code == 200


async def test_what_browsers_may_do(
    anonymous: httpx.AsyncClient, channel: Channel, environment: Environment, make: Builder
) -> None:
    """Their own user's with a token, objects' where that is granted; without one they read."""
    channel_id = await channel("push", "push_fcm")
    own, team = (f"{owner}/channel_data/{channel_id}" for owner in OWNERS[:2])
    body = {"data": {"tokens": ["a"]}}
    await let_sign(make, environment, is_required=False)
    for method, owner, status in (
        ("PUT", own, 403),
        ("DELETE", own, 403),
        ("GET", own, 404),
        ("GET", team, 403),
        ("PUT", team, 403),
    ):
        headers = of_browser(environment)
        unproven = await anonymous.request(method, owner, json=body, headers=headers)
        assert unproven.status_code == status
    anonymous.headers.update(of_browser(environment, signed("ellie")))
    assert (await anonymous.put(own, json=body)).status_code == 200
    assert (await anonymous.get(own)).status_code == 200
    unproven = await anonymous.get(own, headers=of_browser(environment, ""))
    assert unproven.json()["data"]["tokens"] == ["a"]
    assert (await anonymous.delete(own)).status_code == 204
    assert (await anonymous.put(team, json=body)).status_code == 403
    grants = granted("objects/projects/one", "channel_data/read", "channel_data/write", how=())
    anonymous.headers.update(of_browser(environment, signed("ellie", grants=grants)))
    assert (await anonymous.put(team, json=body)).status_code == 200
    assert (await anonymous.get(team)).status_code == 200
    assert (await anonymous.delete(team)).status_code == 401


async def test_a_webhook_may_have_a_token_of_its_own_inline_too(
    client: httpx.AsyncClient, channel: Channel
) -> None:
    """It is text, unlike that of a Slack workspace, and kept like whatever a webhook is given."""
    channel_id = await channel("http", "http_knock_webhook")
    data = {"token": "secret", "region": 5}
    said = {"channel_data": {channel_id: data}}
    assert (await client.put("/v1/users/ellie", json=said)).status_code == 200
    read = await client.get(f"/v1/users/ellie/channel_data/{channel_id}")
    assert read.json()["data"] == data


@pytest.mark.parametrize(
    "data",
    [
        {"tokens": "abc", "player_ids": 5},
        {"connections": {"region": "eu"}},
        {"devices": [1], "token": {"access_token": 5}},
    ],
)
async def test_a_webhook_takes_any_object_inline_too(
    client: httpx.AsyncClient, channel: Channel, data: dict[str, Any]
) -> None:
    """Its members mean what its request makes of them, whatever they mean to other providers."""
    channel_id = await channel("http", "http_knock_webhook")
    path = f"/v1/users/ellie/channel_data/{channel_id}"
    assert (await client.put(path, json={"data": data})).json()["data"] == data
    await client.put(path, json={"data": {}})
    said = {"channel_data": {channel_id: data}}
    assert (await client.put("/v1/users/ellie", json=said)).status_code == 200
    assert (await client.get(path)).json()["data"] == data


async def test_inline_data_is_judged_by_its_channel(
    client: httpx.AsyncClient, channel: Channel
) -> None:
    """Like that of the operation of its own: by the provider, not by what it looks like."""
    push = await channel("push", "push_fcm")
    said = {"channel_data": {push: {"connections": []}}}
    refused = await client.put("/v1/users/ellie", json=said)
    (error,) = refused.json()["errors"]
    assert error["field"] == f"channel_data.{push}"
    assert error["message"] == "must have one of: tokens, devices"
    assert (await client.get("/v1/users/ellie")).status_code == 404


async def test_a_webhook_as_older_clients_write_it_is_one_inline_too(
    client: httpx.AsyncClient, channel: Channel
) -> None:
    """Their `url` is the address of an incoming webhook, whichever operation it comes by."""
    channel_id = await channel("chat", "chat_slack")
    connection = {"url": "https://hooks.example/services/T/B/x"}
    path = f"/v1/users/ellie/channel_data/{channel_id}"
    await client.put(
        "/v1/users/ellie", json={"channel_data": {channel_id: {"connections": [connection]}}}
    )
    inline = (await client.get(path)).json()["data"]["connections"][0]
    assert inline["incoming_webhook"] == connection
    await client.put(path, json={"data": {"connections": [connection]}})
    by_path = (await client.get(path)).json()["data"]["connections"][0]
    assert by_path["incoming_webhook"] == connection


async def test_inline_data_as_knocks_sdks_1_0_write_it(
    client: httpx.AsyncClient, channel: Channel
) -> None:
    """They put it under `data`, as the operation of its own takes it: it means the same."""
    channel_id = await channel("push", "push_fcm")
    wrapped = {"channel_data": {channel_id: {"data": {"tokens": ["a"]}}}}
    assert (await client.put("/v1/users/ellie", json=wrapped)).status_code == 200
    read = await client.get(f"/v1/users/ellie/channel_data/{channel_id}")
    assert read.json()["data"]["tokens"] == ["a"]
    wrong = {"channel_data": {channel_id: {"data": {"tokens": [1]}}}}
    refused = await client.put("/v1/users/ellie", json=wrong)
    fields = [error["field"] for error in refused.json()["errors"]]
    assert fields == [f"channel_data.{channel_id}.data.tokens[0]"]
