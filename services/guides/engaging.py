"""What users do with guides: the first thing makes a message, which the rest happens to."""

from __future__ import annotations

from uuid import UUID

from domain.audiences.members import NO_TENANT
from domain.content.guide import GUIDE
from domain.guides.requests import GuideArchivedIn, GuideKeyIn, GuideSeenIn, GuideStepIn
from domain.kit.errors import NotFound
from domain.kit.ids import new_id, read_id
from domain.kit.principals import EnvironmentScope
from domain.messages.engagement import Engagement, StatusChange
from domain.messages.events import first_events
from domain.messages.kept_data import kept_data
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from models.queries.guides import guides as statements
from models.queries.messages import engagement
from models.queries.recipients.subscriptions import hold_recipients
from services.engine import Engine, Unit
from services.guides.published import guide_channel, guides_of
from services.triggers.audience_entries import identify
from services.waits.telling import hurry


async def engage(
    engine: Engine,
    environment: EnvironmentScope,
    user_id: str,
    given: GuideStepIn,
    change: StatusChange,
    *,
    message_id: UUID | None = None,
    is_anonymous: bool = False,
) -> None:
    """Note what a user does with a step of a guide; doing it twice is harmless.

    Archiving counts once: other guides wait from the first time on. Guides are shown to users whom
    nobody has identified, so whoever does something with one is made known.

    Args:
        engine: the parts of this process.
        environment: where.
        user_id: who.
        given: which step, and what is said of it.
        change: what the user does.
        message_id: the message that the step must have, if it is named.
        is_anonymous: anybody may be calling, so nobody is made known.

    Raises:
        NotFound: there is no such channel, guide, step or user, or the step has another message.
        Unprocessable, Unavailable: see `identify`, for a user who is made known.
    """
    async with engine.unit() as unit:
        found = await _message_of(unit, environment, user_id, given, is_anonymous=is_anonymous)
        if message_id is not None and found != message_id:
            raise NotFound("The message does not exist.")
        connection = unit.connection
        if change.action is Engagement.ARCHIVED:
            if await statements.is_archived(connection, environment.id, found):
                return
            if isinstance(given, GuideArchivedIn) and not given.unthrottled:
                await statements.note_dismissed(connection, environment.id, user_id, unit.now)
        await engagement.engage(connection, environment.id, change, [found], now=unit.now)
    hurry(engine)


async def _message_of(
    unit: Unit,
    environment: EnvironmentScope,
    user_id: str,
    given: GuideStepIn,
    *,
    is_anonymous: bool,
) -> UUID:
    """Return the message of a step, which is made when there is none."""
    engine, connection = unit.engine, unit.connection
    configuration = await engine.catalog.current(connection, environment)
    channel_id = read_id(given.channel_id)
    if channel_id is None:
        raise NotFound("There is no guide channel with this id.")
    channel = guide_channel(configuration, channel_id)
    guides = await guides_of(engine, connection, environment, configuration, channel)
    found = guides.get(given.guide_key)
    if found is None or str(found.id) != given.guide_id.lower():
        raise NotFound(f"The guide {given.guide_key[:255]!r} does not exist.")
    if given.guide_step_ref not in {step.ref for step in found.guide.steps}:
        raise NotFound(f"The guide has no step {given.guide_step_ref[:255]!r}.")
    user = RecipientRef.user(user_id)
    if not await hold_recipients(connection, environment.id, [user]):
        if is_anonymous:
            raise NotFound("The user does not exist.")
        await identify(unit, environment, [InlineRecipient(user, properties={})], holds=True)
    message_id = await statements.claim_engagement(
        connection,
        environment.id,
        user_id,
        given.guide_key,
        given.guide_step_ref,
        tenant_id=(given.tenant or NO_TENANT) if found.guide.is_per_tenant else None,
        message_id=new_id(),
        is_final=isinstance(given, GuideArchivedIn) and bool(given.is_final),
    )
    content, data = {}, {}
    if isinstance(given, GuideSeenIn):
        content, data = given.content, kept_data(given.data or {})
    # One that retention has deleted is made anew.
    await statements.make_message(
        connection,
        environment.id,
        message_id=message_id,
        channel_id=channel.id,
        guide_key=given.guide_key,
        version_id=found.version_id,
        step_ref=given.guide_step_ref,
        user_id=user_id,
        tenant_id=given.tenant,
        data=data,
        content=content,
        events=first_events(message_id, unit.now, at_once=True),
        now=unit.now,
    )
    return message_id


async def unarchive(
    engine: Engine, environment: EnvironmentScope, user_id: str, given: GuideKeyIn
) -> None:
    """Let a user see a guide again that they have dismissed; of one that is not, nothing.

    Of a guide that is new for each tenant, what was done for the one that is named.
    """
    async with engine.unit() as unit:
        connection = unit.connection
        tenant_id = await _tenant_of(unit, environment, given)
        # Who is being deleted is waited for: nothing is to be left of them.
        await hold_recipients(connection, environment.id, [RecipientRef.user(user_id)])
        steps = await statements.engaged_steps(
            connection,
            environment.id,
            [user_id],
            tenant_id=tenant_id or NO_TENANT,
            for_all=[given.guide_key] if tenant_id is None else [],
            guide_key=given.guide_key,
        )
        await statements.take_back_final(
            connection, environment.id, user_id, given.guide_key, tenant_id=tenant_id
        )
        # One message may be that of two: before and after the scope of its guide was changed.
        messages = {
            step.message_id: None
            for step in steps
            if step.archived_at is not None and (tenant_id is None or step.counts_for(tenant_id))
        }
        if messages:
            change = StatusChange(Engagement.UNARCHIVED)
            await engagement.engage(
                connection, environment.id, change, list(messages), now=unit.now
            )
    hurry(engine)


async def reset(
    engine: Engine, environment: EnvironmentScope, user_id: str, given: GuideKeyIn
) -> None:
    """Let a guide be new to a user; the messages of before stay where messages are listed.

    Of a guide that is new for each tenant, for the one that is named.
    """
    async with engine.unit() as unit:
        tenant_id = await _tenant_of(unit, environment, given)
        await statements.forget_engagements(
            unit.connection, environment.id, user_id, given.guide_key, tenant_id=tenant_id
        )


async def _tenant_of(unit: Unit, environment: EnvironmentScope, given: GuideKeyIn) -> str | None:
    """Return for which tenant alone something is done, empty for none; None means for all."""
    configuration = await unit.engine.catalog.current(unit.connection, environment)
    guide = await unit.engine.catalog.compiled_by_key(
        unit.connection, GUIDE, configuration, given.guide_key
    )
    if guide is None or not guide.is_per_tenant:
        return None
    return given.tenant or NO_TENANT
