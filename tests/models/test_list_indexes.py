"""Each list and each of its filters finds its rows by an index, however many others there are."""

from __future__ import annotations

import re
from collections.abc import Awaitable
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.rows import dict_row

from domain.batches.rows import BatchFilters
from domain.content.rows import CommitFilters
from domain.kit.authored import ResourceType
from domain.kit.filters import Bounds, DataFilter
from domain.messages.filters import Archived, FeedFilters, MessageFilters
from domain.recipients.recipients import TenantFilters
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import Side
from domain.runs.filters import RunFilters
from domain.runs.waiting import WaitingFilters
from domain.schedules.filters import RecipientScheduleFilters, ScheduleFilters
from domain.sources.rows import LogFilters
from domain.webhooks.deliveries import DeliveryFilters, DeliveryState
from models.queries.audiences import members
from models.queries.batches import items, operating
from models.queries.broadcasts import broadcasts
from models.queries.content import commits as content_commits
from models.queries.in_app import feeds
from models.queries.messages import messages
from models.queries.recipients import lists as recipient_lists
from models.queries.recipients import subscriptions
from models.queries.runs import runs, waiting
from models.queries.schedules import schedules
from models.queries.sources import events as source_events
from models.queries.webhooks import log as webhook_log
from runtime.database import Connection
from tests.support.builders import T0
from tests.support.crowd import CHANNEL, ELLIE, ENDPOINT, PAGE, TOPIC, Query, plans_of, read_whole


def _messages(**wanted: Any) -> Query:
    return lambda connection, environment: messages.list_messages(
        connection, environment, MessageFilters(**wanted), PAGE
    )


def _runs(**wanted: Any) -> Query:
    return lambda connection, environment: runs.list_runs(
        connection, environment, RunFilters(**wanted), PAGE
    )


def _feed(**wanted: Any) -> Query:
    return lambda connection, environment: feeds.list_items(
        connection, environment, CHANNEL, ELLIE, filters=FeedFilters(**wanted), request=PAGE
    )


