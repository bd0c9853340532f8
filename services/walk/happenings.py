"""What a walk hands on to those who have subscribed to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from domain.events.outbox import Happening
from domain.kit.json_types import JsonObject
from domain.messages.events import first_events
from domain.messages.statuses import DeliveryStatus
from domain.runs.events import ENDS, NewRunEvent
from domain.runs.rows import TakenRun


def happenings(
    run: TakenRun,
    derived: Sequence[NewRunEvent],
    rows: Mapping[str, Sequence[JsonObject]],
) -> Iterator[Happening]:
    """Tell the events of a walk in order: of the run, of its new messages, and the run's end.

    Args:
        run: whose walk it is.
        derived: what only the run's row tells of.
        rows: what the walk stores, by table.
    """
    of_run = [(event.type.value, event.position, None, event.at) for event in derived] + [
        (row["event"], row["position"], row["step_ref"], datetime.fromisoformat(row["inserted_at"]))
        for row in rows.get("recipient_run_events", ())
    ]
    facts: dict[str, Any] = {
        "environment_id": run.environment_id,
        "recipient_run_id": run.id,
        "workflow_run_id": run.workflow_run_id,
        "workflow_key": run.workflow_key,
        "collection": run.collection,
        "recipient_id": run.recipient_id,
        "tenant_id": run.tenant_id,
    }
    ends = []
    for event_type, position, step_ref, at in sorted(of_run, key=lambda each: each[1]):
        told = Happening(
            event_type=event_type, position=position, step_ref=step_ref, happened_at=at, **facts
        )
        if event_type in ENDS:
            ends.append(told)
        else:
            yield told
    for message in rows.get("messages", ()):
        message_id = UUID(message["id"])
        # Only an item of a feed is delivered as it is made, and when its send window is open.
        is_delivered = message["delivery_status"] == DeliveryStatus.DELIVERED
        made_at = datetime.fromisoformat(message["inserted_at"])
        of_message = [
            (event.type.value, event.id, event.at)
            for event in first_events(message_id, made_at, at_once=is_delivered)
        ] + [
            (row["event_type"], UUID(row["id"]), datetime.fromisoformat(row["inserted_at"]))
            for row in rows.get("message_events", ())
            if row["message_id"] == message["id"]
        ]
        for event_type, event_id, at in of_message:
            yield Happening(
                event_type=event_type,
                event_id=event_id,
                message_id=message_id,
                channel_id=UUID(message["channel_id"]),
                step_ref=message["step_ref"],
                happened_at=at,
                **facts,
            )
    yield from ends
