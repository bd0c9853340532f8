"""Knock's official Python SDK, unchanged, against the product over real HTTP.

The clients validate strictly: an answer that lacks a member their types require is a failure.
"""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import knockapi
import pytest
from knockapi import AsyncKnock, Knock
from psycopg.types.json import Jsonb

from services.engine import Engine
from services.triggers.expansions import expand
from tests.support.builders import T0, Builder, Environment


async def test_the_synchronous_client(
    address: str, environment: Environment, make: Builder
) -> None:
    """The synchronous client identifies, triggers with its automatic key, and reads back."""
    await make.workflow(environment, "welcome")

    def use() -> tuple[str, str]:
        with Knock(
            api_key=environment.secret_key, base_url=address, _strict_response_validation=True
        ) as knock:
            user = knock.users.update("ellie", name="Ellie", email="e@example.com")
            run = knock.workflows.trigger(
                "welcome",
                recipients=["ellie", {"id": "alan", "name": "Alan"}],
                data={"n": 1},
                tenant="acme",
                actor={"id": "ian"},
                cancellation_key="c1",
            )
            knock.workflows.cancel("welcome", cancellation_key="c1", recipients=["alan"])
            return user.id, run.workflow_run_id

    user_id, run_id = await asyncio.to_thread(use)
    assert user_id == "ellie"
    assert str(UUID(run_id)) == run_id


async def test_preferences(knock: AsyncKnock) -> None:
    """Sets of users and objects are set, merged, listed and unset by the client's methods."""
    channel = str(uuid4())
    condition = {"variable": "data.n", "operator": "equal_to", "argument": "1"}
    written = await knock.users.set_preferences(
        user_id="ellie",
        id="default",
        channel_types={"email": True, "sms": {"conditions": [condition]}},
        channels={channel: False},
        categories={"news": {"channel_types": {"email": False}, "conditions": [condition]}},
        workflows={"welcome": False},
        commercial_subscribed=True,
    )
    assert written.channels == {channel: False}
    merged = await knock.users.set_preferences(
        user_id="ellie", id="default", _persistence_strategy="merge", workflows={"other": True}
    )
    assert merged.workflows == {"welcome": False, "other": True}
    found = await knock.users.get_preferences(user_id="ellie", id="default", tenant="acme")
    assert found == merged
    assert [one.id for one in await knock.users.list_preferences("ellie")] == ["default"]
    await knock.users.unset_preferences(user_id="ellie", id="default")
    assert await knock.users.list_preferences("ellie") == []
    red = {"collection": "teams", "object_id": "red"}
    team = await knock.objects.set_preferences(**red, id="default", channel_types={"push": False})
    assert team.channel_types is not None
    assert team.channel_types.push is False
    assert await knock.objects.get_preferences(**red, id="default") == team
    assert await knock.objects.list_preferences(**red) == [team]
    await knock.objects.unset_preferences(**red, id="default")
    empty = await knock.objects.get_preferences(**red, id="default")
    assert empty.channel_types is None


async def test_users_and_tenants(knock: AsyncKnock) -> None:
    """Users and tenants fit the client's types; its lists go through pages by themselves."""
    for number in range(5):
        await knock.users.update(f"user-{number}", name=f"User {number}")
    page = await knock.users.list(page_size=2)
    assert [user.id async for user in page] == [f"user-{number}" for number in range(5)]
    await knock.tenants.set("acme", name="Acme", settings={"branding": {"primary_color": "#fff"}})
    tenant = await knock.tenants.get("acme")
    assert tenant.name == "Acme"
    assert [found.id async for found in await knock.tenants.list()] == ["acme"]
    await knock.users.delete("user-0")
    with pytest.raises(knockapi.NotFoundError) as caught:
        await knock.users.get("user-0")
    assert caught.value.body["code"] == "resource_missing"  # type: ignore[index]