def _counts(**wanted: Any) -> Query:
    return lambda connection, environment: feeds.count_items(
        connection, environment, CHANNEL, ELLIE, FeedFilters(**wanted)
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


def _members(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return members.list_members(connection, environment, "audience-7", PAGE)


def _commits(connection: Connection, environment: UUID) -> Awaitable[Any]:
    filters = CommitFilters([ResourceType.WORKFLOW], "workflow-7")
    return content_commits.list_commits(connection, environment, filters, PAGE)


def _items(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return items.page_of_items(connection, environment, uuid4(), PAGE)


def _broadcasts(connection: Connection, environment: UUID) -> Awaitable[Any]:
    return broadcasts.list_broadcasts(connection, environment, PAGE)


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


def _paused(**wanted: Any) -> Query:
    return lambda connection, environment: waiting.list_waiting(
        connection, environment, WaitingFilters(**wanted), PAGE
    )


def _open_batches(**wanted: Any) -> Query:
    return lambda connection, environment: operating.list_open_batches(
        connection, environment, BatchFilters(**wanted), PAGE
    )


def _told(**wanted: Any) -> Query:
    return lambda connection, environment: webhook_log.list_deliveries(
        connection, environment, ENDPOINT, DeliveryFilters(**wanted), PAGE
    )


def _logs(**filters: Any) -> Query:
    async def query(connection: Connection, environment_id: UUID) -> object:
        wanted = LogFilters(**filters)
        return await source_events.list_events(connection, environment_id, "source-7", wanted, PAGE)

    return query


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (_logs(), "ix_source_events_newest"),
        (_logs(event="event-7"), "ix_source_events_event"),
        (_logs(id=uuid4()), "pk_source_events"),
        (_logs(starting_at=T0, ending_at=T0), "ix_source_events_newest"),
        (_logs(date="2026-01-01"), "ix_source_events_newest"),
        (_messages(), "ix_messages_newest"),
        (_messages(recipient=ELLIE), "ix_messages_recipient"),
        (_messages(tenant="tenant-9"), "ix_messages_tenant"),
        (_messages(channel_id=CHANNEL), "ix_messages_channel"),
        (_messages(source="workflow-7"), "ix_messages_workflow"),
        (_messages(status=["bounced"]), "ix_messages_failed"),
        (_messages(status=["undelivered"]), "ix_messages_failed"),
        (_messages(status=["queued", "delivery_attempted"]), "pk_messages"),
        (_messages(status=["queued", "bounced"]), "ix_messages_failed"),
        (_messages(engagement_status=["seen", "link_clicked"]), "ix_messages_link_clicked"),
        (_messages(trigger_data=DataFilter.of_json({"order": 7})), "ix_messages_values"),
        (_messages(trigger_data=DataFilter.of_json({"order": "no"})), "ix_messages_values"),
        (_messages(workflow_categories=["legal"]), "ix_messages_values"),
        (_messages(workflow_categories=["none"]), "ix_messages_values"),
        (_messages(workflow_categories=["news"]), "ix_messages_newest"),
        (_messages(workflow_categories=["legal"], recipient=ELLIE), "ix_messages_recipient"),
        (_messages(status=["bounced"], recipient=ELLIE), "ix_messages_"),
        (_messages(engagement_status=["link_clicked"], recipient=ELLIE), "ix_messages_"),
        (_messages(tenant="tenant-9", recipient=ELLIE), "ix_messages_"),
        (_messages(source="workflow-7", recipient=ELLIE), "ix_messages_"),
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
        (_messages(inserted_at=Bounds(gt=T0, lte=T0)), "ix_messages_newest"),
        (_runs(), "Index Scan Backward using"),
        (_runs(statuses=["paused"]), "ix_recipient_runs_rare_status"),
        (_runs(statuses=["cancelled"]), "ix_recipient_runs_rare_status"),
        (_runs(statuses=["queued", "paused"]), "ix_recipient_runs_rare_status"),
        (_runs(has_errors=True), "ix_recipient_runs_errors"),
        (_runs(tenant="tenant-9"), "ix_recipient_runs_tenant"),
        (_runs(workflow_key="workflow-7"), "ix_recipient_runs_environment_id_workflow_key_id"),
        (_runs(recipient=ELLIE), "recipient_id_collection_id"),
        (_runs(starting_at=T0, ending_at=T0), "ix_recipient_runs_environment_id_id"),
        (_runs(statuses=["queued"]), "ix_recipient_runs_workflow_run_id_id"),
        (_feed(), "Index Only Scan using ix_messages_recipient_feed"),
        (_feed(status="unread"), "Index Only Scan using ix_messages_recipient_feed"),
        (_feed(archived=Archived.ONLY), "Index Only Scan using ix_messages_recipient_feed"),
        (_feed(source="workflow-7"), "Index Only Scan using ix_messages_recipient_feed"),
        (_feed(status="unseen", archived=Archived.INCLUDE), "ix_messages_recipient_feed"),
        (_feed(tenant="tenant-9"), "Index Only Scan using ix_messages_recipient_feed"),
        (_feed(has_tenant=True), "Index Only Scan using ix_messages_recipient_feed"),
        (_feed(has_tenant=False), "Index Only Scan using ix_messages_recipient_feed"),
        (_feed(inserted_at=Bounds(lt=T0)), "ix_messages_recipient_feed"),
        (_feed(trigger_data=DataFilter.of_json({"order": 7})), "ix_messages_"),
        (_feed(workflow_categories=["legal"]), "ix_messages_"),
        (_counts(trigger_data=DataFilter.of_json({"order": 7})), "ix_messages_"),
        (_counts(source="workflow-7"), "Index Only Scan using ix_messages_recipient_feed"),
        (_counts(workflow_categories=["news"]), "Index Only Scan using ix_messages_recipient_feed"),
        (_badge, "Index Only Scan using ix_messages_recipient_feed"),
        (_tenants(None), "ix_recipients_environment_id_collection_inserted_at_id"),
        (_tenants("Name 7"), "ix_recipients_tenant_name"),
        (_subscriptions(Side.OBJECT, TOPIC), "ix_subscriptions_object"),
        (_subscriptions(Side.RECIPIENT, ELLIE), "ix_subscriptions_recipient"),
        (_subscriptions(Side.OBJECT, TOPIC, ELLIE), "_subscriptions"),
        (_subscriptions(Side.RECIPIENT, ELLIE, TOPIC), "_subscriptions"),
        (
            _subscriptions(Side.RECIPIENT, TOPIC, RecipientRef("topics", "topic-8")),
            "_subscriptions",
        ),
        (_members, "ix_audience_members_newest"),
        (_items, "ix_batch_items_batch_id_workflow_run_id"),
        (_broadcasts, "ix_broadcasts_environment_id_inserted_at_key"),
        (_schedules(), "ix_schedules_environment_id_workflow_key_id"),
        (_schedules(tenant="tenant-7"), "ix_schedules_tenant"),
        (_schedules(recipients=[ELLIE]), "ix_schedules_environment_id_recipient_id"),
        (_schedules_of(), "ix_schedules_environment_id_recipient_id"),
        (_schedules_of(workflow_key="workflow-7"), "ix_schedules_environment_id_"),
        (_schedules_of(tenant="tenant-7"), "ix_schedules_environment_id_recipient_id"),
        (_paused(), "ix_recipient_runs_rare_status"),
        (_paused(recipient=ELLIE), "ix_recipient_runs"),
        (_open_batches(), "ix_batches_closes_at"),
        (_open_batches(workflow_key="workflow-7"), "ix_batches_closes_at"),
        (_told(), "ix_webhook_deliveries_endpoint_id_"),
        (_told(state=DeliveryState.FAILED), "ix_webhook_deliveries_endpoint_id_"),
        (_told(event_type="message.sent"), "ix_webhook_deliveries_endpoint_id_"),
        (_told(inserted_at=Bounds(lt=T0)), "ix_webhook_deliveries_endpoint_id_"),
        (_commits, "ix_commits_environment_id_resource_type_resource_key_id"),
    ],
)
async def test_a_filter_has_its_index(crowded: tuple[str, UUID], query: Query, index: str) -> None:
    """PostgreSQL goes straight to the rows, even where only a few of them match."""
    plan = "\n".join(await plans_of(crowded, query))
    assert index in plan
    assert not read_whole(plan)


async def test_a_range_of_time_ends_the_search(crowded: tuple[str, UUID]) -> None:
    """The time in a run's id bounds the part of the index that a limit of time looks at."""
    plan = (await plans_of(crowded, _runs(starting_at=T0, ending_at=T0)))[0]
    condition = next(line for line in plan.splitlines() if "Index Cond" in line)
    assert condition.count("id >= ") == 1
    assert condition.count("id <= ") == 1


@pytest.mark.parametrize(
    "query",
    [
        _messages(trigger_data=DataFilter.of_json({"order": "no"})),
        _messages(workflow_categories=["none"]),
        _feed(workflow_categories=["none"]),
        _counts(trigger_data=DataFilter.of_json({"order": "no"})),
    ],
)
async def test_a_list_is_planned_for_what_it_is_asked(
    crowded: tuple[str, UUID], query: Query
) -> None:
    """A filter that few rows fulfil goes by their index the twentieth time too.

    Of a statement that psycopg has prepared, PostgreSQL soon keeps a plan for whatever comes.
    """
    url, environment = crowded
    async with await psycopg.AsyncConnection.connect(
        url, row_factory=dict_row, autocommit=True
    ) as connection:
        for _ in range(20):
            await query(connection, environment)
        kept = await connection.execute(
            "SELECT statement FROM pg_prepared_statements WHERE generic_plans > 0"
        )
        assert await kept.fetchall() == []


async def test_alternatives_are_found_one_by_one(crowded: tuple[str, UUID]) -> None:
    """Of each status a page is read at most, in the order of its index, and only that is sorted."""
    (plan,) = await plans_of(crowded, _messages(status=["bounced", "undelivered"]))
    assert len(re.findall(r"Index (?:Only )?Scan using ix_messages_failed", plan)) == 2
    (plan,) = await plans_of(crowded, _runs(statuses=["paused", "cancelled"]))
    assert len(re.findall(r"Index (?:Only )?Scan.* using ix_recipient_runs_rare_status", plan)) == 2


async def test_the_events_that_a_source_knows_are_gone_through_by_name(
    crowded: tuple[str, UUID],
) -> None:
    """Each name is looked up once, and all events of one are passed over."""
    (plan,) = await plans_of(
        crowded, lambda one, at: source_events.known_events(one, at, "source-7")
    )
    # PostgreSQL does not show how it goes from one name to the next.
    assert plan.count("Index Only Scan using ix_source_events_event") == 2
    assert "Aggregate" not in plan
    assert "Seq Scan" not in plan
