"""Chat messages from the trigger to the vendor: to phones, people found by e-mail, and bots."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from domain.kit.json_types import JsonObject
from models.queries.recipients import channel_data
from tests.providers.chat.teams import BOT_ID, PASSWORD, Microsoft
from tests.providers.servers import HttpServer, reply, serving
from tests.support.interruptions import InterruptedDatabase
from tests.support.webhooks import open_to_loopback
from tests.support.world import World, channel_step

LOOKUP, POST = "/api/users.lookupByEmail", "/api/chat.postMessage"
WHATSAPP = "/v24.0/1060/messages"
ADA: JsonObject = {"id": "ada", "email": "ada@example.com", "phone_number": "+1 555 010 0001"}


@pytest.fixture
def world(world: World) -> World:
    """Let the process call loopback, where the vendors are."""
    return open_to_loopback(world)


@pytest.fixture
async def vendor() -> AsyncIterator[HttpServer]:
    """Run Slack and WhatsApp."""
    replies = {
        LOOKUP: reply(200, b'{"ok": true, "user": {"id": "U7"}}'),
        POST: reply(200, b'{"ok": true, "ts": "17.5"}'),
        WHATSAPP: reply(200, b'{"messages": [{"id": "wamid.1"}]}'),
    }
    async with serving(HttpServer(replies)) as server:
        yield server


async def slack(world: World, vendor: HttpServer) -> UUID:
    """Set up a channel of Slack that finds people by e-mail."""
    return await world.channel(
        "chat",
        "slack-by-email",
        provider="chat_slack",
        secrets={"base_url": vendor.url},
        channel_settings={"email_based_user_id_resolution": True},
    )


async def sent(world: World, key: str, **body: Any) -> JsonObject:
    """Send one message on a channel of chat, and return its row."""
    run_id, _ = await world.send(channel_step("chat", "chat", channel_key=key), **body)
    (message,) = await world.messages(run_id)
    assert await world.deliver(message["id"]) == "sent"
    return await world.message(message["id"])


async def stored(world: World) -> list[JsonObject]:
    """Return what Ada has stored for channels."""
    rows = await world.make.rows(
        "SELECT data FROM channel_data WHERE environment_id = %s AND recipient_id = 'ada'",
        world.environment.id,
    )
    return [row["data"] for row in rows]


def acme(channel_id: UUID) -> JsonObject:
    """Return a tenant with a workspace of Slack."""
    return {"id": "acme", "channel_data": {str(channel_id): {"token": {"access_token": "xoxb"}}}}


async def test_whom_slack_has_found_is_not_looked_up_again(
    world: World, vendor: HttpServer
) -> None:
    """The id joins what the person has stored for the channel (Knock docs: "Resolving")."""
    tenant = acme(await slack(world, vendor))
    await sent(world, "slack-by-email", recipients=[ADA], tenant=tenant)
    assert await stored(world) == [{"connections": [{"user_id": "U7"}]}]
    again = await sent(world, "slack-by-email", recipients=["ada"], tenant="acme")
    assert again["recipient_snapshot"] == {"user_id": "U7"}
    assert [seen.target.partition("?")[0] for seen in vendor.seen] == [LOOKUP, POST, POST]
    assert json.loads(vendor.seen[-1].body)["channel"] == "U7"


async def test_what_somebody_has_stored_meanwhile_stays(world: World, vendor: HttpServer) -> None:
    """A message that was made before does not take a connection away."""
    channel_id = await slack(world, vendor)
    run_id, _ = await world.send(
        channel_step("chat", "chat", channel_key="slack-by-email"),
        recipients=[ADA],
        tenant=acme(channel_id),
    )
    chosen = {"connections": [{"channel_id": "C1"}]}
    await world.trigger(await other(world), {**ADA, "channel_data": {str(channel_id): chosen}})
    (message,) = await world.messages(run_id)
    assert await world.deliver(message["id"]) == "sent"
    assert await stored(world) == [chosen]


async def other(world: World) -> str:
    """Publish a workflow by which people may be identified."""
    await world.publish("other", channel_step("feed"))
    return "other"


@pytest.mark.parametrize("kept", [{"token": {"access_token": "mine"}}, {"connections": []}])
async def test_a_found_connection_stands_beside_the_rest(
    world: World, vendor: HttpServer, kept: JsonObject
) -> None:
    """Whatever else is stored stays."""
    channel_id = await slack(world, vendor)
    own = {**ADA, "channel_data": {str(channel_id): kept}}
    await sent(world, "slack-by-email", recipients=[own], tenant=acme(channel_id))
    assert await stored(world) == [{**kept, "connections": [{"user_id": "U7"}]}]


async def test_a_message_is_sent_though_nothing_can_be_kept(
    world: World, vendor: HttpServer
) -> None:
    """The next one has the person looked up again."""
    channel_id = await slack(world, vendor)
    run_id, _ = await world.send(
        channel_step("chat", "chat", channel_key="slack-by-email"),
        recipients=[ADA],
        tenant=acme(channel_id),
    )
    (message,) = await world.messages(run_id)
    # It is away once, after the message was claimed and its outcome recorded.
    failing = InterruptedDatabase(world.engine.database, works=2, away=1)
    assert await world.with_engine(database=failing).deliver(message["id"]) == "sent"
    assert await stored(world) == []


@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError])
async def test_what_was_sent_is_recorded_before_anything_is_kept(
    world: World,
    vendor: HttpServer,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    """A process that ends while it keeps a connection has nothing sent twice."""
    channel_id = await slack(world, vendor)
    run_id, _ = await world.send(
        channel_step("chat", "chat", channel_key="slack-by-email"),
        recipients=[ADA],
        tenant=acme(channel_id),
    )
    (message,) = await world.messages(run_id)

    async def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(channel_data, "add_found_connection", fail)
    with suppress(asyncio.CancelledError):
        assert await world.deliver(message["id"]) == "sent"
    assert (await world.message(message["id"]))["delivery_status"] == "sent"
    assert await world.deliver(message["id"]) == "sent"
    assert [seen.target.partition("?")[0] for seen in vendor.seen] == [LOOKUP, POST]


async def test_a_message_goes_to_a_phone(world: World, vendor: HttpServer) -> None:
    """By WhatsApp, to the recipient's number, with the template that the step names."""
    settings = {
        "access_token": "EAA-secret",
        "phone_number_id": "1060",
        "base_url": vendor.url,
    }
    await world.channel("chat", "whatsapp", provider="chat_whatsapp", secrets=settings)
    body = '{"template": {"name": "order", "language": {"code": "{{ recipient.lang }}"}}}'
    template = {"markdown_body": "Hi", "json_body": body}
    step = channel_step("chat", "chat", channel_key="whatsapp", template=template)
    run_id, _ = await world.send(step, recipients=[{**ADA, "lang": "de"}])
    (message,) = await world.messages(run_id)
    assert message["recipient_snapshot"] == {"phone_number": ADA["phone_number"]}
    assert await world.deliver(message["id"]) == "sent"
    assert (await world.message(message["id"]))["provider_metadata"] == {"external_id": "wamid.1"}
    assert json.loads(vendor.seen[0].body) == {
        "recipient_type": "individual",
        "type": "template",
        "template": {"name": "order", "language": {"code": "de"}},
        "messaging_product": "whatsapp",
        "to": "+15550100001",
    }
    run_id, _ = await world.send(step, recipients=[{"id": "bob", "email": "bob@example.com"}])
    assert await world.reason(run_id) == "recipient has no phone_number"


