"""Writers that meet wait for each other: none of them is sent away by a deadlock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

from domain.channels.in_app_feed import FEED_PROVIDER
from domain.channels.requests import ChannelRequest, ChannelSettingsRequest
from domain.channels.types import ChannelType
from domain.content.rows import Selection
from domain.content.workflow import WORKFLOW
from domain.kit.principals import EnvironmentScope
from domain.messages.engagement import Engagement
from domain.recipients.refs import RecipientRef
from services.account.environments import get_scope
from services.channels import channels
from services.content import commits
from services.content.drafts import switch_content
from services.engine import Engine
from services.messages.messages import StatusChange, engage_many
from services.recipients.recipients import delete_recipient
from tests.support.account import AUTHOR, Account, note, workflow
from tests.support.builders import Builder, Environment

Call = Callable[[], Awaitable[Any]]


async def _all_at_once(*calls: Call, rounds: int = 12) -> None:
    """Make every call in each round; whatever one of them raises fails the test."""
    for _ in range(rounds):
        async with asyncio.TaskGroup() as group:
            for call in calls:
                group.create_task(_run(call))


async def _run(call: Call) -> None:
    await call()


async def test_a_switch_and_a_commit(account: Account) -> None:
    """Switching a workflow on and off beside commits of it must not raise: there is no deadlock."""
    await account.save("switched", workflow(), commit=note())

    environment = await account.scope()

    async def switch() -> None:
        await switch_content(account.engine, environment, WORKFLOW, "switched", active=True)

    async def commit() -> None:
        await account.save("switched", workflow(name=f"n{account.tick()}"), commit=note())

    await _all_at_once(switch, commit, switch, commit)


async def test_channels_and_promotions(account: Account) -> None:
    """Setting channels up beside a promotion must not raise: there is no deadlock."""
    keys = ("first", "second")
    for key in keys:
        await channels.put_channel(
            account.engine,
            key,
            ChannelRequest(name=key, type=ChannelType.IN_APP_FEED, provider=FEED_PROVIDER),
        )

    def set_up(key: str, environment: EnvironmentScope) -> Call:
        async def call() -> None:
            wanted = ChannelSettingsRequest(is_sandbox=False)
            await channels.put_channel_settings(account.engine, environment, key, wanted)

        return call

    async def promote() -> None:
        await account.save("moved", workflow(name=f"n{account.tick()}"), commit=note())
        await commits.promote_all(account.engine, "production", Selection(), AUTHOR)

    places = [await get_scope(account.engine, slug) for slug in ("development", "production")]
    settings = [set_up(key, place) for key in keys for place in places]
    await _all_at_once(promote, *settings, rounds=6)


async def test_a_deletion_and_marks(
    engine: Engine, make: Builder, environment: Environment
) -> None:
    """Deleting a user beside marks of the messages needs no repetition, and leaves nothing."""
    user = RecipientRef.user("ellie")
    for _ in range(4):
        await make.user(environment, user.id)
        ids = [UUID(await make.message(environment, uuid4())) for _ in range(60)]
        batches = [random.sample(ids, 20) for _ in range(12)]
        async with asyncio.TaskGroup() as group:
            for number, batch in enumerate(batches):
                change = StatusChange((Engagement.READ, Engagement.INTERACTED)[number % 2])
                group.create_task(engage_many(engine, environment.scope, batch, batch, change))
            group.create_task(delete_recipient(engine, environment.scope, user))
        [left] = await make.rows(
            "SELECT (SELECT count(*) FROM messages WHERE id = ANY(%s)) AS messages,"
            " (SELECT count(*) FROM message_events WHERE message_id = ANY(%s)) AS events",
            *(ids, ids),
        )
        assert left == {"messages": 0, "events": 0}
