"""Writers that meet wait for each other: none of them is sent away by a deadlock."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID, uuid4

from domain.bulk.requests import said_of_object
from domain.channels.in_app_feed import FEED_PROVIDER
from domain.channels.requests import ChannelRequest, ChannelSettingsRequest
from domain.channels.types import ChannelType
from domain.content.rows import Selection
from domain.content.workflow import WORKFLOW
from domain.kit.errors import NotFound
from domain.kit.principals import EnvironmentScope
from domain.kit.shapes import read_shape
from domain.messages.engagement import Engagement
from domain.preferences.rows import Persistence
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import TENANTS, RecipientRef
from domain.recipients.subscriptions import SubscribeIn, UnsubscribeIn
from models.queries.bulk.departures import delete_recipients
from services.account.environments import get_scope
from services.bulk.departures import delete_recipient
from services.channels import channels
from services.content import commits
from services.content.drafts import switch_content
from services.engine import Engine
from services.messages.messages import StatusChange, engage_many
from services.preferences.sets import write_sets
from services.recipients.subscriptions import subscribe, unsubscribe
from services.triggers.audience_entries import identify
from tests.support.account import AUTHOR, Account, note, workflow
from tests.support.builders import Builder, Environment
from tests.support.waiting import until_blocked

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


async def test_a_deletion_and_subscriptions(
    engine: Engine, make: Builder, environment: Environment
) -> None:
    """Deleting both ends beside those who subscribe them sends nobody away, and leaves nothing."""
    people = [f"user-{number}" for number in range(12)]
    topics = [RecipientRef("topics", name) for name in ("a", "b", "c")]
    for topic in topics:
        await make.recipient(environment, topic.collection, topic.id)

    def subscribes(topic: RecipientRef) -> Call:
        async def call() -> None:
            chosen = random.sample(people, 8)
            given = [{"id": one, "n": random.random()} for one in chosen]
            others = [one for one in topics if one != topic]
            given += [{"collection": one.collection, "id": one.id, "n": 1} for one in others]
            with suppress(NotFound):
                wanted = read_shape(SubscribeIn, {"recipients": given})
                await subscribe(engine, environment.scope, topic, wanted)

        return call

    def unsubscribes(topic: RecipientRef) -> Call:
        async def call() -> None:
            wanted = read_shape(UnsubscribeIn, {"recipients": random.sample(people, 8)})
            await unsubscribe(engine, environment.scope, topic, wanted)

        return call

    def deletes(ref: RecipientRef) -> Call:
        async def call() -> None:
            with suppress(NotFound):
                await delete_recipient(engine, environment.scope, ref)

        return call

    gone = [topics[0], *map(RecipientRef.user, people[:4])]
    await _all_at_once(
        *map(subscribes, topics), *map(unsubscribes, topics), *map(deletes, gone), rounds=8
    )
    assert not await make.rows(
        "SELECT 1 FROM subscriptions s WHERE environment_id = %s AND (NOT EXISTS"
        " (SELECT FROM recipients r WHERE r.environment_id = s.environment_id"
        " AND (r.collection, r.id) = (s.recipient_collection, s.recipient_id)) OR NOT EXISTS"
        " (SELECT FROM recipients r WHERE r.environment_id = s.environment_id"
        " AND (r.collection, r.id) = (s.object_collection, s.object_id)))",
        environment.id,
    )


async def test_preferences_and_identification_of_who_is_deleted(
    engine: Engine, make: Builder, environment: Environment
) -> None:
    """Preferences of several wait for a deletion before they make anybody whom others wait for."""
    scope = environment.scope
    both = [RecipientRef.user(one) for one in ("ellie", "jesper")]

    async def set_preferences() -> None:
        async with engine.unit() as unit:
            await write_sets(unit, scope, both, "default", {}, how=Persistence.REPLACE)

    async def identify_both() -> None:
        people = [InlineRecipient(ref, properties={"n": 1}) for ref in both]
        async with engine.unit() as unit:
            await identify(unit, scope, people)

    for _ in range(3):
        await make.user(environment, "ellie")
        async with engine.database.transaction() as connection:
            await delete_recipients(connection, scope.id, both, limit=100)
            setting = asyncio.create_task(set_preferences())
            await until_blocked(make)
            identifying = asyncio.create_task(identify_both())
            await until_blocked(make, by=2)
        await asyncio.gather(setting, identifying)
        async with engine.unit() as unit:
            await delete_recipients(unit.connection, scope.id, both, limit=100)


async def test_tenants_whose_defaults_are_replaced(
    engine: Engine, environment: Environment
) -> None:
    """Storing tenants whose defaults are replaced, or not, must not raise: there is no deadlock."""
    names = [f"tenant-{number:02}" for number in range(8)]
    ids = iter(range(10_000))

    async def store() -> None:
        people = []
        for name in random.sample(names, 6):
            given: dict[str, Any] = {"id": name, "n": next(ids)}
            if random.random() < 0.5:
                defaults = {"channel_types": {"email": True}, "__persistence_strategy__": "replace"}
                given["settings"] = {"preference_set": defaults}
            people.append(said_of_object(given, TENANTS))
        async with engine.unit() as unit:
            await identify(unit, environment.scope, people)

    await _all_at_once(*[store] * 6, rounds=10)
