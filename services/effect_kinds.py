"""The kinds of what a transaction owes to Temporal: for each what its row says, and what does it.

A new kind is a name, what writes its payload, what does it, and a line in `EFFECTS`. To do it twice
has to be harmless. How it is recorded, done and found when it was lost is `services/effects.py`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from uuid import UUID

from temporalio.client import Client

from domain.contract.deliveries import DeliverMessageInput, MessageDeliveryInput
from domain.contract.jobs import BulkOperationInput, SourceEventInput
from domain.contract.timers import BatchWindowInput, BroadcastInput, ScheduleClockInput
from domain.deliveries.claims import MovedDelivery
from domain.jobs.rows import OwedEffect
from domain.kit.ids import broadcast_workflow_id, new_id
from domain.kit.json_types import JsonObject
from domain.runs.rows import RunInTemporal
from services.temporal_calls import (
    await_broadcast,
    signal_cancelled,
    signal_closed_batch,
    signal_event,
    signal_moved_wait,
    start_bulk_operation,
    start_delivery,
    start_source_event,
    wake_clock,
    watch_window,
)

DELIVER_MESSAGE = "deliver_message"
# A kind of its own: a process that is older would take it for the start of a retry, and forget it.
DELIVER_MOVED = "deliver_moved"
WATCH_WINDOW = "watch_window"
WAKE_CARRIER = "wake_carrier"
TELL_OF_EVENT = "tell_of_event"
TAKE_SOURCE_EVENT = "take_source_event"
LOOK_AGAIN = "look_again"
AWAIT_BROADCAST = "await_broadcast"
FORGET_BROADCAST = "forget_broadcast"
WAKE_CLOCK = "wake_clock"
WORK_ON_BULK = "work_on_bulk"

Effect = Callable[[Client, OwedEffect], Awaitable[None]]


def manual_retry(
    message_id: UUID, retry: int, *, workflow_key: str, queue: str, label: str
) -> JsonObject:
    """Write the payload of `DELIVER_MESSAGE`.

    Args:
        message_id: the message.
        retry: which of its manual retries, counted from 1.
        workflow_key: of the workflow that made it.
        queue: the task queue of its channel type.
        label: what the Temporal UI shows.
    """
    return {
        "message_id": str(message_id),
        "retry": retry,
        "workflow_key": workflow_key,
        "queue": queue,
        "label": label,
    }


def moved_delivery(moved: MovedDelivery, *, queue: str, label: str) -> JsonObject:
    """Write the payload of `DELIVER_MOVED`: a message that is sent sooner than planned.

    It gets a Temporal workflow of its own: the one of its retry may wait for a later instant.
    """
    payload = manual_retry(
        moved.id, moved.retry, workflow_key=moved.workflow_key, queue=queue, label=label
    )
    return {**payload, "apart": str(new_id())}


async def _deliver_message(temporal: Client, effect: OwedEffect) -> None:
    """Start what sends a message; one that was started before is left alone."""
    payload, environment_id = effect.payload, str(effect.environment_id)
    delivery = DeliverMessageInput(payload["message_id"], environment_id, payload["retry"])
    await start_delivery(
        temporal,
        MessageDeliveryInput(delivery, queue=payload["queue"], label=payload["label"]),
        environment=effect.environment,
        workflow_key=payload["workflow_key"],
        apart=payload.get("apart"),
    )


def window_of_batch(
    batch_id: UUID, *, workflow_key: str, step_ref: str, closes_at: float
) -> JsonObject:
    """Write the payload of `WATCH_WINDOW`; `closes_at` is in epoch seconds."""
    return {
        "batch_id": str(batch_id),
        "workflow_key": workflow_key,
        "step_ref": step_ref,
        "closes_at": closes_at,
    }


async def _watch_window(temporal: Client, effect: OwedEffect) -> None:
    """Have a window watched, or tell its watch of an earlier end."""
    payload = effect.payload
    order = BatchWindowInput(payload["batch_id"], str(effect.environment_id), payload["closes_at"])
    await watch_window(
        temporal,
        order,
        environment=effect.environment,
        workflow_key=payload["workflow_key"],
        step_ref=payload["step_ref"],
    )


def _run_of(effect: OwedEffect) -> RunInTemporal:
    """Return the run that an effect is for."""
    return RunInTemporal(
        id=UUID(effect.payload["run_id"]),
        environment=effect.environment,
        workflow_key=effect.payload["workflow_key"],
    )


def closed_batch(run_id: UUID, batch_id: UUID, *, workflow_key: str) -> JsonObject:
    """Write the payload of `WAKE_CARRIER`: the run that waits for a batch that has closed."""
    return {"run_id": str(run_id), "batch_id": str(batch_id), "workflow_key": workflow_key}


async def _wake_carrier(temporal: Client, effect: OwedEffect) -> None:
    """Tell a run that the batch it carries has closed."""
    await signal_closed_batch(temporal, _run_of(effect), effect.payload["batch_id"])


def awaited_event(run_id: UUID, step_ref: str, *, workflow_key: str) -> JsonObject:
    """Write the payload of `TELL_OF_EVENT`: the run, and its step that waits for an event."""
    return {"run_id": str(run_id), "step_ref": step_ref, "workflow_key": workflow_key}


async def _tell_of_event(temporal: Client, effect: OwedEffect) -> None:
    """Tell a run that an event may have come which a step of it waits for."""
    await signal_event(temporal, _run_of(effect), effect.payload["step_ref"])


def moved_wait(run_id: UUID, *, workflow_key: str) -> JsonObject:
    """Write the payload of `LOOK_AGAIN`: a run whose wait ends at another instant now."""
    return {"run_id": str(run_id), "workflow_key": workflow_key}


async def _look_again(temporal: Client, effect: OwedEffect) -> None:
    """Have a run look when its wait ends."""
    await signal_moved_wait(temporal, _run_of(effect))


def source_event(event_id: UUID) -> JsonObject:
    """Write the payload of `TAKE_SOURCE_EVENT`: an event whose actions are to be taken."""
    return {"event_id": str(event_id)}


async def _take_source_event(temporal: Client, effect: OwedEffect) -> None:
    """Have the actions of an event taken."""
    order = SourceEventInput(
        effect.payload["event_id"], str(effect.environment_id), effect.environment
    )
    await start_source_event(temporal, order)


def awaited_broadcast(key: str, sends: int, *, send_at: float) -> JsonObject:
    """Write the payload of `AWAIT_BROADCAST`; `send_at` is in epoch seconds."""
    return {"key": key, "sends": sends, "send_at": send_at}


async def _await_broadcast(temporal: Client, effect: OwedEffect) -> None:
    """Have a broadcast sent at its time."""
    payload = effect.payload
    order = BroadcastInput(
        str(effect.environment_id), payload["key"], payload["sends"], payload["send_at"]
    )
    await await_broadcast(temporal, order, environment=effect.environment)


def forgotten_broadcast(key: str, sends: int) -> JsonObject:
    """Write the payload of `FORGET_BROADCAST`."""
    return {"key": key, "sends": sends}


async def _forget_broadcast(temporal: Client, effect: OwedEffect) -> None:
    """End the wait for a broadcast that is not to be sent any more."""
    payload = effect.payload
    workflow_id = broadcast_workflow_id(effect.environment, payload["key"], payload["sends"])
    await signal_cancelled(temporal, workflow_id)


def appointment_of_clock(clock: int, *, due_at: float) -> JsonObject:
    """Write the payload of `WAKE_CLOCK`; `due_at` is in epoch seconds."""
    return {"clock": clock, "due_at": due_at}


async def _wake_clock(temporal: Client, effect: OwedEffect) -> None:
    """Have a clock look at its schedules when one of them is due."""
    payload = effect.payload
    await wake_clock(temporal, ScheduleClockInput(payload["clock"], payload["due_at"]))


def bulk_operation(operation_id: UUID, *, name: str) -> JsonObject:
    """Write the payload of `WORK_ON_BULK`; `name` says what the operation does."""
    return {"operation_id": str(operation_id), "name": name}


async def _work_on_bulk(temporal: Client, effect: OwedEffect) -> None:
    """Have a bulk operation worked on; one that is, or was, is left alone."""
    order = BulkOperationInput(effect.payload["operation_id"], str(effect.environment_id))
    await start_bulk_operation(
        temporal, order, environment=effect.environment, name=effect.payload["name"]
    )


EFFECTS: dict[str, Effect] = {
    DELIVER_MESSAGE: _deliver_message,
    DELIVER_MOVED: _deliver_message,
    WATCH_WINDOW: _watch_window,
    WAKE_CARRIER: _wake_carrier,
    TELL_OF_EVENT: _tell_of_event,
    TAKE_SOURCE_EVENT: _take_source_event,
    LOOK_AGAIN: _look_again,
    AWAIT_BROADCAST: _await_broadcast,
    FORGET_BROADCAST: _forget_broadcast,
    WAKE_CLOCK: _wake_clock,
    WORK_ON_BULK: _work_on_bulk,
}
