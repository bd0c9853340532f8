"""Each list and each of its filters finds its rows by an index, however many others there are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from commands.embedded.postgres import EmbeddedPostgres
from domain.audiences.members import Membership
from domain.batches.rows import BatchFilters
from domain.bulk.messages import BulkMessagesIn
from domain.content.rows import CommitFilters
from domain.events.outbox import OutboxRow
from domain.kit.authored import ResourceType
from domain.kit.filters import Bounds, DataFilter
from domain.kit.pages import PageRequest
from domain.messages.claims import RetryFilter
from domain.messages.filters import Archived, FeedFilters, MessageFilters
from domain.messages.statuses import DeliveryStatus
from domain.realtime.news import FeedTopic
from domain.recipients.recipients import TenantFilters
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import Side
from domain.runs.filters import RunFilters
from domain.runs.rows import Place
from domain.runs.waiting import WaitingFilters
from domain.schedules.filters import RecipientScheduleFilters, ScheduleFilters
from domain.sources.rows import LogFilters
from domain.triggers.expansions import Expansion, Followed
from domain.waits.rows import NewWait
from domain.webhooks.deliveries import DeliveryFilters, DeliveryState
from models.queries.account import removal
from models.queries.audiences import builds, members
from models.queries.batches import items, membership, operating, windows
from models.queries.broadcasts import broadcasts
from models.queries.bulk import messages as bulk_messages
from models.queries.bulk.departures import delete_recipients, delete_some
from models.queries.bulk.merging import move_some
from models.queries.content import changes as content_changes
from models.queries.content import commits as content_commits
from models.queries.deliveries import deliveries
from models.queries.in_app import feeds
from models.queries.messages import messages
from models.queries.realtime.news import new_items
from models.queries.recipients import lists as recipient_lists
from models.queries.recipients import subscriptions
from models.queries.recipients.recipients import hold_users_after
from models.queries.runs import open_runs, rehearsals, runs, waiting
from models.queries.schedules import clocks, schedules
from models.queries.sources import events as source_events
from models.queries.triggers import addressees, cancellations, expansions, releases
from models.queries.waits import waits
from models.queries.waits.candidates import candidates
from models.queries.webhooks import deliveries as webhook_deliveries
from models.queries.webhooks import log as webhook_log
from runtime.database import Connection
from tests.support.builders import T0
from tests.support.explained import explaining
from tests.support.postgres import new_database

ELLIE = RecipientRef.user("user-7")
TOPIC = RecipientRef("topics", "topic-7")
CHANNEL = UUID("018f0000-0000-7000-8000-000000000007")
# As the statement that makes it names it.
ENDPOINT = UUID(hashlib.md5(b"h7", usedforsecurity=False).hexdigest())
PAGE = PageRequest(50)
Query = Callable[[Connection, UUID], Awaitable[Any]]

_FILL = Path(__file__).with_name("crowd.sql").read_text()


@pytest.fixture(scope="module")
def crowded(postgres: EmbeddedPostgres) -> tuple[str, UUID]:
    """Make a database with one environment that holds tens of thousands of everything."""
    url, environment = new_database(postgres), uuid4()
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        for statement in _FILL.split(";"):
            connection.execute(statement, {"environment": environment})
    return url, environment


def _messages(**wanted: Any) -> Query:
    return lambda connection, environment: messages.list_messages(
        connection, environment, MessageFilters(**wanted), PAGE
    )


def _runs(**wanted: Any) -> Query:
    return lambda connection, environment: runs.list_runs(
        connection, environment, RunFilters(**wanted), PAGE
    )


def _new_items(connection: Connection, environment: UUID) -> Awaitable[Any]:
    topics = [FeedTopic(environment, CHANNEL, f"user-{number}") for number in range(20)]
    return new_items(connection, [(topic, T0) for topic in topics], limit=20)


def _feed(**wanted: Any) -> Query:
    return lambda connection, environment: feeds.list_items(
        connection, environment, CHANNEL, ELLIE, filters=FeedFilters(**wanted), request=PAGE
    )


def _badge(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return feeds.count_items(connection, environment, CHANNEL, ELLIE, FeedFilters())


def _tenants(name: str | None) -> Query:
    return lambda connection, environment: recipient_lists.list_tenants(
        connection, environment, TenantFilters(name=name), PAGE
    )


def _subscriptions(side: Side, ref: RecipientRef, *others: RecipientRef) -> Query:
    return lambda connection, environment: subscriptions.list_subscriptions(
        connection, environment, side, ref, others=others or None, request=PAGE
    )


def _followed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return subscriptions.newest_subscriptions(
        connection, environment, ["user-7"], limit=25, room=1_000_000
    )


def _unsubscribed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return subscriptions.delete_subscriptions(connection, environment, TOPIC, [ELLIE])


def _members(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return members.list_members(connection, environment, "audience-7", PAGE)


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


def _commits(connection: Connection, environment: UUID) -> Awaitable[Any]:
    filters = CommitFilters([ResourceType.WORKFLOW], "workflow-7")
    return content_commits.list_commits(connection, environment, filters, PAGE)


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


def _items(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return items.page_of_items(connection, environment, uuid4(), PAGE)


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
        )

    return query


def _overdue_batches(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return windows.overdue_batches(connection, T0, limit=100)


def _closed_batches(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return windows.closed_batches(connection, T0, limit=100)


def _broadcasts(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return broadcasts.list_broadcasts(connection, environment, PAGE)


def _overdue_broadcasts(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return broadcasts.overdue_broadcasts(connection, T0, limit=100)


def _addressees(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return addressees.next_addressees(connection, _expansion(environment), limit=1000)


def _schedules(**wanted: Any) -> Query:
    filters = ScheduleFilters(workflow_key="workflow-7", **wanted)
    return lambda connection, environment: schedules.list_schedules(
        connection, environment, filters, PAGE, branch_id=None
    )


def _schedules_of(**wanted: Any) -> Query:
    filters = RecipientScheduleFilters(**wanted)
    return lambda connection, environment: schedules.list_schedules_of(
        connection, environment, ELLIE, filters, PAGE, branch_id=None
    )


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


def _paused(**wanted: Any) -> Query:
    return lambda connection, environment: waiting.list_waiting(
        connection, environment, WaitingFilters(**wanted), PAGE
    )


def _open_batches(**wanted: Any) -> Query:
    return lambda connection, environment: operating.list_open_batches(
        connection, environment, BatchFilters(**wanted), PAGE
    )


def _failed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    wanted = RetryFilter(statuses=(DeliveryStatus.UNDELIVERED,), workflow="workflow-7")
    return deliveries.retriable_messages(connection, environment, wanted, now=T0, limit=200)


def _cancel_open(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return waiting.cancel_open_runs(
        connection,
        environment,
        cancellation_id=uuid4(),
        run_id=None,
        workflow_key="workflow-7",
        tenant=None,
        recipient=None,
        now=T0,
        release_within=timedelta(seconds=15),
    )


def _told(**wanted: Any) -> Query:
    return lambda connection, environment: webhook_log.list_deliveries(
        connection, environment, ENDPOINT, DeliveryFilters(**wanted), PAGE
    )


def _untold(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return webhook_deliveries.take_waiting(connection, most=100)


def _stuck(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return webhook_deliveries.take_overdue(connection, grace=60.0, limit=100)


def _unconfirmed(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return releases.take_unconfirmed(connection, limit=500, lease=timedelta(minutes=1))


def _logs(**filters: Any) -> Query:
    async def query(connection: Connection, environment_id: UUID) -> object:
        wanted = LogFilters(**filters)
        return await source_events.list_events(connection, environment_id, "source-7", wanted, PAGE)

    return query


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
        (_logs(), "ix_source_events_newest"),
        (_logs(event="event-7"), "ix_source_events_event"),
        (_logs(id=uuid4()), "pk_source_events"),
        (_logs(starting_at=T0, ending_at=T0), "ix_source_events_newest"),
        (_logs(date="2026-01-01"), "ix_source_events_newest"),
        (_awaiting, "ix_event_waits_awaited"),
        (_unsettled, "ix_event_waits_unsettled"),
        (_candidates("message", "read", "workflow-7"), "ix_messages_"),
        (_candidates("workflow", "completed", "workflow-7"), "recipient_id_collection_id"),
        (_candidates("integration_source", "event-7", "source-7"), "ix_source_events_"),
        (_messages(), "ix_messages_newest"),
        (_messages(recipient=ELLIE), "ix_messages_recipient"),
        (_messages(tenant="tenant-9"), "ix_messages_tenant"),
        (_messages(channel_id=CHANNEL), "ix_messages_channel"),
        (_messages(source="workflow-7"), "ix_messages_workflow"),
        (_messages(status=["bounced"]), "ix_messages_failed"),
        (_messages(status=["undelivered"]), "ix_messages_failed"),
        (_messages(status=["queued", "delivery_attempted"]), "pk_messages"),
        (_messages(trigger_data=DataFilter.of_json({"order": 7})), "ix_messages_values"),
        (_messages(trigger_data=DataFilter.of_json({"order": "no"})), "ix_messages_values"),
        (_messages(workflow_categories=["legal"]), "ix_messages_values"),
        (_messages(workflow_categories=["none"]), "ix_messages_values"),
        (_messages(workflow_categories=["news"]), "ix_messages_newest"),
        (_messages(workflow_categories=["legal"], recipient=ELLIE), "ix_messages_recipient"),
        (_messages(workflow_categories=["legal"], workflow_run_id=uuid4()), "ix_messages_run"),
        (_messages(engagement_status=["seen"]), "ix_messages_seen"),
        (_messages(engagement_status=["read"]), "ix_messages_read"),
        (_messages(engagement_status=["interacted"]), "ix_messages_interacted"),
        (_messages(engagement_status=["link_clicked"]), "ix_messages_link_clicked"),
        (_messages(engagement_status=["archived"]), "ix_messages_archived"),
        (_messages(message_ids=[str(uuid4())]), "pk_messages"),
        (_messages(workflow_run_id=uuid4()), "ix_messages_run"),
        (_messages(workflow_recipient_run_id=str(uuid4())), "ix_messages_run"),
        (_messages(inserted_at=Bounds(gte=T0)), "ix_messages_newest"),
        (_runs(), "Index Scan Backward using"),
        (_runs(statuses=["paused"]), "ix_recipient_runs_rare_status"),
        (_runs(statuses=["cancelled"]), "ix_recipient_runs_rare_status"),
        (_runs(has_errors=True), "ix_recipient_runs_errors"),
        (_runs(tenant="tenant-9"), "ix_recipient_runs_tenant"),
        (_runs(workflow_key="workflow-7"), "ix_recipient_runs_environment_id_workflow_key_id"),
        (_runs(recipient=ELLIE), "recipient_id_collection_id"),
        (_newest_runs(None), "Index Scan Backward using"),
        (_newest_runs("workflow-7"), "ix_recipient_runs_environment_id_workflow_key_id"),
        (_runs(starting_at=T0, ending_at=T0), "ix_recipient_runs_environment_id_id"),
        (_runs(statuses=["queued"]), "ix_recipient_runs_workflow_run_id_id"),
        (_feed(), "Index Only Scan using ix_messages_recipient_engagement"),
        (_feed(status="unread"), "Index Only Scan using ix_messages_recipient_engagement"),
        (_feed(archived=Archived.ONLY), "Index Only Scan using ix_messages_recipient_engagement"),
        (_feed(source="workflow-7"), "ix_messages_recipient_engagement"),
        (_badge, "Index Only Scan using ix_messages_recipient_engagement"),
        (_new_items, "ix_messages_recipient_engagement"),
        (_tenants(None), "ix_recipients_environment_id_collection_inserted_at_id"),
        (_tenants("Name 7"), "ix_recipients_tenant_name"),
        (_subscriptions(Side.OBJECT, TOPIC), "ix_subscriptions_object"),
        (_subscriptions(Side.RECIPIENT, ELLIE), "ix_subscriptions_recipient"),
        (_subscriptions(Side.OBJECT, TOPIC, ELLIE), "_subscriptions"),
        (_followed, "ix_subscriptions_recipient"),
        (_followers, "ix_subscriptions_object"),
        (_startable, "ix_recipient_runs_workflow_run_id_id"),
        (_unsubscribed, "pk_subscriptions"),
        (_members, "ix_audience_members_newest"),
        (_audiences, "ix_audience_members_environment_id_user_id"),
        (_some_members, "_audience_members"),
        (_left, "ix_audience_members_environment_id_user_id"),
        (_next_build, "ix_audience_builds_due_at"),
        (_next_users, "pk_recipients"),
        (_cancel, "ix_recipient_runs_open_key"),
        (_batch, "ix_batches_open"),
        (_items, "ix_batch_items_batch_id_workflow_run_id"),
        (_passed(None, tenants=["rare"]), "ix_messages_channel"),
        (_passed("user-7", trigger_data={"rare": 1}), "ix_messages_recipient"),
        (_overdue_batches, "ix_batches_closes_at"),
        (_closed_batches, "ix_batches_not_resumed"),
        (_broadcasts, "ix_broadcasts_environment_id_inserted_at_key"),
        (_overdue_broadcasts, "ix_broadcasts_due"),
        (_addressees, "pk_broadcast_addressees"),
        (_schedules(), "ix_schedules_environment_id_workflow_key_id"),
        (_schedules(tenant="tenant-7"), "ix_schedules_tenant"),
        (_schedules(recipients=[ELLIE]), "ix_schedules_environment_id_recipient_id"),
        (_schedules_of(), "ix_schedules_environment_id_recipient_id"),
        (_schedules_of(workflow_key="workflow-7"), "ix_schedules_environment_id_"),
        (_schedules_of(tenant="tenant-7"), "ix_schedules_environment_id_recipient_id"),
        (_due, "ix_schedules_due"),
        (_next_due, "ix_schedules_due"),
        (_overdue_clocks, "ix_schedules_due"),
        (_unwatched, "ix_schedules_due"),
        (_waiting, "ix_recipient_runs_resumes_at"),
        (_paused(), "ix_recipient_runs_rare_status"),
        (_paused(recipient=ELLIE), "ix_recipient_runs"),
        (_open_batches(), "ix_batches_closes_at"),
        (_open_batches(workflow_key="workflow-7"), "ix_batches_closes_at"),
        (_failed, "ix_messages_failed"),
        (_cancel_open, "ix_recipient_runs_rare_status"),
        (_told(), "ix_webhook_deliveries_endpoint_id_"),
        (_told(state=DeliveryState.FAILED), "ix_webhook_deliveries_endpoint_id_"),
        (_told(event_type="message.sent"), "ix_webhook_deliveries_endpoint_id_"),
        (_told(inserted_at=Bounds(lt=T0)), "ix_webhook_deliveries_endpoint_id_"),
        (_untold, "ix_webhook_deliveries_endpoint_id_state_inserted_at_id"),
        (_stuck, "ix_webhook_deliveries_sending"),
        (_unconfirmed, "ix_recipient_runs_workflow_run_id_id"),
        (_changed, "ix_commits_environment_id_resource_type_resource_key_id"),
        (_commits, "ix_commits_environment_id_resource_type_resource_key_id"),
    ],
)
async def test_a_filter_has_its_index(crowded: tuple[str, UUID], query: Query, index: str) -> None:
    """PostgreSQL goes straight to the rows, even where only a few of them match."""
    plan = "\n".join(await _plans(crowded, query))
    assert index in plan
    assert "Seq Scan on messages" not in plan
    assert "Seq Scan on recipient" not in plan
    assert "Seq Scan on subscriptions" not in plan
    assert "Seq Scan on webhook_deliveries" not in plan
    assert "Seq Scan on schedules" not in plan
    assert "Seq Scan on audience" not in plan


async def test_what_is_left_of_an_environment_is_found_by_indexes(
    crowded: tuple[str, UUID],
) -> None:
    """Its runs and messages are taken some at a time, without looking at all of them for it."""
    runs = (await _plans(crowded, _some_runs))[0]
    assert "ix_recipient_runs_environment_id_workflow_key_id" in runs
    chosen = (await _plans(crowded, _some_messages))[0]
    assert "ix_messages_newest" in chosen


async def test_a_deletion_goes_by_indexes(crowded: tuple[str, UUID]) -> None:
    """What belongs to a recipient is found without reading a large table whole."""
    url, environment = crowded
    refs = [RecipientRef("$tenants", f"r-{number}") for number in (7, 9)]
    plans = await _plans(
        (url, environment), lambda c, e: delete_recipients(c, e, refs, limit=1_000)
    )
    scanned = {name for plan in plans for name in re.findall(r"Seq Scan on (\w+)", plan)}
    assert "webhook_events" not in scanned
    assert not scanned & {"messages", "recipient_runs", "recipients", "schedules", "subscriptions"}
    assert "audience_members" not in scanned


async def test_a_cancel_finds_batches_by_indexes(crowded: tuple[str, UUID]) -> None:
    """Open batches are found by the key of an item and by the run that waits, among many."""
    plans = "\n".join(await _plans(crowded, _cancel))
    assert "ix_batch_items_key" in plans
    assert "ix_batches_carrier" in plans
    assert "Seq Scan on batch" not in plans


async def test_a_range_of_time_ends_the_search(crowded: tuple[str, UUID]) -> None:
    """The time in a run's id bounds the part of the index that a limit of time looks at."""
    plan = (await _plans(crowded, _runs(starting_at=T0, ending_at=T0)))[0]
    condition = next(line for line in plan.splitlines() if "Index Cond" in line)
    assert condition.count("id >= ") == 1
    assert condition.count("id <= ") == 1


