"""The step that adds its recipient to a static audience or removes it, within the walk."""

from __future__ import annotations

from domain.audiences.members import NO_TENANT, Membership
from domain.content.audience import AUDIENCE
from domain.kit.errors import Unprocessable
from domain.runs.events import RunEventType
from domain.workflows.steps.update_audience import UpdateAudienceStep
from models.queries.audiences.members import hold_audience, remove_members
from models.queries.recipients.recipients import hold_recipient
from runtime.database import give_way
from services.triggers.audience_entries import enter
from services.waits.changes import EXIT, tell_of_transitions
from services.walk.context import Walk
from services.walk.faults import ContentError
from services.walk.moves import NOT_MET, Done, Move, StepEvent, skip
from services.walk.steps.never_waits import NeverWaits


class UpdateAudienceExecutor(NeverWaits):
    """Changes one membership; an addition triggers what the audience triggers."""

    async def arrive(self, walk: Walk, step: UpdateAudienceStep) -> Move:
        """Add or remove the recipient. Raises ContentError for a dynamic audience."""
        if not await walk.allows(step):
            return skip(step, NOT_MET)
        key, run = step.settings.audience_key, walk.run
        if not run.ref.is_user:
            return skip(step, "the recipient is not a user")
        published = walk.configuration.published(AUDIENCE, key)
        if published is None or published.version_id is None or not published.is_active:
            return skip(step, f"audience {key[:255]} does not exist here")
        audience = await walk.unit.engine.catalog.compiled(
            walk.unit.connection, AUDIENCE, published.version_id
        )
        if audience.is_dynamic:
            raise ContentError("content", f"the members of {key} are determined by its conditions")
        is_changed = await _change(walk, step, Membership(run.ref.id, run.tenant_id or NO_TENANT))
        if is_changed is None:
            return skip(step, f"audience {key[:255]} does not exist here")
        told = {"audience": key, "action": step.settings.action, "changed": is_changed}
        return Done(
            story=f"`{step.ref}` changed an audience",
            event=StepEvent(RunEventType.AUDIENCE_UPDATED, told),
        )


async def _change(walk: Walk, step: UpdateAudienceStep, membership: Membership) -> bool | None:
    """Add or remove; tells whether that changed anything, None when the audience was archived.

    Raises:
        ContentError: `chain_too_long`, by what the addition triggers.
        Unavailable: somebody else holds or deletes the recipient; the unit has failed.
    """
    run, connection, key = walk.run, walk.unit.connection, step.settings.audience_key
    # A run that begins to wait for the change meanwhile comes before it, or after.
    await give_way(connection)
    is_added = step.settings.action == "add"
    # Who archives it waits, and then takes this member out with the others. A run of a branch may
    # name an audience that its environment does not have.
    if (
        is_added
        and run.branch_id is None
        and not await hold_audience(connection, run.environment_id, key)
    ):
        return None
    await hold_recipient(connection, run.environment_id, run.ref)
    if not is_added:
        gone = await remove_members(connection, run.environment_id, key, [membership])
        await tell_of_transitions(walk.unit, run.environment_id, key, EXIT, gone)
        return bool(gone)
    try:
        async with walk.unit.savepoint():
            entered = await enter(walk.unit, run.scope, key, [membership], cause=run.cause())
            return bool(entered)
    except Unprocessable as refusal:
        raise ContentError("content", str(refusal)) from refusal