async def test_a_bot_sends_into_the_tenants_teams(world: World) -> None:
    """Where to says the recipient, which customer of Microsoft's the tenant of the run."""
    async with serving(Microsoft()) as microsoft:
        assert isinstance(microsoft, Microsoft)
        settings = {
            "bot_type": "multi_tenant",
            "bot_id": BOT_ID,
            "bot_password": PASSWORD,
            "base_url": microsoft.url,
            "login_base_url": microsoft.url,
        }
        channel_id = str(
            await world.channel("chat", "teams-bot", provider="chat_ms_teams", secrets=settings)
        )
        repository = {
            "id": "r1",
            "collection": "repositories",
            "channel_data": {channel_id: {"connections": [{"ms_teams_channel_id": "19:a"}]}},
        }
        tenant = {"id": "acme", "channel_data": {channel_id: {"ms_teams_tenant_id": "fabrikam"}}}
        message = await sent(world, "teams-bot", recipients=[repository], tenant=tenant)
        assert message["recipient_snapshot"] == {"ms_teams_channel_id": "19:a"}
        assert message["provider_metadata"] == {
            "external_id": "174",
            "conversation_id": "19:a;messageid=174",
        }
        (thread,) = microsoft.bodies()
        assert thread["tenantId"] == "fabrikam"
        assert PASSWORD not in str(message)
