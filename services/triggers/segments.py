"""Who is in which dynamic audience: compared where a user changes, in the same transaction.

An environment without dynamic audiences pays nothing for them: that there are none is in the
configuration, which a process remembers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.audiences.members import Membership
from domain.content.audience import AUDIENCE, Audience
from domain.kit.principals import EnvironmentScope
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from models.queries.audiences import members as statements
from models.queries.audiences.builds import built_versions
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection
from services.engine import Engine, Unit
from services.off_loop import off_loop
from services.waits.changes import ENTER, EXIT, tell_of_transitions

# So many comparisons of a user with an audience are quicker than a thread is found for them.
_QUICK = 200


@dataclass(frozen=True, slots=True)
class DynamicAudience:
    """An audience whose members follow from conditions, as it is published."""

    key: str
    version_id: UUID
    audience: Audience


async def dynamic_audiences(
    engine: Engine, connection: Connection, environment: EnvironmentScope
) -> list[DynamicAudience]:
    """Return the dynamic audiences of an environment, by key."""
    configuration = await engine.catalog.current(connection, environment)
    found = []
    for one in configuration.audiences:
        if one.version_id is not None:
            audience = await engine.catalog.compiled(connection, AUDIENCE, one.version_id)
            if audience.is_dynamic:
                found.append(DynamicAudience(one.key, one.version_id, audience))
    return found


async def settle_users(
    unit: Unit, environment: EnvironmentScope, refs: Sequence[RecipientRef]
) -> dict[str, list[Membership]]:
    """Let users that this unit has changed, and holds, enter and leave dynamic audiences.

    Returns:
        By audience those who have entered it and trigger by that. Nobody triggers before all users
        were compared with the audience once: who it applied to from the beginning does not enter.
    """
    audiences = await dynamic_audiences(unit.engine, unit.connection, environment)
    if not audiences:
        return {}
    users = await recipients_by_ref(unit.connection, environment.id, refs)
    entered = await settle(unit, environment.id, audiences, list(users.values()))
    if not entered:
        return {}
    built = await built_versions(unit.connection, environment.id, list(entered))
    versions = {one.key: one.version_id for one in audiences}
    return {key: who for key, who in entered.items() if built.get(key) == versions[key]}


async def settle(
    unit: Unit,
    environment_id: UUID,
    audiences: Sequence[DynamicAudience],
    users: Sequence[Recipient],
) -> dict[str, list[Membership]]:
    """Compare users, whom the unit holds, with audiences; return who entered which."""

    def fulfilled() -> set[tuple[str, str]]:
        return {
            (one.key, user.id)
            for user in users
            for one in audiences
            if one.audience.includes(user.variable(), unit.now)
        }

    is_quick = len(users) * len(audiences) <= _QUICK
    wanted = fulfilled() if is_quick else await off_loop(fulfilled)
    present = await statements.members_among(
        unit.connection,
        environment_id,
        [one.key for one in audiences],
        [user.id for user in users],
    )
    entered: dict[str, list[Membership]] = {}
    for one in audiences:
        coming = [Membership(user_id) for key, user_id in wanted - present if key == one.key]
        going = [Membership(user_id) for key, user_id in present - wanted if key == one.key]
        where = (unit.connection, environment_id, one.key)
        if going:
            gone = await statements.remove_members(*where, sorted(going))
            await tell_of_transitions(unit, environment_id, one.key, EXIT, gone)
        if coming:
            entered[one.key] = await statements.add_members(*where, sorted(coming), unit.now)
            await tell_of_transitions(unit, environment_id, one.key, ENTER, entered[one.key])
    return {key: who for key, who in entered.items() if who}
