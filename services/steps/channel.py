"""The channel step: decides, renders, and stores one message; delivery comes after the walk.

The order of decisions is Knock's ("Channel step"): configured? conditions? reachable? send window?
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from domain.channels import ChannelType, effective_settings
from domain.ids import message_id
from domain.json_types import JsonObject
from domain.queues import DELIVERY_QUEUES
from domain.runs import DeliveryOrder
from domain.send_windows import OpeningState, next_opening
from domain.statuses import DeliveryStatus
from domain.steps.channel import ChannelStep
from models.queries.reachability import channel_data_of
from services.catalog import ConfiguredChannel
from services.sealing import seal_request
from services.steps.context import StepContext, StepOutcome
from services.steps.rendering import render_message, request_template

# What Knock keeps of trigger data on a message: scalars, strings cut.
_KEPT_CHARACTERS = 256


async def run_channel(context: StepContext, step: ChannelStep) -> StepOutcome:
    """Make the step's message, or say why not.

    Raises:
        ConditionError, LiquidError: the step fails, and the walk tries it again.
    """
    channel = context.configuration.channels.get(step.channel_key)
    if channel is None or channel.channel_type != step.channel_type:
        return _skipped(context, step, f"channel {step.channel_key} is not configured")
    sandbox = _is_sandbox(context, channel)
    # In sandbox mode a channel's own conditions do not count.
    if not await context.allows(step, "channel", None if sandbox else channel.conditions):
        return _skipped(context, step, "conditions not met")
    unreachable = await _why_unreachable(context, step, channel)
    if unreachable is not None:
        return _skipped(context, step, unreachable)
    opening = next_opening(step.send_windows, context.now, context.zone)
    if opening.state is OpeningState.NEVER:
        return _skipped(context, step, "its send windows never open")
    return await _make_message(context, step, channel, sandbox=sandbox, scheduled_at=opening.at)


def _is_sandbox(context: StepContext, channel: ConfiguredChannel) -> bool:
    """In-app feeds have no sandbox: nothing leaves the house (Knock docs: "Sandbox mode")."""
    if channel.channel_type is ChannelType.IN_APP_FEED:
        return False
    return channel.is_sandbox or bool(context.run.settings.get("sandbox_mode"))


async def _why_unreachable(
    context: StepContext, step: ChannelStep, channel: ConfiguredChannel
) -> str | None:
    """Return why the recipient cannot be reached on the channel, or None when it can."""
    recipient = context.run.recipient or {}
    match channel.channel_type:
        case ChannelType.EMAIL:
            settings = effective_settings(channel.settings, step.channel_overrides)
            if not recipient.get("email") and not settings.get("to_address"):
                return "recipient has no email"
        case ChannelType.SMS:
            own = step.template.get("settings") or {}
            if not recipient.get("phone_number") and not own.get("to_number"):
                return "recipient has no phone_number"
        case ChannelType.PUSH | ChannelType.CHAT:
            run = context.run
            data = await channel_data_of(
                context.connection, run.environment_id, run.ref, channel.id
            )
            if not data:
                return "recipient has no channel data"
        case ChannelType.HTTP:
            if not request_template(context, step, channel).get("url"):
                return f"channel {channel.key} has no request of its own"
        case ChannelType.IN_APP_FEED:
            pass
    return None


async def _make_message(
    context: StepContext,
    step: ChannelStep,
    channel: ConfiguredChannel,
    *,
    sandbox: bool,
    scheduled_at: datetime | None,
) -> StepOutcome:
    identifier = str(message_id(UUID(context.run.id), step.ref, str(channel.id), context.now))
    content = await render_message(context, step, channel, identifier)
    if content.get("to") == "":
        return _skipped(context, step, "the address to send to is empty")
    if channel.channel_type is ChannelType.HTTP:
        vault, environment_id = context.platform.vault, context.run.environment_id
        content = seal_request(vault, content, identifier, environment_id)
    status = _first_status(channel, sandbox=sandbox)
    context.record.messages.append(
        _message_row(
            context,
            step,
            channel,
            identifier=identifier,
            content=content,
            status=status,
            scheduled_at=scheduled_at,
        )
    )
    context.tell_message(identifier, "message.created")
    context.tell_message(identifier, "message.queued")
    if status is not DeliveryStatus.QUEUED:
        context.tell_message(identifier, f"message.{status}")
    context.tell(
        "message_enqueued",
        ref=step.ref,
        step_type="channel",
        data={"channel_type": channel.channel_type.value, "message_id": identifier},
    )
    deliveries = []
    if status is DeliveryStatus.QUEUED:
        deliveries.append(delivery_order(identifier, step.ref, channel.channel_type, scheduled_at))
    return StepOutcome(
        record={"outcome": "sent", "message_ids": [identifier]},
        story=f"`{step.ref}` made a message on {channel.key}",
        deliveries=deliveries,
    )


def delivery_order(
    identifier: str, step_ref: str, channel_type: ChannelType, scheduled_at: datetime | None
) -> DeliveryOrder:
    """Say which queue takes a message, and when at the earliest."""
    return DeliveryOrder(
        message_id=identifier,
        queue=DELIVERY_QUEUES[channel_type],
        label=f"{step_ref} by {channel_type.value}",
        not_before=scheduled_at.timestamp() if scheduled_at else None,
    )


def _first_status(channel: ConfiguredChannel, *, sandbox: bool) -> DeliveryStatus:
    if channel.channel_type is ChannelType.IN_APP_FEED:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.NOT_SENT if sandbox else DeliveryStatus.QUEUED


def _message_row(
    context: StepContext,
    step: ChannelStep,
    channel: ConfiguredChannel,
    *,
    identifier: str,
    content: JsonObject,
    status: DeliveryStatus,
    scheduled_at: datetime | None,
) -> JsonObject:
    """Build the row of table `messages`, by column name."""
    run = context.run
    now = context.now.isoformat()
    return {
        "id": identifier,
        "environment_id": str(run.environment_id),
        "channel_id": str(channel.id),
        "channel_type": channel.channel_type.value,
        "recipient_run_id": run.id,
        "workflow_run_id": str(run.workflow_run_id),
        "workflow_key": context.definition.key,
        "version_id": str(run.version_id),
        "step_ref": step.ref,
        "categories": list(context.definition.categories),
        "collection": run.ref.collection,
        "recipient_id": run.ref.id,
        "tenant_id": run.tenant_id,
        "actors": [run.actor_ref.wire()] if run.actor_ref else [],
        "data": kept_data(run.data),
        "content": content,
        "delivery_status": status.value,
        "scheduled_at": scheduled_at.isoformat() if scheduled_at else None,
        "provider_metadata": {},
        "recipient_snapshot": _snapshot(channel, content, run.recipient),
        "retry_count": 0,
        "inserted_at": now,
        "updated_at": now,
    }


def kept_data(data: JsonObject) -> JsonObject:
    """Reduce trigger data to what a message keeps and can be filtered by (Knock API reference)."""
    return {
        key: value[:_KEPT_CHARACTERS] if isinstance(value, str) else value
        for key, value in data.items()
        if not isinstance(value, (dict, list))
    }


def _snapshot(
    channel: ConfiguredChannel, content: JsonObject, recipient: JsonObject | None
) -> dict[str, Any] | None:
    """Remember where the message went: the address may change later."""
    if channel.channel_type is ChannelType.EMAIL:
        return {"email": content["to"], "name": (recipient or {}).get("name")}
    return None


def _skipped(context: StepContext, step: ChannelStep, reason: str) -> StepOutcome:
    context.tell("step_skipped", ref=step.ref, step_type="channel", data={"reason": reason})
    return StepOutcome({"outcome": "skipped", "reason": reason}, f"`{step.ref}` skipped: {reason}")
