"""What a transaction owes to Temporal: recorded in it, done after its commit, found when lost.

A transaction must not call Temporal: what was started could not be taken back with it, and the
row locks would last as long as the call. So it records what is owed; whoever committed does it at
once; and the sweep does what a process that died, or an absent Temporal, left over. Every effect
is harmless to repeat, because it may happen and its row stay.

A new kind is one function and one line in `EFFECTS`.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import timedelta
from functools import partial
from uuid import UUID

from temporalio.client import Client

from domain.contract.runs import (
    BatchWindowInput,
    BroadcastInput,
    BulkOperationInput,
    DeliverMessageInput,
    MessageDeliveryInput,
    ScheduleClockInput,
    SourceEventInput,
)
from domain.jobs.rows import OwedEffect
from domain.kit.errors import Unavailable
from domain.kit.ids import broadcast_workflow_id, new_id
from domain.kit.json_types import JsonObject
from domain.messages.claims import MovedDelivery
from domain.runs.rows import RunInTemporal
from models.queries.jobs import effects as statements
from runtime.logs import get_logger
from runtime.temporal import is_away
from services.at_once import each_at_once
from services.engine import Engine, Unit
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

_log = get_logger(__name__)

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

# The one who committed is at it for this long; then it counts as left over.
_PATIENCE = timedelta(seconds=15)
_LONGEST_WAIT = timedelta(minutes=10)
# Taken at a time by the sweep, and worked on at a time by anyone.
_PAGE = 100
_AT_ONCE = 16
_CALL_SECONDS = 5.0
# A duty ends by itself before its activity's time does; the next sweep goes on.
_SECONDS = 60.0

Effect = Callable[[Client, OwedEffect], Awaitable[None]]


async def owe(unit: Unit, environment_id: UUID, kind: str, payload: JsonObject) -> UUID:
    """Record an effect in a unit of work, which does it after its commit; returns its id.

    Args:
        unit: the transaction that the effect belongs to.
        environment_id: where.
        kind: a key of `EFFECTS`.
        payload: what the kind needs; ids only, as it may end in a history.
    """
    (effect_id,) = await owe_all(unit, kind, [(environment_id, payload)])
    return effect_id


async def owe_all(unit: Unit, kind: str, owed: Iterable[tuple[UUID, JsonObject]]) -> Sequence[UUID]:
    """Record effects of one kind, each with its environment, as `owe` does; returns their ids."""
    rows = [(new_id(), environment_id, payload) for environment_id, payload in owed]
    if not rows:
        return []
    await statements.owe(unit.connection, rows, kind=kind, now=unit.now, patience=_PATIENCE)
    if not unit.owed:
        unit.after(partial(settle, unit.engine, unit.owed))
    ids = [effect_id for effect_id, _environment_id, _payload in rows]
    unit.owed.extend(ids)
    return ids


async def settle(engine: Engine, ids: Sequence[UUID]) -> int:
    """Do effects whose transaction was committed; what fails or lasts is left to the sweep.

    Never raises because Temporal or the database is away: what was committed holds already. While
    Temporal counts as away nobody waits for it, but for one probe a second, as with releases.

    Returns:
        How many were done.
    """
    if not ids or not engine.temporal_breaker.lets_through():
        return 0
    try:
        async with engine.connection() as connection:
            owed = await statements.effects_by_id(connection, ids)
        return await _do(engine, owed, seconds=engine.settings.start_timeout_seconds)
    except Unavailable:
        return 0


async def forget(engine: Engine, ids: Sequence[UUID]) -> None:
    """Note that effects have happened, or need not happen any more."""
    async with engine.connection() as connection:
        await statements.forget(connection, ids)


async def do_left_over_effects(engine: Engine) -> int:
    """Do what was owed and not done in time; one that fails never keeps the others waiting.

    After an absence of Temporal there may be thousands: it goes on, page by page, for as long as
    anything can be done.

    Returns:
        How many were done.

    Raises:
        Unavailable: the database is away.
    """
    deadline = time.monotonic() + _SECONDS
    total = 0
    while (left := deadline - time.monotonic()) > 0:
        async with engine.connection() as connection:
            owed = await statements.take_due(
                connection, limit=_PAGE, first_wait=_PATIENCE, longest_wait=_LONGEST_WAIT
            )
        done = await _do(engine, owed, seconds=left)
        total += done
        # Where not one could be done, Temporal is likely away: the next page would only be put off.
        if not done or len(owed) < _PAGE:
            break
    return total


async def _do(engine: Engine, owed: Sequence[OwedEffect], *, seconds: float) -> int:
    """Do effects within some seconds, and forget those that were done by then.

    The breaker of Temporal learns whether it was there.
    """
    done: list[UUID] = []
    is_there = True

    async def do(effect: OwedEffect) -> None:
        nonlocal is_there
        try:
            async with asyncio.timeout(_CALL_SECONDS):
                await EFFECTS[effect.kind](engine.temporal, effect)
        except Exception as error:
            is_there = is_there and not is_away(error)
            # A kind that only a newer process knows is a KeyError here, and that one's to do.
            _log.warning(
                "effect_left_over",
                kind=effect.kind,
                effect_id=str(effect.id),
                attempts=effect.attempts,
                error=type(error).__name__,
            )
        else:
            done.append(effect.id)

    try:
        async with asyncio.timeout(seconds):
            await each_at_once(owed, do, at_once=_AT_ONCE)
    except TimeoutError:
        is_there = False
    if done:
        engine.temporal_breaker.succeeded()
        await forget(engine, done)
    elif not is_there:
        engine.temporal_breaker.failed()
    return len(done)


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
