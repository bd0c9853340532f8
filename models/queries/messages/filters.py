"""Turns filters of messages into SQL conditions over table `messages AS m`; feeds share some."""

from __future__ import annotations

from uuid import UUID

from psycopg.types.json import Jsonb

from domain.kit.filters import DataFilter
from domain.messages.filters import MessageFilters
from domain.messages.kept_data import kept_filter
from domain.messages.statuses import (
    ENGAGEMENT_COLUMNS,
    FAILED_DELIVERY,
    PENDING_DELIVERY,
    REVERSIBLE,
)
from models.sql import Where

# What is true of a message that was engaged with, or was not: `seen`, `unseen`, …
ENGAGED = {
    **{status.value: f"m.{column} IS NOT NULL" for status, column in ENGAGEMENT_COLUMNS.items()},
    **{f"un{status}": f"m.{ENGAGEMENT_COLUMNS[status]} IS NULL" for status in REVERSIBLE},
}
_BY_NAME = {
    "tenant": "m.tenant_id = %s",
    "channel_id": "m.channel_id = %s",
    "known_ids": "m.id = ANY(%s)",
    "workflow_run_id": "m.workflow_run_id = %s",
}
_SHARED = {"source": "m.workflow_key = %s", "workflow_categories": "m.categories && %s::text[]"}


def message_conditions(environment_id: UUID, filters: MessageFilters) -> Where:
    """Return the conditions of a list of messages."""
    where = Where()
    where.add("m.environment_id = %s", environment_id)
    where.recipient(filters.recipient)
    where.add_by_name(_BY_NAME, filters)
    if filters.status is not None:
        # Failures are few, and have an index of their own; who waits for a provider has a row more.
        column = "failed_status" if set(FAILED_DELIVERY).issuperset(filters.status) else None
        where.add(f"m.{column or 'delivery_status'} = ANY(%s)", filters.status)
        if set(PENDING_DELIVERY).issuperset(filters.status):
            where.add("m.id IN (SELECT message_id FROM deliveries)")
    if filters.engagement_status is not None:
        where.add(f"({' OR '.join(ENGAGED[status] for status in filters.engagement_status)})")
    if filters.recipient_run_id is not None:
        # The index of a message's run begins with the trigger, which the run's row knows.
        where.add(
            "m.workflow_run_id = (SELECT workflow_run_id FROM recipient_runs WHERE id = %s)"
            " AND m.recipient_run_id = %s",
            filters.recipient_run_id,
            filters.recipient_run_id,
        )
    add_shared(where, filters, filters.trigger_data)
    where.bounds("m.inserted_at", filters.inserted_at)
    return where


def add_shared(where: Where, filters: object, trigger_data: DataFilter | None) -> None:
    """Add what lists of messages and feeds filter by alike: workflow, categories, data."""
    where.add_by_name(_SHARED, filters)
    add_trigger_data(where, trigger_data)


def add_trigger_data(where: Where, trigger_data: DataFilter | None) -> None:
    """Add: the trigger's data has certain values, as far as messages keep it."""
    if trigger_data is not None:
        for key, values in kept_filter(trigger_data).wanted.items():
            any_of = " OR ".join("m.data @> %s" for _ in values)
            where.add(f"({any_of})", *(Jsonb({key: value}) for value in values))
