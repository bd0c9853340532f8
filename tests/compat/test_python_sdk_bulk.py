"""Bulk operations through Knock's official Python SDK."""

from __future__ import annotations

from uuid import UUID

from knockapi import AsyncKnock

from services.engine import Engine
from tests.support.builders import Builder, Environment
from tests.support.bulk import finish


async def test_users_are_identified_in_bulk(knock: AsyncKnock) -> None:
    """The SDK asks, follows the progress, and reads what has failed."""
    operation = await knock.users.bulk.identify(
        users=[{"id": "ellie", "name": "Ellie"}, {"id": "a/b"}]
    )
    assert operation.progress_path is not None
    assert operation.progress_path.endswith(f"/v1/bulk_operations/{operation.id}")
    done = await knock.bulk_operations.get(operation.id)
    assert (done.status, done.success_count, done.error_count) == ("completed", 1, 1)
    assert [(one.id, one.collection) for one in done.error_items or []] == [("a/b", None)]
    assert (await knock.users.get("ellie")).name == "Ellie"


async def test_objects_and_tenants_are_set_in_bulk(knock: AsyncKnock) -> None:
    """Objects have their collection from the path, tenants may be bare ids."""
    objects = await knock.objects.bulk.set("projects", objects=[{"id": "one"}])
    tenants = await knock.tenants.bulk.set(tenants=["acme", {"id": "globex", "name": "Globex"}])
    assert objects.status == tenants.status == "completed"
    assert (await knock.objects.get("projects", "one")).id == "one"
    assert (await knock.tenants.get("globex")).name == "Globex"
    assert (await knock.bulk_operations.get(tenants.id)).success_count == 2


async def test_messages_are_marked_in_bulk(
    knock: AsyncKnock, engine: Engine, environment: Environment, make: Builder, channel: UUID
) -> None:
    """Every filter of the SDK is understood."""
    message = await make.message(environment, channel, tenant_id="acme", data={"n": 1})
    operation = await knock.channels.bulk.update_message_status(
        channel_id=str(channel),
        action="archived",
        archived="exclude",
        delivery_status="delivered",
        engagement_status="unseen",
        has_tenant=True,
        newer_than="2020-01-01T00:00:00Z",
        older_than="2040-01-01T00:00:00Z",
        recipient_ids=["ellie"],
        tenants=["acme"],
        trigger_data='{"n":1}',
        workflows=["welcome"],
    )
    assert operation.estimated_total_rows == 1
    await finish(engine, environment, operation.id)
    assert (await knock.messages.get(message)).archived_at is not None


async def test_recipients_are_deleted_in_bulk(
    knock: AsyncKnock, engine: Engine, environment: Environment, make: Builder
) -> None:
    """Users and objects by body, tenants by query, as the SDK sends them."""
    await make.user(environment, "ellie")
    await make.recipient(environment, "projects", "one")
    await make.recipient(environment, "$tenants", "acme")
    for operation in (
        await knock.users.bulk.delete(user_ids=["ellie"]),
        await knock.objects.bulk.delete("projects", object_ids=["one"]),
        await knock.tenants.bulk.delete(tenant_ids=["acme"]),
    ):
        await finish(engine, environment, operation.id)
        done = await knock.bulk_operations.get(operation.id)
        assert (done.status, done.success_count) == ("completed", 1)
    assert [user async for user in knock.users.list()] == []
    assert [tenant async for tenant in knock.tenants.list()] == []


async def test_schedules_are_made_in_bulk(
    knock: AsyncKnock, engine: Engine, environment: Environment, make: Builder
) -> None:
    """The SDK names workflow and recipient of each; one without a recipient fails alone."""
    await make.workflow(environment, "digest")
    operation = await knock.schedules.bulk.create(
        schedules=[
            {
                "workflow": "digest",
                "recipient": {"id": "ellie", "name": "Ellie"},
                "repeats": [{"frequency": "weekly", "days": ["mon"], "hours": 9}],
                "data": {"n": 1},
                "tenant": "acme",
                "ending_at": "2100-01-01T00:00:00Z",
            },
            {"workflow": "digest"},
        ]
    )
    await finish(engine, environment, operation.id)
    done = await knock.bulk_operations.get(operation.id)
    assert (done.status, done.success_count, done.error_count) == ("completed", 1, 1)
    made = [one async for one in knock.schedules.list(workflow="digest")]
    assert [(one.recipient.id, one.data, one.tenant) for one in made] == [
        ("ellie", {"n": 1}, "acme")
    ]


async def test_preferences_are_set_in_bulk(
    knock: AsyncKnock, engine: Engine, environment: Environment
) -> None:
    """The SDK gives one set for many users."""
    operation = await knock.users.bulk.set_preferences(
        preferences={"id": "default", "channel_types": {"email": False}},
        user_ids=["ellie", "ian"],
    )
    await finish(engine, environment, operation.id)
    assert (await knock.bulk_operations.get(operation.id)).success_count == 2
    found = await knock.users.get_preferences("ian", "default")
    assert found.channel_types is not None
    assert found.channel_types.email is False


async def test_users_are_merged(knock: AsyncKnock, environment: Environment, make: Builder) -> None:
    """The SDK gets the user that stays."""
    await make.user(environment, "ellie", name="Ellie")
    await make.user(environment, "old", phone_number="+1")
    merged = await knock.users.merge("ellie", from_user_id="old")
    assert (merged.id, merged.name, merged.phone_number) == ("ellie", "Ellie", "+1")


async def test_subscriptions_are_added_and_ended_in_bulk(
    knock: AsyncKnock, engine: Engine, environment: Environment, make: Builder
) -> None:
    """The SDK names objects with their followers, and gets what failed."""
    await make.recipient(environment, "projects", "one")
    added = await knock.objects.bulk.add_subscriptions(
        "projects",
        subscriptions=[
            {"id": "one", "recipients": [{"id": "ellie"}], "properties": {"role": "lead"}}
        ],
    )
    await finish(engine, environment, added.id)
    found = [one async for one in knock.objects.list_subscriptions("projects", "one")]
    assert [one.properties for one in found] == [{"role": "lead"}]
    ended = await knock.objects.bulk.delete_subscriptions(
        "projects", subscriptions=[{"id": "one", "recipients": ["ellie", {}]}]
    )
    await finish(engine, environment, ended.id)
    done = await knock.bulk_operations.get(ended.id)
    assert [one.id for one in done.error_items or []] == ["one"]
    assert [one async for one in knock.objects.list_subscriptions("projects", "one")] == []
