"""Hand messages to providers, and record every attempt and what came of it.

At least once: the outcome is stored right after the provider's answer. A process that dies in
between tries again with the same message id, which providers are given as idempotency key.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError

from domain.channels import ChannelType
from domain.clock import utc_now
from domain.delivery import (
    Bounced,
    Delivery,
    DeliveryFailure,
    Exchange,
    Misconfigured,
    Outcome,
    Retry,
)
from domain.errors import InvalidParams, NotFound, Unavailable, Unprocessable
from domain.ids import message_delivery_workflow_id, new_id
from domain.json_types import JsonObject
from domain.principals import EnvironmentScope
from domain.queues import DELIVERY_QUEUES, RUNS
from domain.refs import RecipientRef
from domain.runs import DeliverMessageInput, MessageDeliveryInput
from domain.statuses import PENDING_DELIVERY, DeliveryStatus
from models.queries import deliveries as statements
from models.queries.reachability import channel_data_of
from providers.base import Provider
from runtime.crypto import BrokenSeal
from runtime.database import Connection
from runtime.platform import Platform
from runtime.temporal import is_away
from services.provider_pool import provider_of
from services.sealing import open_for_delivery
from temporal_workflows import MessageDeliveryWorkflow
from temporal_workflows.activity_stubs import DELIVERY_ATTEMPTS
from temporal_workflows.search_attributes import search_attributes

_FIRST_WAIT_SECONDS = 14.0
_LONGEST_WAIT_SECONDS = 900.0
# Seconds between attempts to store what a provider answered: about a minute and a half in all.
_RECORD_WAITS = (0.2, 0.5, *(1.0,) * 10, *(5.0,) * 15)
_RETRIES_EXHAUSTED = "retries_exhausted"
_FATAL = "fatal_error"


class TryAgain(Exception):
    """The attempt was recorded as failed; the next one is due in `after` seconds."""

    def __init__(self, after: float, reason: str) -> None:
        super().__init__(reason)
        self.after = after


@dataclass(frozen=True, slots=True)
class _Attempt:
    """One attempt: its number, when it is recorded, and what it belongs to."""

    message: JsonObject
    number: int
    last: bool


async def deliver_message(platform: Platform, order: DeliverMessageInput, *, attempt: int) -> str:
    """Make one attempt to deliver a message.

    Args:
        platform: the parts of this process.
        order: which message.
        attempt: 1 for the first; the eighth is the last (Knock docs, "Delivering notifications").

    Returns:
        The delivery status: final, whatever it is.

    Raises:
        TryAgain: the provider did not take it, and there are attempts left.
        Unavailable: the database is away.
    """
    async with platform.database.connection() as connection:
        message = await statements.message_to_deliver(
            connection, UUID(order.environment_id), UUID(order.message_id)
        )
        if message is None:
            return "deleted"
        if message["retry_count"] < order.retry:
            # The retry was started before its transaction ended; look again.
            raise TryAgain(1.0, "the retry is not committed yet")
        if _is_settled(message, order):
            return str(message["delivery_status"])
        delivery = await _delivery(platform, connection, message, attempt)
    tried = _Attempt(message, attempt, last=attempt >= DELIVERY_ATTEMPTS)
    try:
        if isinstance(delivery, Misconfigured):
            raise delivery
        outcome = await _provider(platform, message).send(delivery)
    except DeliveryFailure as failure:
        return await _record_failure(platform, tried, failure)
    return await _record_outcome(platform, tried, outcome)


async def conclude_delivery(platform: Platform, order: DeliverMessageInput) -> str:
    """Give up a message whose attempts never came back; leave one that has a final status."""
    async with platform.database.connection() as connection:
        message = await statements.message_to_deliver(
            connection, UUID(order.environment_id), UUID(order.message_id)
        )
    if message is None:
        return "deleted"
    if _is_settled(message, order):
        return str(message["delivery_status"])
    tried = _Attempt(message, DELIVERY_ATTEMPTS, last=True)
    reason = Retry("every attempt was interrupted before the provider answered")
    return await _record_failure(platform, tried, reason)


def _is_settled(message: JsonObject, order: DeliverMessageInput) -> bool:
    """Tell whether an order has nothing left to do: a later retry owns the message, or it is done.

    A retry that was ordered and not committed has nothing to settle either.
    """
    return (
        message["retry_count"] != order.retry or message["delivery_status"] not in PENDING_DELIVERY
    )


async def retry_message(
    platform: Platform, environment: EnvironmentScope, message_id: UUID
) -> None:
    """Send an undelivered or bounced message once more, with eight new attempts.

    Raises:
        NotFound: there is no such message here.
        Unprocessable: `message_not_retriable`, it was delivered or is still on its way.
        Unavailable: the database or Temporal is away; nothing has changed.
    """
    async with platform.database.transaction() as connection:
        message = await statements.requeue(connection, environment.id, message_id, utc_now())
        if message is None:
            await _refuse_retry(connection, environment.id, message_id)
            return
        # Started before the commit: when Temporal is away nothing has changed, and the activity
        # waits for the commit.
        try:
            await _start_retry(platform, environment, message)
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and not is_away(error):
                raise
            raise Unavailable("Temporal is away; try again.") from error


async def _start_retry(
    platform: Platform, environment: EnvironmentScope, message: JsonObject
) -> None:
    """Start the delivery of one more retry; one that a rolled-back call left running is joined."""
    channel_type = ChannelType(message["channel_type"])
    retry = message["retry_count"]
    await platform.temporal.start_workflow(
        MessageDeliveryWorkflow.run,
        MessageDeliveryInput(
            DeliverMessageInput(str(message["id"]), str(environment.id), retry),
            queue=DELIVERY_QUEUES[channel_type],
            label=f"manual retry {retry} by {channel_type.value}",
        ),
        id=message_delivery_workflow_id(environment.slug, str(message["id"]), retry),
        task_queue=RUNS,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        search_attributes=search_attributes(
            environment=environment.slug, workflow_key=message["workflow_key"]
        ),
    )


async def _refuse_retry(connection: Connection, environment_id: UUID, message_id: UUID) -> None:
    if await statements.message_to_deliver(connection, environment_id, message_id) is None:
        raise NotFound(f"There is no message {message_id} in this environment.")
    raise Unprocessable(
        "Only an undelivered or bounced message can be retried.", code="message_not_retriable"
    )


async def _delivery(
    platform: Platform, connection: Connection, message: JsonObject, attempt: int
) -> Delivery | Misconfigured:
    """Gather what the provider needs, or say what an operator has to mend.

    Raises UnknownKey while the key of the credentials is missing: the message waits for it.
    """
    if message["provider"] is None or message["provider_settings"] is None:
        return Misconfigured("the channel is not configured in this environment any more")
    try:
        settings, content = open_for_delivery(platform.vault, message)
    except BrokenSeal:
        return Misconfigured("the channel's credentials cannot be opened and have to be set again")
    channel_type = ChannelType(message["channel_type"])
    channel_data = None
    if channel_type in (ChannelType.PUSH, ChannelType.CHAT):
        ref = RecipientRef(message["collection"], message["recipient_id"])
        channel_data = await channel_data_of(
            connection, message["environment_id"], ref, message["channel_id"]
        )
    return Delivery(
        message_id=str(message["id"]),
        channel_type=channel_type,
        content=content,
        settings=settings,
        recipient_id=message["recipient_id"],
        channel_data=channel_data,
        attempt=attempt,
    )


def _provider(platform: Platform, message: JsonObject) -> Provider:
    try:
        return provider_of(platform, message["provider"])
    except InvalidParams as error:  # an outside provider that is no longer installed
        raise Misconfigured(error.message) from error


async def _record_outcome(platform: Platform, tried: _Attempt, outcome: Outcome) -> str:
    metadata = dict(outcome.metadata)
    if outcome.external_id is not None:
        metadata["external_id"] = outcome.external_id
    return await _record(
        platform,
        tried,
        outcome.status,
        [(f"message.{outcome.status}", None)],
        exchange=outcome.exchange,
        metadata=metadata,
    )


async def _record_failure(platform: Platform, tried: _Attempt, failure: DeliveryFailure) -> str:
    """Record a failed attempt; raise TryAgain unless it was the last, or hopeless."""
    retryable = isinstance(failure, Retry)
    attempted: JsonObject = {
        "attempt": tried.number,
        "max_attempts": DELIVERY_ATTEMPTS,
        "retryable": retryable,
    }
    events: list[tuple[str, JsonObject | None]] = [("message.delivery_attempted", attempted)]
    if isinstance(failure, Retry) and not tried.last:
        events.append(("message.queued", None))
        await _record(
            platform, tried, DeliveryStatus.DELIVERY_ATTEMPTED, events, exchange=failure.exchange
        )
        raise TryAgain(wait_after(platform, tried.number, failure.after), failure.reason)
    status = DeliveryStatus.BOUNCED if isinstance(failure, Bounced) else DeliveryStatus.UNDELIVERED
    why = _RETRIES_EXHAUSTED if retryable else _FATAL
    details: JsonObject = {"failure_reason": why, "failure_details": failure.reason[:1_000]}
    events.append((f"message.{status}", details))
    return await _record(platform, tried, status, events, exchange=failure.exchange)


def wait_after(platform: Platform, attempt: int, wish: float | None = None) -> float:
    """Return the seconds from an attempt to the next one: doubled each time, with jitter.

    Args:
        platform: its settings scale the wait.
        attempt: 1 for the first.
        wish: seconds that the provider asked for; the longer wait counts.
    """
    planned = min(_FIRST_WAIT_SECONDS * 2 ** (attempt - 1), _LONGEST_WAIT_SECONDS)
    planned *= random.uniform(0.9, 1.0)  # noqa: S311 - spreads load, guards nothing
    wait = max(planned, min(wish or 0.0, _LONGEST_WAIT_SECONDS))
    return float(max(wait * platform.settings.delivery_retry_factor, 0.05))


async def _record(
    platform: Platform,
    tried: _Attempt,
    status: DeliveryStatus,
    events: list[tuple[str, JsonObject | None]],
    *,
    exchange: Exchange | None,
    metadata: JsonObject | None = None,
) -> str:
    """Store status, events and log of one attempt in one statement; answers the stored status.

    The provider has already answered: while the database is away this waits for it, because
    another attempt would send the message a second time.
    """
    now = utc_now()
    record = statements.AttemptRecord(
        message_id=tried.message["id"],
        environment_id=tried.message["environment_id"],
        attempt=tried.number,
        status=status.value,
        metadata=metadata or {},
        events=[_event_row(tried, name, data, now) for name, data in events],
        exchange=exchange,
        now=now,
    )
    for wait in _RECORD_WAITS:
        try:
            return await _store(platform, record)
        except Unavailable:
            await asyncio.sleep(wait)
    return await _store(platform, record)


async def _store(platform: Platform, record: statements.AttemptRecord) -> str:
    async with platform.database.connection() as connection:
        return await statements.record_attempt(connection, record)


def _event_row(tried: _Attempt, name: str, data: JsonObject | None, now: datetime) -> JsonObject:
    return {
        "id": str(new_id()),
        "message_id": str(tried.message["id"]),
        "event_type": name,
        "data": data,
        "inserted_at": now.isoformat(),
    }
