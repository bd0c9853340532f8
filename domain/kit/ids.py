"""Every id we make: time-ordered UUIDs, derived UUIDs, and Temporal workflow ids.

Ids of ours are UUIDs with a millisecond timestamp in front (version 7). A derived id takes the
timestamp of its parent, or of the instant it is made, and fills the rest from SHA-256 over what
makes it unique (version 8), so that doing a thing twice gives the same id, and indexes grow at one
end.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from datetime import UTC, datetime
from uuid import UUID

# Of ids that callers choose (Knock docs, "Users").
MAX_ID_CHARACTERS = 256
NOT_IN_USER_IDS = "/#"
_TIMESTAMP_BITS = 48
_TICKS_PER_MILLISECOND = 4096
_last_tick = 0
_SEARCHABLE = re.compile(r"[^@\s+]{1,200}")

_CANONICAL = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# Every id of ours lies between these two.
FIRST_ID = UUID(int=0)
LAST_ID = UUID(int=2**128 - 1)
# Before every instant, as PostgreSQL writes it: what is in order of time and id begins there.
FIRST_INSTANT = "-infinity"


def _assemble(milliseconds: int, tail: bytes, version: int) -> UUID:
    rest = int.from_bytes(tail[:10], "big")
    value = (milliseconds & ((1 << _TIMESTAMP_BITS) - 1)) << 80 | rest
    value &= ~(0xF << 76)
    value |= version << 76
    value &= ~(0x3 << 62)
    value |= 0x2 << 62
    return UUID(int=value)


def new_id() -> UUID:
    """Make a fresh id (UUID version 7), greater than every one this process made before.

    The twelve bits after the milliseconds hold their fraction (RFC 9562, 6.2, method 3), so that
    rows made in one go sort in the order in which they were made.
    """
    global _last_tick
    tick = time.time_ns() * _TICKS_PER_MILLISECOND // 1_000_000
    _last_tick = max(tick, _last_tick + 1)
    milliseconds, fraction = divmod(_last_tick, _TICKS_PER_MILLISECOND)
    return _assemble(milliseconds, fraction.to_bytes(2, "big") + os.urandom(8), 7)


def read_id(text: str) -> UUID | None:
    """Read an id of ours as a caller wrote it; None when nothing of ours can have it."""
    return UUID(text) if _CANONICAL.fullmatch(text) else None


def derived_id(parent: UUID, *parts: str) -> UUID:
    """Make the one id that belongs to `parts` under `parent` (UUID version 8)."""
    return _assemble(parent.int >> 80, _digest(parent, *parts), 8)


def _digest(parent: UUID, *parts: str) -> bytes:
    return hashlib.sha256("\x1f".join((str(parent), *parts)).encode()).digest()


def recipient_run_id(workflow_run_id: UUID, recipient_gid: str, *tenant_id: str) -> UUID:
    """Name the run of one recipient within one trigger.

    Args:
        workflow_run_id: the trigger.
        recipient_gid: the recipient.
        tenant_id: where a trigger has several runs of one recipient, for which tenant this one is.
    """
    return derived_id(workflow_run_id, "recipient-run", recipient_gid, *tenant_id)


def first_id_of_its_time(known: UUID) -> UUID:
    """Return the lowest id that carries the same millisecond as one of ours."""
    return UUID(int=known.int >> 80 << 80)


def first_id_at(instant: datetime) -> UUID:
    """Return the lowest id that carries an instant: ids made before it are lower."""
    milliseconds = min(max(int(instant.timestamp() * 1000), 0), (1 << _TIMESTAMP_BITS) - 1)
    return UUID(int=milliseconds << 80)


def first_id_before(identifier: UUID, seconds: int) -> UUID:
    """Return the lowest id that was made so many seconds before another one, or later."""
    milliseconds = (identifier.int >> 80) - seconds * 1000
    return UUID(int=max(milliseconds, 0) << 80)


def message_id(run_id: UUID, step_ref: str, member: str, at: datetime) -> UUID:
    """Name the message that one step of a run makes on one channel (`member` is its id).

    Its time is `at`, the instant it is made, and not the run's, which may be a year older: rows of
    one time lie together, and are dropped together once they are old. The step's outcome remembers
    the id, so a repeated walk does not derive it anew.
    """
    milliseconds = int(at.timestamp() * 1000)
    return _assemble(milliseconds, _digest(run_id, "message", step_ref, member), 8)


def triggered_id(run_id: UUID, step_ref: str, at: datetime) -> UUID:
    """Name the workflow run that a step of a recipient run triggers; its time is as a message's."""
    milliseconds = int(at.timestamp() * 1000)
    return _assemble(milliseconds, _digest(run_id, "triggered", step_ref), 8)


def scheduled_id(schedule_id: UUID, occurrence_at: datetime) -> UUID:
    """Name the workflow run of one occurrence of a schedule; its time is the occurrence's."""
    milliseconds = int(occurrence_at.timestamp() * 1000)
    digest = _digest(schedule_id, "occurrence", occurrence_at.astimezone(UTC).isoformat())
    return _assemble(milliseconds, digest, 8)


def batch_id(run_id: UUID, step_ref: str, at: datetime) -> UUID:
    """Name the batch that a run opens at a step; its time is `at`, when it opens."""
    return _assemble(int(at.timestamp() * 1000), _digest(run_id, "batch", step_ref), 8)


