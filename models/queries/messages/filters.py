"""Turns filters of messages and feeds into SQL conditions over table `messages AS m`."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.filters import DataFilter
from domain.messages.filters import Archived, FeedFilter, MessageFilter
from domain.messages.statuses import ENGAGEMENT_COLUMNS, FAILED_DELIVERY, EngagementStatus
from domain.recipients.refs import RecipientRef
from models.sql import Where

_ENGAGED = {
    status.value: f"m.{column} IS NOT NULL" for status, column in ENGAGEMENT_COLUMNS.items()
}
_ENGAGED |= {
    f"un{status}": f"m.{ENGAGEMENT_COLUMNS[status]} IS NULL"
    for status in (EngagementStatus.SEEN, EngagementStatus.READ, EngagementStatus.ARCHIVED)
}
_ARCHIVED = {
    Archived.EXCLUDE: "m.archived_at IS NULL",
    Archived.ONLY: "m.archived_at IS NOT NULL",
}


def message_conditions(environment_id: UUID, wanted: MessageFilter) -> Where:
    """Return the conditions of a list of messages."""
    where = Where()
    where.add("m.environment_id = %s", environment_id)
    where.recipient(wanted.recipient)
    where.add_given("m.tenant_id = %s", wanted.tenant)
    where.add_given("m.channel_id = %s", wanted.channel_id)
    if wanted.statuses is not None:
        # Failures are few, and have an index of their own.
        column = "failed_status" if set(FAILED_DELIVERY).issuperset(wanted.statuses) else None
        where.add(f"m.{column or 'delivery_status'} = ANY(%s)", wanted.statuses)
    if wanted.engagement is not None:
        engaged = " OR ".join(_ENGAGED[status] for status in wanted.engagement)
        where.add(f"({engaged})")
    where.add_given("m.id = ANY(%s)", wanted.message_ids)
    where.add_given("m.workflow_run_id = %s", wanted.workflow_run_id)
    if wanted.recipient_run_id is not None:
        # The index of a message's run begins with the trigger, which the run's row knows.
        where.add(
            "m.workflow_run_id = (SELECT workflow_run_id FROM recipient_runs WHERE id = %s)"
            " AND m.recipient_run_id = %s",
            wanted.recipient_run_id,
            wanted.recipient_run_id,
        )
    _add_content(where, wanted.source, wanted.categories, wanted.trigger_data)
    where.bounds("m.inserted_at", wanted.inserted_at)
    return where


def _add_content(
    where: Where,
    source: str | None,
    categories: list[str] | None,
    trigger_data: DataFilter | None,
) -> None:
    where.add_given("m.workflow_key = %s", source)
    where.add_given("m.categories && %s::text[]", categories)
    if trigger_data is not None:
        for key, values in trigger_data.kept().wanted.items():
            any_of = " OR ".join("m.data @> %s" for _ in values)
            where.add(f"({any_of})", *(Jsonb({key: value}) for value in values))


def feed_conditions(
    environment_id: UUID, channel_id: UUID, user: RecipientRef, wanted: FeedFilter
) -> Where:
    """Return the conditions of a feed, all but its status: badge counts do not depend on that."""
    where = Where()
    where.add("m.environment_id = %s", environment_id)
    where.recipient(user)
    where.add("m.channel_id = %s", channel_id)
    if wanted.archived in _ARCHIVED:
        where.add(_ARCHIVED[wanted.archived])
    _add_tenant(where, wanted)
    _add_content(where, wanted.source, wanted.categories, wanted.trigger_data)
    where.bounds("m.inserted_at", wanted.inserted_at)
    return where


def _add_tenant(where: Where, wanted: FeedFilter) -> None:
    if wanted.has_tenant is False:
        where.add("m.tenant_id IS NULL")
    elif wanted.tenant is None:
        if wanted.has_tenant:
            where.add("m.tenant_id IS NOT NULL")
    elif wanted.has_tenant:
        where.add("m.tenant_id = %s", wanted.tenant)
    else:
        where.add("(m.tenant_id = %s OR m.tenant_id IS NULL)", wanted.tenant)


def feed_status_condition(status: str) -> str:
    """Return the condition of a feed's status filter."""
    return _ENGAGED.get(status, "true")
