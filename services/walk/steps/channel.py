"""The channel step: decides, renders, and stores messages; delivery comes after the walk.

The order of decisions is Knock's ("Channel step"): configured? conditions? reachable? preferences?
send window?
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.channels.kind import Destination, Target
from domain.channels.kinds import CHANNEL_KINDS
from domain.kit.ids import message_id
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.zones import first_zone
from domain.messages.events import MessageEventType
from domain.messages.kept_data import kept_data
from domain.messages.messages import MessageSource
from domain.messages.statuses import DeliveryStatus
from domain.recipients.refs import TENANTS, RecipientRef
from domain.runs.events import RunEventType
from domain.runs.rows import NewMessage
from domain.workflows.send_windows import OpeningState, next_opening
from domain.workflows.steps.channel import ChannelStep
from models.queries.recipients.channel_data import channel_data_of
from services.channels.sealing import seal_content
from services.content.catalog import ConfiguredChannel
from services.walk.context import Walk
from services.walk.deliveries import delivery_order
from services.walk.faults import ContentError, blaming
from services.walk.moves import Done, Move, Skipped, skip
from services.walk.preferences import preferences_allow
from services.walk.steps.guides import Admit, admit, let_see
from services.walk.steps.inputs import give_to_channel
from services.walk.steps.members import Member, members_of
from services.walk.steps.never_waits import NeverWaits
from services.walk.steps.provider_settings import settings_of_run
from services.walk.steps.rendering import (
    Sources,
    effective_sources,
    render_message,
    tracked_message,
)

# The message of a batch names at most this many (Knock API reference, Message).
_MOST_ACTORS = 10


class ChannelExecutor(NeverWaits):
    """Makes the messages of a channel step, or says why not.

    Args:
        let_in: lets the recipient see the guide that a step names.
    """

    def __init__(self, let_in: Admit = admit) -> None:
        self._let_in = let_in

    async def arrive(self, walk: Walk, step: ChannelStep) -> Move:
        """Make the step's messages, or say why not.

        Raises:
            ContentError: the step fails, and the walk tries it again.
        """
        chosen = await members_of(walk, step)
        if chosen.reason is not None:
            return skip(step, chosen.reason)
        if step.guide_key is not None and chosen.members:
            channel = chosen.members[0].channel
            return await let_see(walk, step, step.guide_key, channel, let_in=self._let_in)
        made: list[_Made] = []
        left_out = [*chosen.left_out]
        for member in chosen.members:
            on_channel = await _make_messages(walk, step, member)
            if not isinstance(on_channel, Skipped):
                made += on_channel
            elif step.channel_group_key is None:
                return on_channel
            else:
                left_out.append((member.channel.key, on_channel.reason))
        if step.channel_group_key is None:
            return _done(walk, step, made)
        for key, reason in left_out:
            told = {"channel_key": key, "reason": reason}
            walk.journal.tell(RunEventType.CHANNEL_SKIPPED, step=step, data=told)
        if made:
            return _done(walk, step, made)
        return skip(step, f"no channel of the group {step.channel_group_key} could be used")


@dataclass(frozen=True, slots=True)
class _Made:
    """A message that was made."""

    identifier: str
    channel: ConfiguredChannel
    files: Sequence[JsonObject] = ()


def _done(walk: Walk, step: ChannelStep, made: Sequence[_Made]) -> Move:
    for each in made:
        told: JsonObject = {
            "channel_type": each.channel.channel_type.value,
            "message_id": each.identifier,
        }
        if each.files:
            told["attachments"] = [
                {"name": file["name"], "size": file["size"]} for file in each.files
            ]
        walk.journal.tell(RunEventType.MESSAGE_ENQUEUED, step=step, data=told)
    count = "a message" if len(made) == 1 else f"{len(made)} messages"
    keys = ", ".join(dict.fromkeys(each.channel.key for each in made))
    return Done(
        outcome="sent",
        story=f"`{step.ref}` made {count} on {keys}",
        record={"message_ids": [each.identifier for each in made]},
    )


async def _make_messages(walk: Walk, step: ChannelStep, member: Member) -> list[_Made] | Skipped:
    """Make the messages of a step on one channel, one for each address; or say why there is none.

    What a step gives to its channel fails the sending alone (Knock docs: "Webhook channels").

    Raises:
        ContentError: a template is broken.
    """
    with blaming("template"):
        sources = effective_sources(walk, step, member.channel)
    target = await _target(walk, member.channel, sources)
    kind = CHANNEL_KINDS[step.channel_type]
    with blaming("template"):
        unreachable = kind.why_unreachable(target)
        destinations = () if unreachable else kind.destinations(target)
    if unreachable is not None:
        return skip(step, unreachable)
    if not await preferences_allow(walk, step, member.channel):
        return skip(step, "the recipient's preferences do not allow it")
    if kind.takes_inputs and step.channel_group_key is None:
        try:
            await give_to_channel(walk, step, member.channel)
        except ContentError as error:
            return skip(step, "its inputs are not valid", failed=True, error=error.text)
    of_run = {} if member.is_sandbox else await settings_of_run(walk, member.channel)
    if isinstance(of_run, str):
        return skip(step, of_run)
    made: list[_Made] = []
    for destination in destinations:
        with blaming("content"):
            zone = first_zone(destination.zone, walk.zone)
            opening = next_opening(step.send_windows, walk.unit.now, zone)
        if opening.state is OpeningState.NEVER:
            return skip(step, "its send windows never open")
        message = await _make_message(
            walk, step, member, sources, destination, at=opening.at, of_run=of_run
        )
        if message is not None:
            made.append(message)
    return made or skip(step, "the address to send to is empty")


async def _target(walk: Walk, channel: ConfiguredChannel, sources: Sources) -> Target:
    """Gather what says where a message goes."""
    run = walk.run
    stored: dict[RecipientRef, JsonObject] = {}
    tenant = RecipientRef(TENANTS, run.tenant_id) if run.tenant_id is not None else None
    if CHANNEL_KINDS[channel.channel_type].by_channel_data:
        refs = [run.ref] if tenant is None else [run.ref, tenant]
        stored = await channel_data_of(walk.unit.connection, run.environment_id, refs, channel.id)
    return Target(
        recipient=run.recipient or {},
        template=sources.template,
        settings=sources.settings,
        channel_key=channel.key,
        channel_data=stored.get(run.ref),
        tenant_data=stored.get(tenant) if tenant is not None else None,
        provider=channel.provider,
    )


async def _make_message(
    walk: Walk,
    step: ChannelStep,
    member: Member,
    sources: Sources,
    destination: Destination,
    *,
    at: datetime | None,
    of_run: JsonObject,
) -> _Made | None:
    """Render and keep a message; None when its address renders to nothing."""
    channel = member.channel
    kind = CHANNEL_KINDS[step.channel_type]
    name = f"{channel.id}/{destination.name}" if destination.name else str(channel.id)
    made_id = message_id(walk.run.id, step.ref, name, walk.unit.now)
    identifier = str(made_id)
    with blaming("template"):
        content = await render_message(walk, step, sources, identifier, locale=destination.locale)
        if content.get("to") == "":
            return None
        overrides = step.channel_overrides or {}
        kept = {name: overrides[name] for name in kind.kept_overrides & overrides.keys()}
        content = {**content, **destination.content, **kept}
        content = await tracked_message(walk, step, sources, content, made_id)
        content = seal_content(
            walk.unit.engine.vault,
            kind,
            content,
            identifier,
            walk.run.environment_id,
            secrets=walk.configuration.variables.secrets,
            of_run=of_run,
        )
    order = None
    if not kind.needs_provider and at is None:
        # It is shown with being stored.
        status = DeliveryStatus.DELIVERED
    elif member.is_sandbox:
        status = DeliveryStatus.NOT_SENT
    else:
        status = DeliveryStatus.QUEUED
        order = delivery_order(identifier, step.ref, channel.channel_type, at)
    snapshot = destination.remembered or kind.remembered(content, walk.run.recipient or {})
    message = _new_message(
        walk,
        step,
        channel,
        identifier=identifier,
        content=content,
        status=status,
        scheduled_at=at,
        snapshot=snapshot,
    )
    walk.journal.make(message, order)
    if status is DeliveryStatus.NOT_SENT:
        walk.journal.tell_message(made_id, MessageEventType.of(status))
    return _Made(identifier, channel, content.get("attachments") or ())


def _new_message(
    walk: Walk,
    step: ChannelStep,
    channel: ConfiguredChannel,
    *,
    identifier: str,
    content: JsonObject,
    status: DeliveryStatus,
    scheduled_at: datetime | None,
    snapshot: JsonObject | None,
) -> NewMessage:
    run = walk.run
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
        recipient_snapshot=snapshot,
        inserted_at=walk.unit.now,
        updated_at=walk.unit.now,
    )


def _actors(walk: Walk) -> list[JsonValue]:
    """Return who caused a message: of a batch the first or the last ones, as its step says."""
    gathered = walk.gathered
    if gathered is None:
        return [walk.run.actor_ref.wire()] if walk.run.actor_ref else []
    refs = [each.ref for each in gathered.actors]
    named = refs[-_MOST_ACTORS:] if gathered.is_last else refs[:_MOST_ACTORS]
    return [ref.wire() for ref in named]