async def test_schedules(knock: AsyncKnock, environment: Environment, make: Builder) -> None:
    """Schedules fit the client's types on every way: made, changed, listed, deleted."""
    await make.workflow(environment, "digest")
    await knock.users.update("ellie", name="Ellie", timezone="America/New_York")
    await knock.objects.set("teams", "core", name="Core")
    made = await knock.schedules.create(
        workflow="digest",
        recipients=["ellie", {"id": "core", "collection": "teams"}, {"id": "ann", "name": "Ann"}],
        repeats=[{"frequency": "weekly", "days": ["mon", "fri"], "hours": 9, "minutes": 30}],
        data={"n": 1},
        tenant="acme",
        actor={"id": "ian", "name": "Ian"},
    )
    assert [one.recipient.id for one in made] == ["ellie", "core", "ann"]
    assert made[0].repeats[0].days == ["mon", "fri"]
    assert made[0].next_occurrence_at is not None
    page = await knock.schedules.list(
        workflow="digest",
        tenant="acme",
        recipients=["ellie", {"id": "core", "collection": "teams"}],
        page_size=1,
    )
    assert [one.id async for one in page] == [made[1].id, made[0].id]
    listed = [one.id async for one in await knock.users.list_schedules("ann", workflow="digest")]
    assert listed == [made[2].id]
    listed = [one.id async for one in await knock.objects.list_schedules("teams", "core")]
    assert listed == [made[1].id]
    (changed,) = await knock.schedules.update(
        schedule_ids=[made[0].id],
        repeats=[{"frequency": "monthly", "interval": 2, "day_of_month": 31}],
        ending_at="2099-01-01T00:00:00Z",
        actor=None,
    )
    assert (changed.actor, changed.repeats[0].day_of_month) == (None, 31)
    deleted = await knock.schedules.delete(schedule_ids=[one.id for one in made])
    assert {one.id for one in deleted} == {one.id for one in made}


async def test_objects_and_subscriptions(knock: AsyncKnock) -> None:
    """Objects and who follows them fit the client's types; its lists go through pages."""
    await knock.objects.set("projects", "one", name="One", extra_body={"tier": "pro"})
    for number in range(2, 5):
        await knock.objects.set("projects", str(number))
    found = await knock.objects.get("projects", "one")
    assert found.properties == {"name": "One", "tier": "pro"}
    page = await knock.objects.list("projects", page_size=2, include=["preferences"])
    assert [entry.id async for entry in page] == ["4", "3", "2", "one"]
    made = await knock.objects.add_subscriptions(
        "projects",
        "one",
        recipients=[
            {"id": "ellie", "name": "Ellie"},
            {"id": "core", "collection": "teams", "name": "Core"},
        ],
        properties={"role": "lead"},
    )
    assert [(one.recipient.id, one.properties) for one in made] == [
        ("ellie", {"role": "lead"}),
        ("core", {"role": "lead"}),
    ]
    await knock.objects.add_subscriptions("projects", "2", recipients=["ellie"])
    listed = await knock.objects.list_subscriptions("projects", "one", page_size=1)
    assert {one.recipient.id async for one in listed} == {"core", "ellie"}
    narrowed = await knock.objects.list_subscriptions(
        "projects",
        "one",
        mode="object",
        include=["preferences"],
        recipients=["ellie", {"id": "x", "collection": "teams"}],
    )
    assert [one.recipient.id for one in narrowed.entries] == ["ellie"]
    of_team = await knock.objects.list_subscriptions(
        "teams", "core", mode="recipient", objects=[{"id": "one", "collection": "projects"}]
    )
    assert [one.object.id for one in of_team.entries] == ["one"]
    of_user = await knock.users.list_subscriptions("ellie", page_size=1)
    assert [one.object.id async for one in of_user] == ["2", "one"]
    by_object = await knock.users.list_subscriptions(
        "ellie", include=["preferences"], objects=[{"id": "one", "collection": "projects"}]
    )
    assert [one.object.id for one in by_object.entries] == ["one"]
    ended = await knock.objects.delete_subscriptions(
        "projects", "one", recipients=["ellie", {"id": "core", "collection": "teams"}]
    )
    assert [one.recipient.id for one in ended] == ["ellie", "core"]
    messages = await knock.objects.list_messages("projects", "one")
    assert messages.items == []
    await knock.objects.delete("projects", "one")
    with pytest.raises(knockapi.NotFoundError):
        await knock.objects.get("projects", "one")


