"""Who is in which dynamic audience: compared where a user changes, in the same transaction.

An environment without dynamic audiences pays nothing for them: that there are none is in the
configuration, which a process remembers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.audiences.members import Membership
from domain.content.audience import AUDIENCE, Audience
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.recipients.recipients import Recipient
from domain.recipients.refs import RecipientRef
from models.queries.audiences import members as statements
from models.queries.audiences.builds import built_versions
from models.queries.recipients.recipients import recipients_by_ref
from runtime.database import Connection
from services.engine import Engine, Unit
from services.off_loop import off_loop
from services.waits.changes import ENTER, EXIT, tell_of_transitions

# Up to this many comparisons of a user with an audience take less time than to find a thread.
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


async def unbuilt(
    connection: Connection, environment_id: UUID, audiences: Sequence[DynamicAudience]
) -> list[DynamicAudience]:
    """Return those of some audiences with which not all users were compared since their commit."""
    built = await built_versions(connection, environment_id, [one.key for one in audiences])
    return [one for one in audiences if built.get(one.key) != one.version_id]


async def asks_what_they_were(
    unit: Unit, environment: EnvironmentScope, people: Iterable[InlineRecipient]
) -> bool:
    """Tell whether `settle_users` will want to know what people were whom a unit is to change.

    It does not where all users were compared with all audiences: who is in one is a row then.
    """
    if not any(one.ref.is_user and one.properties is not None for one in people):
        return False
    audiences = await dynamic_audiences(unit.engine, unit.connection, environment)
    return bool(audiences and await unbuilt(unit.connection, environment.id, audiences))


async def settle_users(
    unit: Unit,
    environment: EnvironmentScope,
    refs: Sequence[RecipientRef],
    before: Mapping[RecipientRef, Recipient | None],
) -> dict[str, list[Membership]]:
    """Let users that this unit has changed, and holds, enter and leave dynamic audiences.

    Args:
        unit: the transaction.
        environment: where.
        refs: the users.
        before: what they were, None for who is new; of those of whom it is known.

    Returns:
        By audience those who have entered it and trigger by that. Who it applied to from its
        beginning does not enter: as long as not all users were compared with it, that tells what
        they were before.
    """
    audiences = await dynamic_audiences(unit.engine, unit.connection, environment)
    if not audiences:
        return {}
    users = await recipients_by_ref(unit.connection, environment.id, refs)
    entered = await settle(unit, environment.id, audiences, list(users.values()))
    if not entered:
        return {}
    affected = [one for one in audiences if one.key in entered]
    for one in await unbuilt(unit.connection, environment.id, affected):
        entered[one.key] = [
            member
            for member in entered[one.key]
            if (ref := RecipientRef.user(member.user_id)) in before
            and not _included(one, before[ref], unit.now)
        ]
    return {key: who for key, who in entered.items() if who}


def _included(one: DynamicAudience, user: Recipient | None, now: datetime) -> bool:
    return user is not None and one.audience.includes(user.variable(), now)


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