def batch_identity(*parts: str) -> bytes:
    """Hash what belongs together in a batch: parts of any length, each in its place."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()


def activity_id(message: UUID, item: UUID | None = None) -> UUID:
    """Name what a trigger contributed to a message (Knock's "activity").

    Args:
        message: which message.
        item: the trigger, if the message tells of a batch of them.
    """
    return derived_id(message, "activity", "0" if item is None else str(item))


def first_event_id(message: UUID, number: int) -> UUID:
    """Name the `number`-th of the events that a message's row stands for.

    They sort before every event that is stored of the message: its time, and no fraction of it.
    """
    tail = number.to_bytes(2, "big") + _digest(message, "event", str(number))
    return _assemble(message.int >> 80, tail, 7)


def run_event_id(run_id: UUID, position: int) -> UUID:
    """Name an event of a recipient run by its place in the run's story."""
    return derived_id(run_id, "event", str(position))


def webhook_event_id(source: UUID, event_type: str) -> UUID:
    """Name what webhooks are told of something that happened; one thing may be told as several."""
    return derived_id(source, "webhook", event_type)


def webhook_delivery_id(event: UUID, endpoint: UUID) -> UUID:
    """Name the delivery of an event to one endpoint."""
    return derived_id(event, "webhook delivery", str(endpoint))


def throttle_id(
    environment_id: UUID,
    workflow_key: str,
    step_ref: str,
    recipient_gid: str,
    key: str,
    *,
    trial: str,
) -> UUID:
    """Name what one throttle step counts together for a recipient, by the value of its key.

    Runs that try the workflow out are counted apart, by the way in which they do.
    """
    counted = (workflow_key, step_ref, recipient_gid, key)
    return derived_id(environment_id, "throttle", *counted, *filter(None, [trial]))


def recipient_run_workflow_id(environment: str, workflow_key: str, run_id: str) -> str:
    """Return the id of the Temporal workflow that is one recipient run."""
    return f"run/{environment}/{_short(workflow_key)}/{run_id}"


def trigger_fanout_workflow_id(environment: str, workflow_run_id: str, number: int = 1) -> str:
    """Return the id of the Temporal workflow that starts the runs of one trigger.

    When it was ended before its time, the next `number` goes on.
    """
    first = f"fan-out/{environment}/{workflow_run_id}"
    return first if number == 1 else f"{first}/{number}"


def cancel_fanout_workflow_id(environment: str, cancellation_id: str) -> str:
    """Return the id of the Temporal workflow that signals the runs of one cancellation."""
    return f"cancel/{environment}/{cancellation_id}"


def message_delivery_workflow_id(
    environment: str, message: str, retry: int, *, apart: str | None = None
) -> str:
    """Return the id of the Temporal workflow that is the `retry`-th manual retry of a message.

    Args:
        environment: a slug.
        message: the message.
        retry: which; 0 is the delivery by its run.
        apart: names one that an operator has started beside it.
    """
    whole = f"message/{environment}/{message}/retry/{retry}"
    return whole if apart is None else f"{whole}/moved/{apart}"


def status_check_workflow_id(environment: str, message: str, retry: int) -> str:
    """Return the id of the Temporal workflow that asks a vendor for one sending of a message."""
    return f"message/{environment}/{message}/status/{retry}"


def webhook_delivery_workflow_id(environment: str, endpoint: str, event: str) -> str:
    """Return the id of the Temporal workflow that tells one endpoint of one event."""
    return f"webhook/{environment}/{endpoint}/{event}"


def batch_window_workflow_id(environment: str, workflow_key: str, batch: str) -> str:
    """Return the id of the Temporal workflow that watches over the window of one batch."""
    return f"batch/{environment}/{_short(workflow_key)}/{batch}"


def source_event_workflow_id(environment: str, event: str) -> str:
    """Return the id of the Temporal workflow that takes the actions of a source's event."""
    return f"source-event/{environment}/{event}"


def broadcast_workflow_id(environment: str, broadcast_key: str, sends: int) -> str:
    """Return the id of the Temporal workflow that waits until a broadcast is to be sent."""
    return f"broadcast/{environment}/{_short(broadcast_key)}/{sends}"


def schedule_clock_workflow_id(clock: int) -> str:
    """Return the id of the Temporal workflow that is one clock of schedules."""
    return f"schedule-clock/{clock}"


def bulk_operation_workflow_id(environment: str, operation: str) -> str:
    """Return the id of the Temporal workflow that works on one bulk operation."""
    return f"bulk/{environment}/{operation}"


def _short(workflow_key: str) -> str:
    """Keep a Temporal id within its 255 characters, and the key in it readable."""
    if len(workflow_key) <= 120:
        return workflow_key
    return f"{workflow_key[:100]}~{hashlib.sha256(workflow_key.encode()).hexdigest()[:16]}"


def searchable(value: str | None) -> str:
    """Turn a caller's id into a search attribute value that shows no personal data.

    Ids that may be an e-mail address or a telephone number, or that are too long for Temporal's
    keyword column, are replaced by the first 32 hexadecimal digits of their SHA-256.
    """
    if not value:
        return ""
    if _SEARCHABLE.fullmatch(value):
        return value
    return "sha256:" + hashlib.sha256(value.encode()).hexdigest()[:32]
