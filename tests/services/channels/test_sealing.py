"""Secrets of channels and of webhook messages: sealed where they are kept, masked where shown."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from api.kit.shapes import answer
from api.knock.messages.contents import ContentOut
from domain.deliveries.delivery import Delivery, Outcome
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from providers.registry import MASK
from runtime.vault import Vault
from services.attempts import TryAgain
from services.channels.sealing import open_content, seal_provider_settings, seal_request
from services.messages import messages
from tests.support.world import World, channel_step

REQUEST: JsonObject = {
    "method": "put",
    "url": "https://hooks.example/{{ data.path }}?token=url-secret&page=2",
    "headers": [
        {"key": "Authorization", "value": "Bearer header-secret"},
        {"key": "X-Page", "value": "{{ data.path }}"},
    ],
    "query_params": [{"key": "api_key", "value": "query-secret"}],
    "body": '{"path": "{{ data.path }}"}',
}
SECRETS = ("url-secret", "header-secret", "query-secret")


class Recorder:
    """A provider that takes everything and keeps it."""

    id = "http_knock_webhook"

    def __init__(self) -> None:
        self.deliveries: list[Delivery] = []

    async def send(self, delivery: Delivery) -> Outcome:
        """Keep the delivery."""
        self.deliveries.append(delivery)
        return Outcome(DeliveryStatus.DELIVERED, None)


def _install(world: World) -> Recorder:
    recorder = Recorder()
    world.engine.providers.install("http_knock_webhook", recorder)
    return recorder


async def _webhook(world: World, *, own: bool) -> dict[str, Any]:
    """Make a webhook message from the channel's own request, or from one of the step."""
    settings = REQUEST if own else {}
    await world.channel("http", "hook", provider="http_knock_webhook", channel_settings=settings)
    step = channel_step("hook", "http", channel_key="hook", template={} if own else REQUEST)
    run_id, _ = await world.send(step, data={"path": "a b"})
    return (await world.messages(run_id))[0]


@pytest.mark.parametrize("own", [True, False])
async def test_secrets_of_a_request_are_sent_and_shown_to_nobody(world: World, own: bool) -> None:
    """The provider gets what was rendered; neither database nor answer holds it in clear."""
    recorder = _install(world)
    message = await _webhook(world, own=own)
    stored = json.dumps(message["content"])
    rendered = await messages.get_content(world.engine, world.environment.scope, message["id"])
    shown = json.loads(answer(ContentOut.of(rendered)).body)["data"]
    assert [secret for secret in SECRETS if secret in stored] == []
    assert shown["url"] == f"https://hooks.example/a b?token={MASK}&page=2"
    assert shown["headers"] == [
        {"key": "Authorization", "value": MASK},
        {"key": "X-Page", "value": "a b"},
    ]
    assert shown["query_params"] == [{"key": "api_key", "value": MASK}]
    assert set(shown) == {"__typename", "method", "url", "headers", "query_params", "body"}

    assert await world.deliver(message["id"]) == "delivered"

    (delivery,) = recorder.deliveries
    assert delivery.content == {
        "method": "put",
        "url": "https://hooks.example/a b?token=url-secret&page=2",
        "headers": [
            {"key": "Authorization", "value": "Bearer header-secret"},
            {"key": "X-Page", "value": "a b"},
        ],
        "query_params": [{"key": "api_key", "value": "query-secret"}],
        "body": '{"path": "a b"}',
    }


async def test_a_channels_request_is_not_in_the_database(world: World) -> None:
    """Of a webhook channel's settings only the method can be read."""
    await _webhook(world, own=True)
    rows = await world.make.rows(
        "SELECT s.* FROM channel_environments s JOIN channels c ON c.id = s.channel_id"
        " WHERE c.key = 'hook' AND s.environment_id = %s",
        world.environment.id,
    )
    assert rows[0]["channel_settings"] == {"method": "put"}
    assert all(secret.encode() not in rows[0]["sealed_channel_settings"] for secret in SECRETS)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h.example/x", f"https://{MASK}@h.example/x"),
        ("https://u:p@q@h.example/@x", f"https://{MASK}@h.example/@x"),
        ("https://h.example/?sig=1#sig=2", f"https://h.example/?sig={MASK}#sig=2"),
        ("https://h.example/?a%70i_key=1;b=2", f"https://h.example/?a%70i_key={MASK};b=2"),
        ("https://h.example/?token=&page=1", "https://h.example/?token=&page=1"),
        ("not a url", "not a url"),
        ("", ""),
    ],
)
def test_urls_are_masked_by_name(url: str, shown: str) -> None:
    """What stands before an @, and query values whose name says that they are secret."""
    vault, environment_id = Vault(["k" * 16]), uuid4()
    content = {"method": "get", "url": url, "headers": [], "query_params": [], "body": ""}
    sealed = seal_request(vault, content, "m", environment_id)
    assert sealed["url"] == shown
    assert open_content(vault, sealed, "m", environment_id) == content


async def test_a_missing_key_holds_messages_back(world: World) -> None:
    """With the wrong key nothing is sent and nothing is lost; with the right one it goes out."""
    recorder = _install(world)
    message = await _webhook(world, own=True)
    wrong = replace(world, engine=replace(world.engine, vault=Vault(["w" * 16])))

    with pytest.raises(TryAgain, match="CARILLON_SECRET_KEY"):
        await wrong.deliver(message["id"])

    assert recorder.deliveries == []
    assert (await world.message(message["id"]))["delivery_status"] == "queued"
    await world.change_delivery(message["id"], "due_at = now()")
    assert await world.deliver(message["id"]) == "delivered"


async def test_a_request_that_cannot_be_opened_fails_its_step(world: World) -> None:
    """A channel whose request was damaged fails the step and says what to do."""
    await world.channel("http", "hook", provider="http_knock_webhook", channel_settings=REQUEST)
    await world.make.rows(
        "UPDATE channel_environments SET sealed_channel_settings = 'x' WHERE environment_id = %s"
        " RETURNING 1",
        world.environment.id,
    )
    step = channel_step("hook", "http", channel_key="hook", template={})
    run_id, _ = await world.send(step)
    events = await world.make.rows(
        "SELECT data FROM recipient_run_events WHERE recipient_run_id = %s", run_id
    )
    assert "must be set again" in json.dumps([row["data"] for row in events])


@pytest.mark.parametrize("place", ["environment", "channel"])
async def test_credentials_do_not_open_elsewhere(world: World, place: str) -> None:
    """Who writes the database cannot lend production's credentials to another channel."""
    recorder = _install(world)
    message = await _webhook(world, own=False)
    other = {
        "environment": (message["channel_id"], uuid4()),
        "channel": (uuid4(), world.environment.id),
    }
    await world.make.rows(
        "UPDATE channel_environments SET provider_settings = %s"
        " WHERE channel_id = %s AND environment_id = %s RETURNING 1",
        seal_provider_settings(world.engine.vault, {"signing_key": "prod"}, *other[place]),
        *(message["channel_id"], world.environment.id),
    )
    assert await world.deliver(message["id"]) == "undelivered"
    assert recorder.deliveries == []
