"""The channel step: decides, renders, and stores one message; delivery comes after the walk.

The order of decisions is Knock's ("Channel step"): configured? conditions? reachable? preferences?
send window?
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from domain.channels.kind import Target
from domain.channels.kinds import CHANNEL_KINDS
from domain.kit.ids import message_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.messages.events import MessageEventType
from domain.messages.kept_data import kept_data
from domain.messages.messages import MessageSource
from domain.messages.statuses import DeliveryStatus
from domain.runs.events import RunEventType
from domain.runs.rows import NewMessage
from domain.workflows.send_windows import OpeningState, next_opening
from domain.workflows.steps.channel import ChannelStep
from models.queries.recipients.channel_data import channel_data_of
from services.channels.sealing import seal_request
from services.content.catalog import ConfiguredChannel
from services.walk.context import Walk
from services.walk.deliveries import delivery_order
from services.walk.faults import ContentError, blaming
from services.walk.moves import Done, Event, Move, Skipped, Woken
from services.walk.preferences import preferences_allow
from services.walk.steps.rendering import Sources, effective_sources, render_message

# Of a batch a message names so many (Knock API reference, Message).
_MOST_ACTORS = 10


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
        kind = CHANNEL_KINDS[step.channel_type]
        sandbox = kind.has_sandbox and (
            channel.is_sandbox or bool(walk.run.settings.get("sandbox_mode"))
        )
        # In sandbox mode a channel's own conditions do not count.
        if not await walk.allows(step, None if sandbox else channel.conditions):
            return _skipped(step, "conditions not met")
        with blaming("template"):
            sources = effective_sources(walk, step, channel)
        obstacle = await _obstacle(walk, step, channel, sources)
        if obstacle is not None:
            return _skipped(step, obstacle)
        with blaming("content"):
            opening = next_opening(step.send_windows, walk.unit.now, walk.zone)
        if opening.state is OpeningState.NEVER:
            return _skipped(step, "its send windows never open")
        return await _make_message(
            walk, step, channel, sources, sandbox=sandbox, scheduled_at=opening.at
        )

    async def resume(self, walk: Walk, step: ChannelStep, kept: JsonObject, woken: Woken) -> Move:
        """A channel step never waits. Raises ContentError."""
        raise ContentError("unsupported", "another version let this step wait")


async def _obstacle(
    walk: Walk, step: ChannelStep, channel: ConfiguredChannel, sources: Sources
) -> str | None:
    """Return why the recipient cannot be reached, or does not want to be; None when neither."""
    kind = CHANNEL_KINDS[step.channel_type]
    with blaming("template"):
        unreachable = kind.why_unreachable(
            Target(walk.run.recipient or {}, sources.template, sources.settings, channel.key)
        )
    if kind.by_channel_data and not await channel_data_of(
        walk.unit.connection, walk.run.environment_id, walk.run.ref, channel.id
    ):
        unreachable = "recipient has no channel data"
    if unreachable is None and not await preferences_allow(walk, step, channel):
        return "the recipient's preferences are against it"
    return unreachable


async def _make_message(
    walk: Walk,
    step: ChannelStep,
    channel: ConfiguredChannel,
    sources: Sources,
    *,
    sandbox: bool,
    scheduled_at: datetime | None,
) -> Move:
    kind = CHANNEL_KINDS[step.channel_type]
    made_id = message_id(walk.run.id, step.ref, str(channel.id), walk.unit.now)
    identifier = str(made_id)
    with blaming("template"):
        content = await render_message(walk, step, sources, identifier)
        if content.get("to") == "":
            return _skipped(step, "the address to send to is empty")
        if kind.has_secret_content:
            content = seal_request(
                walk.unit.engine.vault, content, identifier, walk.run.environment_id
            )
    order = None
    if not kind.needs_provider:
        status = DeliveryStatus.DELIVERED
    elif sandbox:
        status = DeliveryStatus.NOT_SENT
    else:
        status = DeliveryStatus.QUEUED
        order = delivery_order(identifier, step.ref, channel.channel_type, scheduled_at)
    message = _new_message(
        walk,
        step,
        channel,
        identifier=identifier,
        content=content,
        status=status,
        scheduled_at=scheduled_at,
    )
    walk.journal.make(message, order)
    if status is DeliveryStatus.NOT_SENT:
        walk.journal.tell_message(made_id, MessageEventType.of(status))
    return Done(
        outcome="sent",
        story=f"`{step.ref}` made a message on {channel.key}",
        event=Event(
            RunEventType.MESSAGE_ENQUEUED,
            {"channel_type": channel.channel_type.value, "message_id": identifier},
        ),
        record={"message_ids": [identifier]},
    )


def _new_message(
    walk: Walk,
    step: ChannelStep,
    channel: ConfiguredChannel,
    *,
    identifier: str,
    content: JsonObject,
    status: DeliveryStatus,
    scheduled_at: datetime | None,
) -> NewMessage:
    run = walk.run
    kind = CHANNEL_KINDS[step.channel_type]
    return NewMessage(
        id=UUID(identifier),
        environment_id=run.environment_id,
        channel_id=channel.id,
        channel_type=channel.channel_type.value,
        recipient_run_id=run.id,
        workflow_run_id=run.workflow_run_id,
        source_type=MessageSource.BROADCAST if run.is_broadcast else MessageSource.WORKFLOW,
        workflow_key=walk.definition.key,
        version_id=run.version_id,
        step_ref=step.ref,
        categories=list(walk.definition.categories),
        collection=run.ref.collection,
        recipient_id=run.ref.id,
        tenant_id=run.tenant_id,
        actors=_actors(walk),
        batch_id=walk.gathered.batch_id if walk.gathered else None,
        data=kept_data(run.data),
        content=content,
        delivery_status=status,
        scheduled_at=scheduled_at,
        recipient_snapshot=kind.remembered(content, run.recipient or {}),
        inserted_at=walk.unit.now,
        updated_at=walk.unit.now,
    )


def _actors(walk: Walk) -> list[JsonValue]:
    """Return who caused a message: of a batch the first ones of those that are rendered."""
    if walk.gathered is None:
        return [walk.run.actor_ref.wire()] if walk.run.actor_ref else []
    refs = [each.actor_ref for each in walk.gathered.actors()]
    return [ref.wire() for ref in refs[:_MOST_ACTORS] if ref is not None]


def _skipped(step: ChannelStep, reason: str) -> Move:
    return Skipped(
        story=f"`{step.ref}` skipped: {reason}",
        event=Event(RunEventType.STEP_SKIPPED, {"reason": reason}),
        reason=reason,
    )
