"""Reads scripts: what they make happen, every fault at its place.

People are named by id and are as they are stored: a try stores nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

from domain.audiences.members import Membership
from domain.content.audience import AUDIENCE
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import encoded_size
from domain.recipients.inline import inline
from domain.triggers.requests import TriggerRequest
from domain.what_if.requests import MOST_RUNS
from domain.what_if.scripts import (
    ImaginedBroadcastIn,
    ImaginedEntryIn,
    ImaginedEventIn,
    ImaginedSchedulesIn,
    ImaginedTriggerIn,
    ScriptEntryIn,
)
from services.triggers.audience_entries import grouped
from services.what_if.followers import let_follow
from services.what_if.happenings import let_occur, send_broadcast, take_event
from services.what_if.imagined import Basis, Imagined, Join, Script, Visit

# Beyond them lie instants that no calendar, and no id, can write.
_YEARS = range(1970, 9000)
_BY_ID = "must refer to a stored recipient by id, because a trial stores nobody"
# What reaches people whom the script does not name.
_REACHING = (ImaginedSchedulesIn, ImaginedBroadcastIn)


async def read_script(basis: Basis, entries: Sequence[ScriptEntryIn]) -> Script:
    """Say what a script makes happen.

    Args:
        basis: what it is read with.
        entries: the script, in any order.

    Raises:
        InvalidParams: with every fault at its place.
    """
    script, errors = Script(), list[FieldError]()
    placed = [(f"triggers[{index}]", entry) for index, entry in enumerate(entries)]
    for place, entry in placed:
        if not isinstance(entry, _REACHING):
            errors += await _faults(basis, script, entry, place)
    await _let_join(basis, script)
    viewers = sum(len(each.viewers) for each in script.visits)
    too_many = [
        FieldError("triggers", f"may name at most {MOST_RUNS} {noun} in total")
        for noun, count in (("recipients", script.runs), ("viewers", viewers))
        if count > MOST_RUNS
    ]
    if too_many:  # whatever follows from it is not worth the time
        raise InvalidParams([*errors, *too_many])
    if not errors:
        # They take the room that is left.
        await let_follow(basis, script)
    for place, entry in placed:
        if not isinstance(entry, _REACHING):
            continue
        if basis.is_over:
            script.note(place, "it is left out: the time was up")
        else:
            errors += await _faults(basis, script, entry, place)
    if errors:
        raise InvalidParams(errors)
    script.triggers.sort(key=lambda each: each.at)
    return script


async def _faults(
    basis: Basis, script: Script, entry: ScriptEntryIn, place: str
) -> list[FieldError]:
    """Read an entry into the script; return what is wrong with it."""
    at = entry.at or basis.now
    faults = [
        FieldError(f"{place}.{name}", f"must be in a year between {_YEARS[0]} and {_YEARS[-1]}")
        for name in ("at", "until")
        if (instant := getattr(entry, name, None)) is not None and instant.year not in _YEARS
    ]
    if faults:
        return faults
    try:
        match entry:
            case ImaginedTriggerIn():
                _trigger(basis, script, entry, place, at)
            case ImaginedEntryIn():
                _join(basis, script, entry, place, at)
            case ImaginedEventIn():
                await take_event(basis, script, entry, place, at)
            case ImaginedSchedulesIn():
                await let_occur(basis, script, entry, place, at)
            case ImaginedBroadcastIn():
                await send_broadcast(basis, script, entry, place, at)
            case _:
                script.visits.append(
                    Visit(
                        at=at, viewers=entry.viewers, tenant_id=entry.tenant, data=entry.data or {}
                    )
                )
    except InvalidParams as refused:
        return list(refused.errors)
    return []


def _trigger(
    basis: Basis, script: Script, entry: ImaginedTriggerIn, place: str, at: datetime
) -> None:
    """Take over a trigger. Raises InvalidParams."""
    errors: list[FieldError] = []
    if not basis.is_published(entry.workflow):
        errors.append(FieldError(f"{place}.workflow", "is not published, and has no draft"))
    errors += [
        FieldError(f"{place}.recipients[{position}]", _BY_ID)
        for position, recipient in enumerate(entry.recipients)
        if inline(recipient, "").properties is not None
    ]
    if entry.actor is not None and inline(entry.actor, "").properties is not None:
        errors.append(FieldError(f"{place}.actor", _BY_ID))
    if entry.tenant is not None and not isinstance(entry.tenant, str):
        errors.append(FieldError(f"{place}.tenant", _BY_ID))
    try:
        request = entry.request(entry.workflow, size=encoded_size(entry.data or {}))
    except InvalidParams as refused:
        errors += [error.under(place) for error in refused.errors]
    else:
        script.trigger(Imagined(at=at, place=place, request=request))
    if errors:
        raise InvalidParams(errors)


def _join(basis: Basis, script: Script, entry: ImaginedEntryIn, place: str, at: datetime) -> None:
    """Let members join an audience. Raises InvalidParams."""
    errors = [
        FieldError(f"{place}.members[{position}].user", _BY_ID)
        for position, member in enumerate(entry.members)
        if member.user.model_extra or member.user.model_fields_set - {"id", "collection"}
    ]
    found = basis.worlds[0].configuration.published(AUDIENCE, entry.audience)
    if found is None or not found.is_active or found.version_id is None:
        errors.append(FieldError(f"{place}.audience", "is not an audience of this environment"))
    if errors:
        raise InvalidParams(errors)
    script.joins += [Join(at, entry.audience, one, place) for one in entry.memberships()]


async def _let_join(basis: Basis, script: Script) -> None:
    """Trigger the workflows of audiences for those who join them, each the first time only.

    Whether they are in it already does not count: the script says that they join.
    """
    present = set[tuple[str, Membership]]()
    joins = sorted(script.joins)
    for (at, key), group in groupby(joins, key=lambda one: (one.at, one.audience_key)):
        come = [one for one in group if (key, one.membership) not in present]
        if not come:
            continue
        present |= {(key, one.membership) for one in come}
        triggered = [
            await world.engine.catalog.workflows_of_audience(
                basis.connection, basis.environment.id, basis.version, key
            )
            for world in basis.worlds
        ]
        workflows = sorted({*triggered[0], *triggered[1]})
        if not workflows:
            for one in come:
                script.note(one.place, f"joining {key} triggers no workflow")
        without = [
            {
                name: None if name in each else f"joining {key} does not trigger it"
                for name in workflows
            }
            for each in triggered
        ]
        for tenant, recipients in grouped({one.membership for one in come}):
            script.trigger(
                *[
                    Imagined(
                        at=at,
                        place=come[0].place,
                        request=TriggerRequest(
                            name,
                            recipients,
                            tenant=tenant,
                            source={"type": "audience", "audience_key": key},
                        ),
                        unmade=(without[0][name], without[1][name]),
                    )
                    for name in workflows
                ]
            )
