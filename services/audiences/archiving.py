"""Archives audiences, with all their members, and tells runs that wait for one to leave."""

from __future__ import annotations

from itertools import groupby

from domain.audiences.members import Membership
from domain.content.audience import AUDIENCE
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import RecipientRef
from models.queries.audiences.builds import drop_builds
from models.queries.audiences.members import remove_everybody
from models.queries.recipients.recipients import hold_to_change
from models.queries.waits.changes import members_awaited
from runtime.database import take_long
from services.content.drafts import archive_content
from services.engine import Engine, Unit
from services.waits.changes import EXIT, tell_of_transitions


async def archive_audience(engine: Engine, environment: EnvironmentScope | None, key: str) -> None:
    """Take an audience out of every environment for good, and everybody out of it.

    Raises:
        NotFound: this environment has no such audience; without one, none has.
    """
    async with engine.unit() as unit:
        await archive_content(unit, environment, AUDIENCE, key)
        # A comparison that is at it is waited for; nobody adds a member after it.
        await drop_builds(unit.connection, key)
        await take_long(unit.connection)
        await _tell_of_leaving(unit, key)
        await remove_everybody(unit.connection, key)


async def _tell_of_leaving(unit: Unit, key: str) -> None:
    """Tell runs that wait for a member to leave: everybody does now, in each environment.

    A run that begins to wait while the audience is archived may not hear of it, and waits for as
    long as its step says: to hold every member in case would take too long.
    """
    awaited = await members_awaited(unit.connection, key, EXIT)
    for environment_id, group in groupby(awaited, key=lambda one: one.environment_id):
        leaving = [Membership(one.user_id, one.tenant_id) for one in group]
        refs = {RecipientRef.user(one.user_id) for one in leaving}
        await hold_to_change(unit.connection, environment_id, refs)
        await tell_of_transitions(unit, environment_id, key, EXIT, leaving)