async def test_audiences(knock: AsyncKnock) -> None:
    """Members are added, listed and removed with the client's types."""
    added = [{"user": {"id": "ellie", "name": "Ellie"}}, {"user": {"id": "alan"}, "tenant": "acme"}]
    await knock.audiences.add_members("beta", members=added, create_audience=True)
    listed = await knock.audiences.list_members("beta")
    assert {(one.user_id, one.user.id, one.tenant) for one in listed.entries} == {
        ("ellie", "ellie", None),
        ("alan", "alan", "acme"),
    }
    await knock.audiences.remove_members("beta", members=[{"user": {"id": "ellie"}}])
    left = await knock.audiences.list_members("beta")
    assert [one.user_id for one in left.entries] == ["alan"]


async def test_messages(
    knock: AsyncKnock, make: Builder, environment: Environment, channel: UUID
) -> None:
    """Lists with filters, contents, events, logs and activities fit the client's types."""
    await make.user(environment, "ellie", name="Ellie")
    run_id = await make.run(environment, data={"n": 1})
    mail = await make.channel("email")
    content = {"from": "a@b.c", "to": "d@e.f", "subject_line": "Hi", "html_body": "x"}
    first = await make.message(
        environment,
        mail,
        channel_type="email",
        recipient_run_id=run_id,
        content={**content, "text_body": "x"},
    )
    second = await make.message(environment, channel, minute=1, seen_at=T0, tenant_id="acme")
    listed = await knock.messages.list(
        status=["delivered", "queued"],
        engagement_status=["seen"],
        inserted_at={"gte": "2026-03-01T12:00:00+00:00"},
        page_size=1,
    )
    assert [message.id async for message in listed] == [second]
    by_id = await knock.users.list_messages("ellie", message_ids=[first, second], page_size=1)
    assert [message.id async for message in by_id] == [second, first]
    assert (await knock.messages.get(first)).channel.provider == "sandbox"  # type: ignore[union-attr]
    assert (await knock.messages.get_content(first)).message_id == first
    contents = await knock.messages.batch.get_content(message_ids=[first, second])
    assert [found.message_id for found in contents] == [first, second]
    await knock.messages.mark_as_read(second)
    events = [event.type async for event in await knock.messages.list_events(second)]
    first_ones = ["message.delivered", "message.queued", "message.created"]
    assert events == ["message.read", *first_ones]
    activities = [found async for found in await knock.messages.list_activities(first)]
    assert activities[0].data == {"n": 1}
    logs = await knock.messages.list_delivery_logs(second)
    assert [log async for log in logs] == []


async def test_statuses(
    knock: AsyncKnock, make: Builder, environment: Environment, channel: UUID
) -> None:
    """Every way of the client to change a status works."""
    one, two = [await make.message(environment, channel) for _ in range(2)]
    assert (await knock.messages.mark_as_seen(one)).seen_at is not None
    assert (await knock.messages.mark_as_unseen(one)).seen_at is None
    assert (await knock.messages.archive(one)).archived_at is not None
    assert (await knock.messages.unarchive(one)).archived_at is None
    assert (await knock.messages.mark_as_unread(one)).read_at is None
    touched = await knock.messages.mark_as_interacted(one, metadata={"type": "cell_click"})
    assert set(touched.engagement_statuses) == {"seen", "read", "interacted"}
    batch = knock.messages.batch
    for change in (
        batch.mark_as_seen,
        batch.mark_as_unseen,
        batch.mark_as_read,
        batch.mark_as_unread,
        batch.archive,
        batch.unarchive,
        batch.mark_as_interacted,
    ):
        assert [message.id for message in await change(message_ids=[two, one])] == [two, one]


