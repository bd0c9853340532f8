"""Chat messages from the trigger to the vendor."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.kit.json_types import JsonObject
from tests.providers.chat.teams import BOT_ID, PASSWORD, Microsoft
from tests.providers.servers import HttpServer, reply, serving
from tests.support.webhooks import open_to_loopback
from tests.support.world import World, channel_step

WHATSAPP = "/v24.0/1060/messages"
ADA: JsonObject = {"id": "ada", "email": "ada@example.com", "phone_number": "+1 555 010 0001"}


@pytest.fixture
def world(world: World) -> World:
    """Let the process call loopback, where the vendors are."""
    return open_to_loopback(world)


@pytest.fixture
async def vendor() -> AsyncIterator[HttpServer]:
    """Run WhatsApp."""
    replies = {WHATSAPP: reply(200, b'{"messages": [{"id": "wamid.1"}]}')}
    async with serving(HttpServer(replies)) as server:
        yield server


async def sent(world: World, key: str, **body: Any) -> JsonObject:
    """Send one message on a channel of chat, and return its row."""
    run_id, _ = await world.send(channel_step("chat", "chat", channel_key=key), **body)
    (message,) = await world.messages(run_id)
    assert await world.deliver(message["id"]) == "sent"
    return await world.message(message["id"])


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
