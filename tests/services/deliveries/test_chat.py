"""Chat messages from the trigger to the vendor."""

from __future__ import annotations

from typing import Any

import pytest

from domain.kit.json_types import JsonObject
from tests.providers.chat.teams import BOT_ID, PASSWORD, Microsoft
from tests.providers.servers import serving
from tests.support.webhooks import open_to_loopback
from tests.support.world import World, channel_step


@pytest.fixture
def world(world: World) -> World:
    """Let the process call loopback, where the vendors are."""
    return open_to_loopback(world)


async def sent(world: World, key: str, **body: Any) -> JsonObject:
    """Send one message on a channel of chat, and return its row."""
    run_id, _ = await world.send(channel_step("chat", "chat", channel_key=key), **body)
    (message,) = await world.messages(run_id)
    assert await world.deliver(message["id"]) == "sent"
    return await world.message(message["id"])


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
