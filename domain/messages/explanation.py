"""Why a message came or did not, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.kit.clock import in_words
from domain.kit.json_types import JsonObject
from domain.messages.messages import Message
from domain.messages.statuses import PENDING_DELIVERY, DeliveryStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageProgress:
    """How far a message has come with its provider.

    Attributes:
        failure: what its last event told that says why it was given up or bounced, if there is one.
        held_for: why it is not handed over though it is due; like what follows, None when nothing
            is known of it.
        attempts: how often its provider has answered, or should have; None when it is not on its
            way.
        due_at: when it is handed over at the earliest.
        service_name: whom the last call in its log went to.
        answered: the status of the answer to that call.
    """

    id: UUID
    failure: JsonObject | None
    held_for: str | None
    attempts: int | None
    due_at: datetime | None
    service_name: str | None
    answered: str | None


def explain_message(message: Message, progress: MessageProgress | None, now: datetime) -> str:
    """Say what became of a message, and why.

    Args:
        message: the message.
        progress: how far it has come; None when that is not known.
        now: tells what it still waits for.
    """
    where = message.channel_key or "a channel that no longer exists"
    told = _told(message, progress, now)
    for done, at in (("read", message.read_at), ("clicked", message.link_clicked_at)):
        if at is not None:
            told += f", was last {done} at {in_words(at)}"
    return f"Step {message.step_ref} made a message on {where}: it {told}."


def _told(message: Message, progress: MessageProgress | None, now: datetime) -> str:
    status = message.delivery_status
    if status in PENDING_DELIVERY and progress is not None and progress.due_at is not None:
        return _pending(message, progress, now)
    told = _STATUSES.get(status, status)
    failure = (progress.failure if progress else None) or {}
    if status in (DeliveryStatus.UNDELIVERED, DeliveryStatus.BOUNCED) and failure:
        how = _GIVEN_UP.get(str(failure.get("failure_reason")), "")
        details = str(failure.get("failure_details") or "").rstrip(".")
        told += f"{how}{': ' + details if details else ''}"
    return told


def _pending(message: Message, progress: MessageProgress, now: datetime) -> str:
    """Say what a message waits for that is on its way."""
    told = []
    if progress.attempts:
        times = "once" if progress.attempts == 1 else f"{progress.attempts} times"
        told.append(f"was not accepted, {times} so far{_answer(progress)}")
    due = progress.due_at
    if progress.held_for is not None:
        told.append(f"is held back: {progress.held_for.rstrip('.')}")
    elif due is not None and due > now:
        is_window = not progress.attempts and message.scheduled_at is not None
        window = "for its send window, which opens at" if is_window else "until"
        again = "will be retried at" if progress.attempts else f"waits {window}"
        told.append(f"{again} {in_words(due)}")
    else:
        told.append("is being retried now" if progress.attempts else "is on its way")
    return ", and ".join(told)


def _answer(progress: MessageProgress) -> str:
    if progress.service_name is None:
        return ""
    said = f"answered {progress.answered}" if progress.answered else "did not answer"
    return f" ({progress.service_name} {said})"


_STATUSES: Mapping[str, str] = {
    DeliveryStatus.QUEUED: "is on its way",
    DeliveryStatus.SENT: "was accepted by the provider",
    DeliveryStatus.DELIVERED: "was delivered",
    DeliveryStatus.DELIVERY_ATTEMPTED: "was refused for now, and will be retried",
    DeliveryStatus.UNDELIVERED: "was given up",
    DeliveryStatus.BOUNCED: "bounced, because the recipient's address is invalid",
    DeliveryStatus.NOT_SENT: "was not sent, because of sandbox mode",
}
# What `failure_reason` adds to that; of `fatal_error` the provider's own words say enough.
_GIVEN_UP: Mapping[str, str] = {"retries_exhausted": " after its last attempt"}
