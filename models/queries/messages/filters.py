"""Turns filters of messages into SQL conditions over table `messages AS m`; feeds share some."""

from __future__ import annotations

from collections.abc import Sequence
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
    DeliveryStatus,
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
# What lists of messages and feeds filter by alike.
SHARED = {"source": "m.workflow_key = %s", "workflow_categories": "m.categories && %s::text[]"}


def message_conditions(environment_id: UUID, filters: MessageFilters) -> Where:
    """Return the conditions of a list of messages."""
    where = Where()
    where.add("m.environment_id = %s", environment_id)
    where.recipient(filters.recipient)
    where.add_by_name(_BY_NAME, filters)
    if filters.status is not None:
        _add_statuses(where, filters.status)
    if filters.engagement_status is not None:
        _add_engagement(where, filters.engagement_status)
    if filters.recipient_run_id is not None:
        # The index of a message's run begins with the trigger, which the run's row knows.
        where.add(
            "m.workflow_run_id = (SELECT workflow_run_id FROM recipient_runs WHERE id = %s)"
            " AND m.recipient_run_id = %s",
            filters.recipient_run_id,
            filters.recipient_run_id,
        )
    where.add_by_name(SHARED, filters)
    add_trigger_data(where, filters.trigger_data)
    where.bounds("m.inserted_at", filters.inserted_at)
    return where


def _add_statuses(where: Where, statuses: Sequence[DeliveryStatus]) -> None:
    """Add: a message has one of these statuses. What most of them have is not looked up."""
    pending = [status for status in PENDING_DELIVERY if status in statuses]
    failed = [status for status in FAILED_DELIVERY if status in statuses]
    if not statuses or not {*pending, *failed}.issuperset(statuses):
        where.add("m.delivery_status = ANY(%s)", list(statuses))
        return
    if pending:  # they wait for a provider, and have a row more for as long
        waiting = "m.id IN (SELECT message_id FROM deliveries)"
        where.add_alternative(f"m.delivery_status = ANY(%s) AND {waiting}", pending)
    for status in failed:  # they are few, and have an index of their own
        where.add_alternative("m.failed_status = %s", status)


def _add_engagement(where: Where, statuses: Sequence[str]) -> None:
    """Add: a message was engaged with in one of these ways, or was not."""
    conditions = [ENGAGED[status] for status in dict.fromkeys(statuses)]
    if where.alternatives or len(conditions) == 1:
        where.add(f"({' OR '.join(conditions)})")
        return
    for condition in conditions:
        where.add_alternative(condition)


def add_trigger_data(where: Where, trigger_data: DataFilter | None) -> None:
    """Add: the trigger's data has certain values, as far as messages keep it."""
    if trigger_data is not None:
        for key, values in kept_filter(trigger_data).wanted.items():
            any_of = " OR ".join("m.data @> %s" for _ in values)
            where.add(f"({any_of})", *(Jsonb({key: value}) for value in values))
