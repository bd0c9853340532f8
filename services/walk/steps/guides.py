"""Channel steps that name a guide: its recipient may see that guide from then on.

Nothing is sent. Who was let in is a member of an audience that belongs to the guide alone, and
counts as one of those whom the guide is meant for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeAlias

from domain.audiences.members import NO_TENANT, Membership
from domain.content.guide import GUIDE, managed_audience
from domain.realtime.news import GuideNews
from domain.runs.events import RunEventType
from domain.workflows.steps.channel import ChannelStep
from models.queries.audiences.members import add_members
from services.content.catalog import ConfiguredChannel
from services.engine import Engine
from services.news import tell_soon
from services.walk.context import Walk
from services.walk.moves import Done, Move, StepEvent, skip
from services.walk.preferences import preferences_allow

# Makes the recipient of a walk one of those who may see a guide; tells whether it was none before.
Admit: TypeAlias = Callable[[Walk, ChannelStep, str], Awaitable[bool]]


async def admit(walk: Walk, step: ChannelStep, guide_key: str) -> bool:
    """Let in the recipient of a walk on behalf of its tenant, in its transaction."""
    member = Membership(walk.run.ref.id, walk.run.tenant_id or NO_TENANT)
    added = await add_members(
        walk.unit.connection,
        walk.run.environment_id,
        managed_audience(guide_key),
        [member],
        walk.unit.now,
    )
    if added:
        news = GuideNews(walk.run.environment_id, member.user_id, guide_key)
        walk.unit.after(partial(_tell, walk.unit.engine, news))
    return bool(added)


async def _tell(engine: Engine, news: GuideNews) -> None:
    tell_soon(engine, [news])


async def let_see(
    walk: Walk, step: ChannelStep, guide_key: str, channel: ConfiguredChannel, *, let_in: Admit
) -> Move:
    """Let the recipient of a run see a guide, or say why not.

    Raises:
        ContentError: preferences cannot be judged.
    """
    run = walk.run
    published = walk.configuration.published(GUIDE, guide_key)
    if published is None or published.version_id is None or published.is_archived:
        return skip(step, f"guide {guide_key} does not exist here")
    if not run.ref.is_user:
        return skip(step, "only users see guides")
    if run.cause().is_sandbox:
        return skip(step, "a run in sandbox mode shows nobody a guide")
    if not await preferences_allow(walk, step, channel):
        return skip(step, "the recipient's preferences do not allow it")
    is_new = await let_in(walk, step, guide_key)
    return Done(
        story=f"`{step.ref}` lets the recipient see {guide_key}",
        event=StepEvent(RunEventType.GUIDE_ENABLED, {"guide_key": guide_key, "changed": is_new}),
    )
