"""How events are written: the parts of statements that store them and hand them on.

What changes a message or a run tells it in the same statement, so these are parts of a WITH. Each
is written here and nowhere else: an event is stored, and put into the outbox for whoever has
subscribed to it, or neither. Nobody who has not subscribed costs more than a look at a table of a
few rows.
"""

from __future__ import annotations

from dataclasses import asdict, fields

from domain.events.outbox import Happening
from domain.kit.json_types import JsonObject
from domain.messages.events import NewMessageEvent
from domain.runs.events import NewRunEvent, RunEventStatus, RunEventType, status_of
from models.sql import insert_rows

# Columns by table, in the order in which they are written. Only what is named is written, so a
# process of the release before still writes beside one that knows another column.
EVENTS: dict[str, tuple[str, ...]] = {
    "message_events": ("message_id", "id", "event_type", "data", "inserted_at"),
    "recipient_run_events": (
        "recipient_run_id",
        "position",
        "event",
        "status",
        "attempt",
        "step_ref",
        "step_type",
        "data",
        "inserted_at",
    ),
    "outbox": tuple(column.name for column in fields(Happening)),
}

_IS_WANTED = """EXISTS (
    SELECT FROM outbox_subscriptions s
    WHERE s.environment_id = {owner}.environment_id AND {event_type} = ANY(s.event_types))"""


def add_events(table: str) -> str:
    """Write a part of a WITH that adds rows as they are: a walk knows all about them.

    Args:
        table: `message_events`, `recipient_run_events` or `outbox`; the rows are given under its
            name, as the functions below return them.
    """
    return insert_rows(table, EVENTS[table])


def message_facts(alias: str) -> str:
    """Write the columns that `tell_messages` needs of messages, for a SELECT or a RETURNING."""
    return (
        f"{alias}.id, {alias}.environment_id, {alias}.channel_id, {alias}.recipient_run_id,"
        f" {alias}.workflow_run_id, {alias}.workflow_key, {alias}.step_ref, {alias}.collection,"
        f" {alias}.recipient_id, {alias}.tenant_id"
    )


def run_facts(alias: str, *, counted: bool = True) -> str:
    """Write the columns that `tell_runs` needs of runs, for a SELECT or a RETURNING.

    Args:
        alias: of the runs.
        counted: whether their rows have counted the event, as they do while they are open.
    """
    position = f"{alias}.event_count - 1" if counted else f"{alias}.event_count"
    return (
        f"{alias}.id, {alias}.environment_id, {alias}.workflow_run_id, {alias}.workflow_key,"
        f" {alias}.collection, {alias}.recipient_id, {alias}.tenant_id,"
        f" {position} AS position"
    )


def count_event(alias: str, event: RunEventType, *, failed: bool = False) -> str:
    """Write the assignments that count an event, and an error, in the row of its run.

    The event takes the position that the run's `event_count` had before; see `run_facts`.
    """
    counted = f"event_count = {alias}.event_count + 1"
    if status_of(event, failed=failed) is RunEventStatus.ERROR:
        counted += f", error_count = {alias}.error_count + 1"
    return counted


def tell_messages(events: str, messages: str) -> str:
    """Write parts of a WITH that tell events of messages.

    Args:
        events: a part before, with the columns of `message_events`.
        messages: a part before, with the columns of `message_facts`.
    """
    return f"""told_messages AS (
    INSERT INTO message_events ({", ".join(EVENTS["message_events"])})
    SELECT message_id, id, event_type, data, inserted_at FROM {events}
), {hand_on_messages(events, messages)}"""  # noqa: S608 - fixed text


def hand_on_messages(events: str, messages: str) -> str:
    """Write a part of a WITH that hands on events of messages, as their rows may stand for.

    Args:
        events: a part before, with the columns of `message_events`.
        messages: a part before, with the columns of `message_facts`.
    """
    return f"""messages_handed_on AS (
    INSERT INTO outbox ({", ".join(EVENTS["outbox"])})
    SELECT m.environment_id, e.event_type, e.id, NULL, m.id, m.recipient_run_id,
           m.workflow_run_id, m.workflow_key, m.step_ref, m.channel_id, m.collection,
           m.recipient_id, m.tenant_id, e.inserted_at
    FROM {events} e JOIN {messages} m ON m.id = e.message_id
    WHERE {_IS_WANTED.format(owner="m", event_type="e.event_type")}
    ORDER BY e.id
)"""  # noqa: S608 - fixed text


def tell_runs(runs: str, event: RunEventType, *, data: str, at: str, failed: bool = False) -> str:
    """Write parts of a WITH that tell the same event of some runs.

    Args:
        runs: a part before, with the columns of `run_facts`; it has counted the event.
        event: what happened.
        data: SQL for what else is told; the run is `r`.
        at: SQL for the instant.
        failed: whether it is an error; some types always are.
    """
    return f"""told_runs AS (
    INSERT INTO recipient_run_events ({", ".join(EVENTS["recipient_run_events"])})
    SELECT r.id, r.position, '{event}', '{status_of(event, failed=failed)}', 1, NULL, NULL, {data},
           {at}
    FROM {runs} r
), runs_handed_on AS (
    INSERT INTO outbox ({", ".join(EVENTS["outbox"])})
    SELECT r.environment_id, '{event}', NULL, r.position, NULL, r.id, r.workflow_run_id,
           r.workflow_key, NULL, NULL, r.collection, r.recipient_id, r.tenant_id, {at}
    FROM {runs} r
    WHERE {_IS_WANTED.format(owner="r", event_type=f"'{event}'")}
    ORDER BY r.id
)"""  # noqa: S608 - fixed text


def message_event_row(event: NewMessageEvent) -> JsonObject:
    """Return the row of `message_events` by column name, as JSON."""
    return {
        "message_id": str(event.message_id),
        "id": str(event.id),
        "event_type": event.type.value,
        "data": event.data,
        "inserted_at": event.at.isoformat(),
    }


def run_event_row(event: NewRunEvent) -> JsonObject:
    """Return the row of `recipient_run_events` by column name, as JSON."""
    return {
        "recipient_run_id": str(event.run_id),
        "position": event.position,
        "event": event.type.value,
        "status": event.status.value,
        "attempt": event.attempt,
        "step_ref": event.step_ref,
        "step_type": event.step_type,
        "data": event.data,
        "inserted_at": event.at.isoformat(),
    }


def outbox_row(happening: Happening) -> JsonObject:
    """Return the row of `outbox` by column name, as JSON."""
    return {
        name: value if value is None or isinstance(value, (str, int)) else str(value)
        for name, value in asdict(happening).items()
    }