async def test_chunks_of_very_many_links_do_not_look_at_all_of_them(
    crowded: tuple[str, UUID],
) -> None:
    """A merge looks for recent ones by the index, and neither it nor a deletion sorts the rest."""
    source, since = RecipientRef.user("user-4"), datetime.now(T0.tzinfo) - timedelta(days=30)
    given: dict[str, Any] = {"since": since.isoformat(), "now": since, "limit": 100}
    moved = await _plans(crowded, lambda one, at: move_some(one, at, source.id, "r-2", **given))
    deleted = await _plans(crowded, lambda one, at: delete_some(one, at, [source], limit=100))
    for plans, is_bounded in ((moved, True), (deleted, False)):
        (plan,) = [plan for plan in plans if "short_links" in plan]
        found = plan.partition("CTE found")[2].partition("CTE locked")[0]
        assert "ix_short_links_recipient" in found, plan
        assert "Sort" not in found, plan
        assert ("inserted_at >= " in found) == is_bounded, plan


async def _plans(crowded: tuple[str, UUID], query: Query) -> list[str]:
    url, environment = crowded
    plans: list[str] = []
    connection = await psycopg.AsyncConnection.connect(
        url, row_factory=dict_row, cursor_factory=explaining(plans)
    )
    async with connection:
        await query(connection, environment)
        await connection.rollback()
    return plans
