"""The channel step: decides, renders, and stores one message; delivery comes after the walk.

The order of decisions is Knock's ("Channel step"): configured? conditions? reachable? send window?
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from domain.channels.types import ChannelType, effective_settings
from domain.kit.filters import KEPT_CHARACTERS
from domain.kit.ids import message_id
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from domain.workflows.send_windows import OpeningState, next_opening
from domain.workflows.steps.channel import ChannelStep
from models.queries.recipients.channel_data import channel_data_of
from services.channels.sealing import seal_request
from services.content.catalog import ConfiguredChannel
from services.walk.context import Walk
from services.walk.deliveries import delivery_order
from services.walk.faults import ContentError, blaming
from services.walk.moves import Done, Event, Move, Skipped, Woken
from services.walk.steps.rendering import render_message, request_template

_KEPT_DATA_CHARACTERS = 16_384


class ChannelExecutor:
    """Makes the message of a channel step, or says why not."""

    async def arrive(self, walk: Walk, step: ChannelStep) -> Move:
        """Make the step's message, or say why not.

        Raises:
            ContentError: the step fails, and the walk tries it again.
        """
        channel = walk.configuration.channels.get(step.channel_key)
        if channel is None or channel.channel_type != step.channel_type:
            return _skipped(step, f"channel {step.channel_key} is not configured")
        if channel.problem is not None:
            return _skipped(step, f"channel {step.channel_key} cannot be used: {channel.problem}")
        sandbox = _is_sandbox(walk, channel)
        # In sandbox mode a channel's own conditions do not count.
        if not await walk.allows(step, None if sandbox else channel.conditions):
            return _skipped(step, "conditions not met")
        unreachable = await _why_unreachable(walk, step, channel)
        if unreachable is not None:
            return _skipped(step, unreachable)
        with blaming("content"):
            opening = next_opening(step.send_windows, walk.unit.now, walk.zone)
        if opening.state is OpeningState.NEVER:
            return _skipped(step, "its send windows never open")
        return await _make_message(walk, step, channel, sandbox=sandbox, scheduled_at=opening.at)

    async def resume(self, walk: Walk, step: ChannelStep, kept: JsonObject, woken: Woken) -> Move:
        """A channel step never waits. Raises ContentError."""
        raise ContentError("unsupported", "another version let this step wait")


def _is_sandbox(walk: Walk, channel: ConfiguredChannel) -> bool:
    """In-app feeds have no sandbox: nothing leaves the house (Knock docs: "Sandbox mode")."""
    if channel.channel_type is ChannelType.IN_APP_FEED:
        return False
    return channel.is_sandbox or bool(walk.run.settings.get("sandbox_mode"))


async def _why_unreachable(walk: Walk, step: ChannelStep, channel: ConfiguredChannel) -> str | None:
    """Return why the recipient cannot be reached on the channel, or None when it can."""
    if channel.channel_type in (ChannelType.PUSH, ChannelType.CHAT):
        run = walk.run
        data = await channel_data_of(walk.unit.connection, run.environment_id, run.ref, channel.id)
        return None if data else "recipient has no channel data"
    recipient = walk.run.recipient or {}
    with blaming("template"):
        match channel.channel_type:
            case ChannelType.EMAIL:
                settings = effective_settings(channel.settings, step.channel_overrides)
                if not recipient.get("email") and not settings.get("to_address"):
                    return "recipient has no email"
            case ChannelType.SMS:
                settings = step.template.get("settings") or {}
                if not recipient.get("phone_number") and not settings.get("to_number"):
                    return "recipient has no phone_number"
            case ChannelType.HTTP:
                if not request_template(walk, step, channel).get("url"):
                    return f"channel {channel.key} has no request of its own"
    return None


async def _make_message(
    walk: Walk,
    step: ChannelStep,
    channel: ConfiguredChannel,
    *,
    sandbox: bool,
    scheduled_at: datetime | None,
) -> Move:
    identifier = str(message_id(walk.run.id, step.ref, str(channel.id), walk.unit.now))
    with blaming("template"):
        content = await render_message(walk, step, channel, identifier)
    if content.get("to") == "":
        return _skipped(step, "the address to send to is empty")
    if channel.channel_type is ChannelType.HTTP:
        with blaming("template"):
            vault, environment_id = walk.unit.engine.vault, walk.run.environment_id
            content = seal_request(vault, content, identifier, environment_id)
    status = _first_status(channel, sandbox=sandbox)
    row = _message_row(
        walk,
        step,
        channel,
        identifier=identifier,
        content=content,
        status=status,
        scheduled_at=scheduled_at,
    )
    order = None
    if status is DeliveryStatus.QUEUED:
        order = delivery_order(identifier, step.ref, channel.channel_type, scheduled_at)
    walk.journal.make(row, order)
    if status is DeliveryStatus.NOT_SENT:
        walk.journal.tell_message(identifier, f"message.{status}")
    return Done(
        outcome="sent",
        story=f"`{step.ref}` made a message on {channel.key}",
        event=Event(
            "message_enqueued",
            {"channel_type": channel.channel_type.value, "message_id": identifier},
        ),
        record={"message_ids": [identifier]},
    )


def _first_status(channel: ConfiguredChannel, *, sandbox: bool) -> DeliveryStatus:
    if channel.channel_type is ChannelType.IN_APP_FEED:
        return DeliveryStatus.DELIVERED
    return DeliveryStatus.NOT_SENT if sandbox else DeliveryStatus.QUEUED


def _message_row(
    walk: Walk,
    step: ChannelStep,
    channel: ConfiguredChannel,
    *,
    identifier: str,
    content: JsonObject,
    status: DeliveryStatus,
    scheduled_at: datetime | None,
) -> JsonObject:
    """Build the row of table `messages`, by column name."""
    run = walk.run
    now = walk.unit.now.isoformat()
    return {
        "id": identifier,
        "environment_id": str(run.environment_id),
        "channel_id": str(channel.id),
        "channel_type": channel.channel_type.value,
        "recipient_run_id": str(run.id),
        "workflow_run_id": str(run.workflow_run_id),
        "workflow_key": walk.definition.key,
        "version_id": str(run.version_id),
        "step_ref": step.ref,
        "categories": list(walk.definition.categories),
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
    """Reduce trigger data to what a message keeps and can be filtered by (Knock API reference).

    Scalars only, strings cut, and of very many keys the first ones: every list shows this data, for
    every recipient of the trigger.
    """
    kept: JsonObject = {}
    room = _KEPT_DATA_CHARACTERS
    for key, value in data.items():
        if isinstance(value, (dict, list)):
            continue
        short = value[:KEPT_CHARACTERS] if isinstance(value, str) else value
        room -= len(key) + len(str(short))
        if room < 0:
            break
        kept[key] = short
    return kept


def _snapshot(
    channel: ConfiguredChannel, content: JsonObject, recipient: JsonObject | None
) -> dict[str, Any] | None:
    """Remember where the message went: the address may change later."""
    if channel.channel_type is ChannelType.EMAIL:
        return {"email": content["to"], "name": (recipient or {}).get("name")}
    return None


def _skipped(step: ChannelStep, reason: str) -> Move:
    return Skipped(
        story=f"`{step.ref}` skipped: {reason}",
        event=Event("step_skipped", {"reason": reason}),
        reason=reason,
    )
