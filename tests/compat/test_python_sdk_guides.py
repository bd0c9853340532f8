"""Guides through Knock's official Python SDK."""

from __future__ import annotations

from knockapi import AsyncKnock

from tests.support.guides import CHANNEL_KEY, guide_step, publish_guide
from tests.support.world import World


async def test_guides(knock: AsyncKnock, world: World) -> None:
    """A user's guides are listed, and what the user did with one comes back with them."""
    await knock.users.update("ellie", name="Ellie")
    channel = str(await world.channel("in_app_guide", CHANNEL_KEY))
    guide_id = await publish_guide(world, "tour", guide_step(title="Hi {{ recipient.name }}"))
    listed = await knock.users.guides.get_channel(user_id="ellie", channel_id=channel)
    assert [(entry.key, entry.id) for entry in listed.entries] == [("tour", str(guide_id))]
    step = {
        "channel_id": channel,
        "guide_id": str(guide_id),
        "guide_key": "tour",
        "guide_step_ref": "step_1",
    }
    guides = knock.users.guides
    seen = await guides.mark_message_as_seen("ellie", **step, content={"title": "Hi Ellie"})
    assert seen.status == "ok"
    listed = await knock.users.guides.get_channel(user_id="ellie", channel_id=channel)
    steps = listed.entries[0].steps
    assert steps
    assert steps[0].message
    assert steps[0].message.id
    assert steps[0].message.seen_at
    assert (await guides.mark_message_as_archived("ellie", **step)).status == "ok"
    listed = await knock.users.guides.get_channel(user_id="ellie", channel_id=channel)
    assert [one.reason for one in listed.ineligible_guides] == ["marked_as_archived"]