async def test_feeds(
    knock: AsyncKnock, make: Builder, environment: Environment, channel: UUID
) -> None:
    """Feed items and settings fit the client's types; pages follow each other."""
    await make.user(environment, "ellie")
    await make.user(environment, "ann")
    ids = [
        await make.message(
            environment,
            channel,
            minute=minute,
            actors=["ann"],
            recipient_run_id=await make.run(environment, data={"n": minute}),
            content={
                "blocks": [
                    {"name": "body", "type": "markdown", "content": "Hi", "rendered": "<p>Hi</p>"}
                ]
            },
        )
        for minute in range(3)
    ]
    page = await knock.users.feeds.list_items(
        "ellie", str(channel), page_size=2, status="unread", archived="exclude"
    )
    assert [item.id async for item in page] == ids[::-1]
    settings = await knock.users.feeds.get_settings("ellie", str(channel))
    assert settings.features.branding_required is False


async def test_recipient_runs(knock: AsyncKnock, make: Builder, environment: Environment) -> None:
    """Runs and their events fit the client's types."""
    run_id = await make.run(environment, actor_id="ann", tenant_id="acme")
    await make.insert(
        "recipient_run_events",
        recipient_run_id=run_id,
        position=0,
        event="run_started",
        status="ok",
        attempt=1,
        data=Jsonb({}),
        inserted_at=T0,
    )
    listed = await knock.workflow_recipient_runs.list(
        recipient="ellie", status=["completed"], has_errors=False
    )
    assert [run.id async for run in listed] == [run_id]
    run = await knock.workflow_recipient_runs.get(run_id)
    assert [event.event for event in run.events] == ["run_started"]


async def test_errors_are_those_of_the_client(
    knock: AsyncKnock, address: str, make: Builder, environment: Environment
) -> None:
    """Refusals arrive as the client's own exceptions, with code and fields."""
    await make.workflow(environment, "welcome")
    with pytest.raises(knockapi.UnprocessableEntityError) as caught:
        await knock.workflows.trigger("welcome", recipients=[])
    body = caught.value.body
    assert isinstance(body, dict)
    assert body["errors"][0]["field"] == "recipients"
    with pytest.raises(knockapi.NotFoundError):
        await knock.workflows.trigger("unknown", recipients=["ellie"])
    async with AsyncKnock(api_key=environment.public_key, base_url=address) as public:
        with pytest.raises(knockapi.AuthenticationError):
            await public.workflows.trigger("welcome", recipients=["ellie"])
    with pytest.raises(knockapi.NotFoundError):
        await knock.messages.get(str(uuid4()))


async def test_objects_as_recipients_and_actors(
    knock: AsyncKnock, make: Builder, environment: Environment, engine: Engine
) -> None:
    """An object reaches who follows it; objects and tenants are recipients and actors of runs."""
    await make.workflow(environment, "welcome")
    project, team = ({"collection": "projects", "id": "p"}, {"collection": "teams", "id": "t"})
    acme = {"collection": "$tenants", "id": "acme"}
    await knock.objects.set("projects", "p", name="One")
    await knock.objects.add_subscriptions(
        "projects", "p", recipients=[{"id": "ellie"}, {**team, "name": "Core"}]
    )
    await knock.tenants.set("acme", name="ACME")
    answer = await knock.workflows.trigger(
        "welcome", recipients=[project, acme], actor=team, tenant="acme", cancellation_key="ck"
    )
    assert await expand(engine, environment.id, UUID(answer.workflow_run_id))
    listed = (await knock.workflow_recipient_runs.list(workflow="welcome")).items
    names = {
        run.recipient if isinstance(run.recipient, str) else run.recipient.id for run in listed
    }
    assert names == {"ellie", "p", "acme"}
    for ref in (project, acme):
        (found,) = (await knock.workflow_recipient_runs.list(recipient=ref)).items
        assert (found.recipient.id, found.recipient.collection) == (ref["id"], ref["collection"])
        assert (found.actor.id, found.actor.collection) == ("t", "teams")
    await knock.workflows.cancel("welcome", cancellation_key="ck", recipients=[project, "ellie"])
    ended = (await knock.workflow_recipient_runs.list(status=["cancelled"])).items
    assert len(ended) == 2
