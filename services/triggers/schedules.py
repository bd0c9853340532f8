"""Makes, changes, deletes and lists schedules.

Source: Knock docs, "Schedules".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from domain.kit.errors import FieldError, InvalidParams, Unavailable, Unprocessable
from domain.kit.ids import new_id
from domain.kit.json_types import encoded_size
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.identify import InlineRecipient
from domain.recipients.refs import RecipientRef
from domain.schedules.filters import RecipientScheduleFilters, ScheduleFilters
from domain.schedules.occurrences import Timing
from domain.schedules.requests import NewSchedules, ScheduleChanges, check_timing
from domain.schedules.rows import (
    MAX_SHOWN_DATA_BYTES,
    Appointment,
    Schedule,
    ScheduleView,
    rules_of,
)
from domain.workflows.run_data import run_data
from models.queries.recipients.recipients import (
    existing_recipients,
    recipients_by_ref,
)
from models.queries.recipients.subscriptions import hold_recipients
from models.queries.schedules import schedules as statements
from runtime.database import Connection
from services.content.published import published_workflow
from services.engine import Engine, Unit
from services.schedules.appointments import (
    appoint_and_tell,
    first_appointment,
    patience_of,
    tell_clocks,
)
from services.triggers.audience_entries import identify


async def create_schedules(
    engine: Engine, environment: EnvironmentScope, wanted: NewSchedules
) -> list[ScheduleView]:
    """Make a schedule for each recipient; who is given inline is identified first.

    Returns:
        The schedules, in the order in which the request names the recipients.

    Raises:
        NotFound: `workflow_missing`.
        InvalidParams: a recipient is only named and was never identified.
        Unprocessable: `actor_missing`, an actor given by id was never identified.
        Unavailable: a recipient that is new was deleted by somebody else at the same time.
    """
    async with engine.unit() as unit:
        await published_workflow(engine, unit.connection, environment, wanted.workflow_key)
        await _check_actor(unit.connection, environment, wanted.actor, wanted.recipients)
        zones = await _hold(unit, environment, wanted)
        timing = Timing(
            rules_of(wanted.repeats),
            wanted.scheduled_at,
            wanted.ending_at,
            wanted.scheduled_at or unit.now,
        )
        patience = patience_of(engine)
        made = []
        for recipient in wanted.recipients:
            at = timing.first(unit.now, zones[recipient.ref], last=None, patience=patience)
            own = recipient.trigger_data
            data = None if own is None else run_data(wanted.data or {}, own)
            made.append((recipient.ref, data, Appointment(new_id(), at)))
        stored = await statements.insert_schedules(
            unit.connection, environment.id, wanted, made, now=unit.now
        )
        await tell_clocks(unit, environment.id, [appointment for _, _, appointment in made])
        return await _views(unit.connection, environment, _by_id(stored))


async def _check_actor(
    connection: Connection,
    environment: EnvironmentScope,
    actor: InlineRecipient | None,
    others: Sequence[InlineRecipient] = (),
) -> None:
    """Refuse an actor that is only named and was never identified, as a trigger does."""
    if actor is None or actor.properties is not None:
        return
    if any(one.ref == actor.ref and one.properties is not None for one in others):
        return
    if not await existing_recipients(connection, environment.id, [actor.ref]):
        raise Unprocessable(
            f"The actor {actor.ref.id!r} was never identified.", code="actor_missing"
        )


async def _hold(
    unit: Unit, environment: EnvironmentScope, wanted: NewSchedules
) -> dict[RecipientRef, str | None]:
    """Store what a request says of people; keep the recipients from being deleted meanwhile.

    Returns:
        The time zone of each recipient.
    """
    connection = unit.connection
    refs = [recipient.ref for recipient in wanted.recipients]
    held = await hold_recipients(connection, environment.id, refs)
    unknown = [
        FieldError(f"recipients[{index}]", "must have been identified, or be given inline")
        for index, recipient in enumerate(wanted.recipients)
        if recipient.properties is None and recipient.ref not in held
    ]
    if unknown:
        raise InvalidParams(unknown)
    await identify(unit, environment, wanted.people)
    new = set(refs) - held
    if new - await hold_recipients(connection, environment.id, new):
        raise Unavailable("A recipient was identified and deleted meanwhile; try again.")
    return await statements.zones_of(connection, environment.id, refs)


async def update_schedules(
    engine: Engine, environment: EnvironmentScope, changes: ScheduleChanges
) -> list[ScheduleView]:
    """Change those of the schedules that are there, all in the same way.

    An occurrence whose time has come happens with what is stored when it is its turn: before the
    change or after it.

    Returns:
        The schedules as they are now, in the order of the request.

    Raises:
        InvalidParams: one of them would have neither repeats nor an instant to occur at.
        Unprocessable: `actor_missing`.
    """
    async with engine.unit() as unit:
        connection = unit.connection
        await _check_actor(connection, environment, changes.actor)
        await identify(unit, environment, changes.people)
        locked = await statements.lock_schedules(connection, environment.id, changes.ids)
        changed = [replace(one, **_shown(changes), updated_at=unit.now) for one in locked]
        for one in changed:
            check_timing(one.repeats, one.scheduled_at)
        ids = [one.id for one in changed]
        await statements.change_schedules(
            connection, environment.id, ids, changes.columns, now=unit.now
        )
        if changes.moves:
            changed = await _appoint_anew(unit, environment, changed)
        return await _views(connection, environment, _in_order(changed, changes.ids))


def _shown(changes: ScheduleChanges) -> dict[str, Any]:
    """Return the changed columns as answers show them: without data that is too large."""
    columns = dict(changes.columns)
    if columns.get("data") and encoded_size(columns["data"]) > MAX_SHOWN_DATA_BYTES:
        columns["data"] = None
    return columns


async def _appoint_anew(
    unit: Unit, environment: EnvironmentScope, changed: Sequence[Schedule]
) -> list[Schedule]:
    """Make the appointments of schedules that are locked; return them with those."""
    refs = [one.recipient for one in changed]
    zones = await statements.zones_of(unit.connection, environment.id, refs)
    appointments = [
        first_appointment(unit.engine, one, unit.now, zones.get(one.recipient)) for one in changed
    ]
    await appoint_and_tell(unit, environment.id, appointments)
    return [
        replace(one, next_occurrence_at=appointment.at)
        for one, appointment in zip(changed, appointments, strict=True)
    ]


async def delete_schedules(
    engine: Engine, environment: EnvironmentScope, ids: Sequence[UUID]
) -> list[ScheduleView]:
    """Delete schedules; runs that they have made go on.

    Returns:
        Those that were there, in the order of the request.
    """
    async with engine.unit() as unit:
        deleted = await statements.delete_schedules(unit.connection, environment.id, ids)
        return await _views(unit.connection, environment, _in_order(deleted, ids))


async def list_schedules(
    engine: Engine, environment: EnvironmentScope, wanted: ScheduleFilters, request: PageRequest
) -> Page[ScheduleView]:
    """Return a page of the schedules of a workflow, newest first."""
    async with engine.connection() as connection:
        page = await statements.list_schedules(connection, environment.id, wanted, request)
        return page.of(await _views(connection, environment, page.rows))


async def list_schedules_of(
    engine: Engine,
    environment: EnvironmentScope,
    ref: RecipientRef,
    wanted: RecipientScheduleFilters,
    request: PageRequest,
) -> Page[ScheduleView]:
    """Return a page of the schedules of a recipient, newest first."""
    async with engine.connection() as connection:
        page = await statements.list_schedules_of(connection, environment.id, ref, wanted, request)
        return page.of(await _views(connection, environment, page.rows))


def _by_id(stored: Sequence[Schedule]) -> list[Schedule]:
    return sorted(stored, key=lambda one: one.id)


def _in_order(found: Sequence[Schedule], ids: Sequence[UUID]) -> list[Schedule]:
    by_id = {one.id: one for one in found}
    return [by_id[each] for each in ids if each in by_id]


async def _views(
    connection: Connection, environment: EnvironmentScope, found: Sequence[Schedule]
) -> list[ScheduleView]:
    """Add the people of schedules; one whose recipient was deleted meanwhile is left out."""
    actors = [one.actor for one in found if one.actor is not None]
    people = await recipients_by_ref(
        connection, environment.id, [*(one.recipient for one in found), *actors]
    )
    return [
        ScheduleView(
            schedule=one,
            recipient=people[one.recipient],
            actor=people.get(one.actor) if one.actor else None,
        )
        for one in found
        if one.recipient in people
    ]
