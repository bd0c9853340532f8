"""Changes what is stored of a recipient as a part of a larger unit, and tells what it changed."""

from __future__ import annotations

from dataclasses import dataclass

from domain.kit.clock import iso
from domain.kit.errors import Unavailable
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.recipients.recipients import Recipient
from models.queries.preferences.sets import preference_sets_of
from models.queries.recipients.recipients import hold_recipient
from runtime.database import give_way
from services.engine import Unit
from services.triggers.audience_entries import Cause, identify


@dataclass(frozen=True, slots=True)
class Update:
    """What became of a recipient.

    Attributes:
        stored: as it is now.
        changes: each member that was said and changed, as `{"before": …, "after": …}`. Nothing of
            channel data is in it.
        preferences: all its sets by id; None where nothing was said of them.
    """

    stored: Recipient
    changes: JsonObject
    preferences: JsonObject | None = None


async def update_within(
    unit: Unit, environment: EnvironmentScope, said: InlineRecipient, cause: Cause
) -> Update:
    """Merge into a recipient, made when it is new, what is said of it.

    Whoever else writes it waits until the unit has ended, so nothing that is merged is lost; of a
    recipient that would stay as it is nothing is written.

    Raises:
        Unprocessable: `chain_too_long`, by an audience that the change leads into; nothing was
            stored.
        InvalidParams: all properties together would have more than 256 kB; nothing was stored.
        Unavailable: somebody else holds or deletes the recipient; the unit has failed.
    """
    connection, ref = unit.connection, said.ref
    await give_way(connection)
    async with unit.savepoint():
        before = await hold_recipient(connection, environment.id, ref)
        before_sets = await _sets(unit, environment, said)
        await identify(unit, environment, [said], cause=cause)
        after = await hold_recipient(connection, environment.id, ref)
        after_sets = await _sets(unit, environment, said)
    if after is None:
        raise Unavailable("The recipient was deleted at the same time; try again.")
    changes = _changes(said, before, after)
    if before_sets is not None and after_sets is not None:
        told = (
            {key: sets.get(key) for key in said.preferences or {}}
            for sets in (before_sets, after_sets)
        )
        first, last = ({"preferences": sets} for sets in told)
        changes |= _differences(first, last)
    return Update(after, changes, after_sets)


async def _sets(
    unit: Unit, environment: EnvironmentScope, said: InlineRecipient
) -> JsonObject | None:
    if not said.preferences:
        return None
    found = await preference_sets_of(unit.connection, environment.id, [said.ref])
    return found.get(said.ref, {})


def _changes(said: InlineRecipient, before: Recipient | None, after: Recipient) -> JsonObject:
    def told(stored: Recipient | None) -> JsonObject:
        if stored is None:
            return {}
        members: JsonObject = {key: stored.properties.get(key) for key in said.properties or {}}
        if said.settings is not None:
            members["settings"] = stored.settings
        if said.created_at is not None:
            members["created_at"] = iso(stored.created_at)
        return members

    return _differences(told(before), told(after))


def _differences(before: JsonObject, after: JsonObject) -> JsonObject:
    missing: JsonValue = None
    return {
        key: {"before": before.get(key, missing), "after": value}
        for key, value in after.items()
        if key not in before or before[key] != value
    }
