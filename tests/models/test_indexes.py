"""Statements that look for rows find them by an index, however many others there are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from domain.audiences.members import Membership
from domain.bulk.messages import BulkMessagesIn
from domain.deliveries.claims import RetryFilter
from domain.events.outbox import OutboxRow
from domain.messages.statuses import DeliveryStatus
from domain.realtime.news import FeedTopic
from domain.recipients.refs import RecipientRef
from domain.runs.rows import Place
from domain.triggers.expansions import Expansion, Followed
from domain.waits.rows import NewWait
from models.queries.account import removal
from models.queries.audiences import builds, members
from models.queries.batches import membership, windows
from models.queries.broadcasts import broadcasts
from models.queries.bulk import messages as bulk_messages
from models.queries.bulk.actors import move_acts
from models.queries.bulk.departures import delete_recipients, delete_some
from models.queries.bulk.merging import move_some
from models.queries.content import changes as content_changes
from models.queries.deliveries import deliveries
from models.queries.realtime.news import new_items
from models.queries.recipients import subscriptions
from models.queries.recipients.recipients import hold_users_after
from models.queries.runs import open_runs, rehearsals
from models.queries.schedules import clocks
from models.queries.triggers import (
    addressees,
    cancellations,
    expansions,
    operator_cancels,
    releases,
)
from models.queries.waits import waits
from models.queries.waits.candidates import candidates
from models.queries.webhooks import deliveries as webhook_deliveries
from runtime.database import Connection
from tests.support.builders import T0
from tests.support.crowd import CHANNEL, ELLIE, TOPIC, Query, plans_of, read_whole


def _new_items(connection: Connection, environment: UUID) -> Awaitable[Any]:
    topics = [FeedTopic(environment, CHANNEL, f"user-{number}") for number in range(20)]
    return new_items(connection, [(topic, T0) for topic in topics], limit=20)


def _followed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return subscriptions.newest_subscriptions(
        connection, environment, ["user-7"], limit=25, room=1_000_000
    )


def _unsubscribed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return subscriptions.delete_subscriptions(connection, environment, TOPIC, [ELLIE])


def _audiences(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return members.audiences_of(connection, environment, Membership("user-7"))


def _some_members(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return members.members_among(connection, environment, ["audience-7"], ["user-7"])


def _left(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return members.remove_members(connection, environment, "audience-7", [Membership("user-7")])


def _next_build(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return builds.take_build(connection, T0)


def _next_users(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return hold_users_after(connection, environment, "r-7", limit=100)


def _cancel(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return cancellations.cancel_runs(
        connection,
        environment,
        branch_id=None,
        cancellation_id=uuid4(),
        workflow_key="workflow-7",
        cancellation_key="order-1",
        recipients=None,
        now=datetime.now(T0.tzinfo),
        release_within=timedelta(seconds=15),
    )


def _expansion(environment: UUID) -> Expansion:
    return Expansion(
        workflow_run_id=uuid4(),
        environment_id=environment,
        branch_id=None,
        workflow_key="workflow-7",
        version_id=uuid4(),
        tenant_id=None,
        actor_collection=None,
        actor_id=None,
        source={"type": "api"},
        settings={},
        depth=1,
        after_collection="",
        after_id="",
        cancellation_ids=[],
    )


def _followers(connection: Connection, environment: UUID) -> Awaitable[Any]:
    expansion = _expansion(environment)
    topics = [Followed(uuid4(), uuid4(), "topics", f"topic-{n}") for n in (7, 8)]
    return expansions.next_followers(connection, expansion, topics, limit=1000)


def _changed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    """Compare a commit with the one before it; its id is that of the statement that made it."""
    commit_id = UUID(hashlib.md5(b"c29000", usedforsecurity=False).hexdigest())
    return content_changes.get_commit_beside(connection, commit_id)


def _some_runs(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return removal.end_some_runs(connection, environment, limit=500, now=T0)


def _some_messages(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return removal.delete_some_messages(connection, environment, limit=500)


def _newest_runs(workflow_key: str | None) -> Query:
    return lambda connection, environment: rehearsals.newest_runs(
        connection, environment, workflow_key, 20
    )


def _startable(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return open_runs.startable_runs(connection, uuid4())


def _batch(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return membership.lock_open_batch(connection, environment, b"identity")


def _passed(user_id: str | None, **wanted: Any) -> Query:
    async def query(connection: Connection, environment: UUID) -> Any:
        return await bulk_messages.pass_messages(
            connection,
            environment,
            CHANNEL,
            BulkMessagesIn(**wanted).filters(),
            user_id=user_id,
            snapshot="1:1:",
            after=(datetime.now(T0.tzinfo), uuid4()),
            limit=500,
            shown_by=T0,
        )

    return query


def _overdue_batches(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return windows.overdue_batches(connection, T0, limit=100)


def _closed_batches(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return windows.closed_batches(connection, T0, limit=100)


def _overdue_broadcasts(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return broadcasts.overdue_broadcasts(connection, T0, limit=100)


def _addressees(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return addressees.next_addressees(connection, _expansion(environment), limit=1000)


def _due(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return clocks.due_schedules(connection, clock=1, clocks=4, now=T0, limit=100)


def _next_due(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return clocks.next_due(connection, clock=1, clocks=4)


def _overdue_clocks(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return clocks.overdue_clocks(connection, clocks=4, before=T0)


def _unwatched(connection: Connection, environment: UUID) -> Awaitable[Any]:
    now = datetime.now(T0.tzinfo)
    earliest = [(1, now + timedelta(days=1))]
    return clocks.unwatched(
        connection, environment, earliest, own=[uuid4()], clocks=4, soon=now + timedelta(minutes=1)
    )


def _waiting(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return open_runs.waiting_runs(connection, Place(), limit=200)


def _failed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    wanted = RetryFilter(statuses=(DeliveryStatus.UNDELIVERED,), workflow="workflow-7")
    return deliveries.retriable_messages(connection, environment, wanted, now=T0, limit=200)


def _cancel_open(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return operator_cancels.cancel_open_runs(
        connection,
        environment,
        cancellation_id=uuid4(),
        run_id=None,
        workflow_run_id=None,
        workflow_key="workflow-7",
        tenant=None,
        recipient=None,
        now=T0,
        release_within=timedelta(seconds=15),
    )


async def _acted(connection: Connection, environment: UUID) -> None:
    given: dict[str, Any] = {"since": "2026-01-01T00:00:00Z", "limit": 100}
    under_way = {"trigger_ids": [str(uuid4())], "after": [str(uuid4()), str(uuid4())]}
    for position in ({}, under_way):
        await move_acts(connection, environment, "user-7", "user-8", **given, position=position)


def _untold(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return webhook_deliveries.take_waiting(connection, most=100)


def _stuck(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return webhook_deliveries.take_overdue(connection, grace=60.0, limit=100)


def _unconfirmed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return releases.take_unconfirmed(connection, limit=500, lease=timedelta(minutes=1))


async def _awaiting(connection: Connection, environment_id: UUID) -> object:
    row = OutboxRow(
        id=1,
        environment_id=environment_id,
        event_type="message.read",
        recipient_run_id=None,
        workflow_run_id=None,
        workflow_key="workflow-7",
        step_ref=None,
        collection=ELLIE.collection,
        recipient_id=ELLIE.id,
        tenant_id=None,
        happened_at=T0,
    )
    return await waits.awaiting(connection, [("message", "read", row)])


async def _unsettled(connection: Connection, environment_id: UUID) -> object:
    return await waits.unsettled_waits(connection, T0, limit=10)


def _candidates(event_type: str, event_key: str, source_key: str) -> Query:
    async def query(connection: Connection, environment_id: UUID) -> object:
        wait = NewWait(
            recipient_run_id=uuid4(),
            step_ref="wait_1",
            environment_id=environment_id,
            workflow_key="workflow-1",
            event_type=event_type,
            event_key=event_key,
            source_key=source_key,
            recipient_path="body.userId",
            collection=ELLIE.collection,
            recipient_id=ELLIE.id,
            registered_at=T0,
            expires_at=T0 + timedelta(days=30),
            looks_from=T0,
        )
        return await candidates(connection, wait, limit=50)

    return query


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (_awaiting, "ix_event_waits_awaited"),
        (_unsettled, "ix_event_waits_unsettled"),
        (_candidates("message", "read", "workflow-7"), "ix_messages_"),
        (_candidates("workflow", "completed", "workflow-7"), "recipient_id_collection_id"),
        (_candidates("integration_source", "event-7", "source-7"), "ix_source_events_"),
        (_newest_runs(None), "Index Scan Backward using"),
        (_newest_runs("workflow-7"), "ix_recipient_runs_environment_id_workflow_key_id"),
        (_new_items, "ix_messages_recipient_feed"),
        (_followed, "ix_subscriptions_recipient"),
        (_followers, "ix_subscriptions_object"),
        (_startable, "ix_recipient_runs_workflow_run_id_id"),
        (_unsubscribed, "pk_subscriptions"),
        (_audiences, "ix_audience_members_environment_id_user_id"),
        (_some_members, "_audience_members"),
        (_left, "ix_audience_members_environment_id_user_id"),
        (_next_build, "ix_audience_builds_due_at"),
        (_next_users, "pk_recipients"),
        (_cancel, "ix_recipient_runs_open_key"),
        (_batch, "ix_batches_open"),
        (_passed(None, tenants=["rare"]), "ix_messages_channel"),
        (_passed("user-7", trigger_data={"rare": 1}), "ix_messages_recipient"),
        (_overdue_batches, "ix_batches_closes_at"),
        (_closed_batches, "ix_batches_not_resumed"),
        (_overdue_broadcasts, "ix_broadcasts_due"),
        (_addressees, "pk_broadcast_addressees"),
        (_due, "ix_schedules_due"),
        (_next_due, "ix_schedules_due"),
        (_overdue_clocks, "ix_schedules_due"),
        (_unwatched, "ix_schedules_due"),
        (_waiting, "ix_recipient_runs_resumes_at"),
        (_failed, "ix_messages_failed"),
        (_cancel_open, "ix_recipient_runs_rare_status"),
        (_acted, "ix_workflow_runs_actor"),
        (_untold, "ix_webhook_deliveries_endpoint_id_state_inserted_at_id"),
        (_stuck, "ix_webhook_deliveries_sending"),
        (_unconfirmed, "ix_recipient_runs_workflow_run_id_id"),
        (_changed, "ix_commits_environment_id_resource_type_resource_key_id"),
    ],
)
async def test_a_statement_has_its_index(
    crowded: tuple[str, UUID], query: Query, index: str
) -> None:
    """PostgreSQL goes straight to the rows, even where only a few of them match."""
    plan = "\n".join(await plans_of(crowded, query))
    assert index in plan
    assert not read_whole(plan)


async def test_what_is_left_of_an_environment_is_found_by_indexes(
    crowded: tuple[str, UUID],
) -> None:
    """Its runs and messages are taken some at a time, without looking at all of them for it."""
    runs = (await plans_of(crowded, _some_runs))[0]
    assert "ix_recipient_runs_environment_id_workflow_key_id" in runs
    chosen = (await plans_of(crowded, _some_messages))[0]
    assert "ix_messages_newest" in chosen


async def test_a_deletion_goes_by_indexes(crowded: tuple[str, UUID]) -> None:
    """What belongs to a recipient is found without reading a large table whole."""
    url, environment = crowded
    refs = [RecipientRef("$tenants", f"r-{number}") for number in (7, 9)]
    plans = await plans_of(
        (url, environment), lambda c, e: delete_recipients(c, e, refs, limit=1_000)
    )
    scanned = {name for plan in plans for name in re.findall(r"Seq Scan on (\w+)", plan)}
    assert "webhook_events" not in scanned
    assert not scanned & {"messages", "recipient_runs", "recipients", "schedules", "subscriptions"}
    assert "audience_members" not in scanned


async def test_a_cancel_finds_batches_by_indexes(crowded: tuple[str, UUID]) -> None:
    """Open batches are found by the key of an item and by the run that waits, among many."""
    plans = "\n".join(await plans_of(crowded, _cancel))
    assert "ix_batch_items_key" in plans
    assert "ix_batches_carrier" in plans
    assert "Seq Scan on batch" not in plans


async def test_chunks_of_very_many_links_do_not_look_at_all_of_them(
    crowded: tuple[str, UUID],
) -> None:
    """A merge looks for recent ones by the index, and neither it nor a deletion sorts the rest."""
    source, since = RecipientRef.user("user-4"), datetime.now(T0.tzinfo) - timedelta(days=30)
    given: dict[str, Any] = {"since": since.isoformat(), "now": since, "limit": 100}
    moved = await plans_of(
        crowded, lambda one, at: move_some(one, at, source.id, "r-2", **given, position={})
    )
    deleted = await plans_of(crowded, lambda one, at: delete_some(one, at, [source], limit=100))
    for plans, is_bounded in ((moved, True), (deleted, False)):
        (plan,) = [plan for plan in plans if "short_links" in plan]
        found = plan.partition("CTE found")[2].partition("CTE locked")[0]
        assert "ix_short_links_recipient" in found, plan
        assert "Sort" not in found, plan
        assert ("inserted_at >= " in found) == is_bounded, plan
