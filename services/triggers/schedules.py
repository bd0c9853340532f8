"""Makes, changes, deletes and lists schedules.

Source: Knock docs, "Schedules".
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from domain.kit.errors import (
    AppError,
    FieldError,
    InvalidParams,
    NotFound,
    Unavailable,
    together,
)
from domain.kit.ids import new_id
from domain.kit.json_types import encoded_size
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.recipients.refs import RecipientRef
from domain.schedules.filters import RecipientScheduleFilters, ScheduleFilters
from domain.schedules.occurrences import Timing
from domain.schedules.requests import NO_TIMING, NewSchedules, ScheduleChanges
from domain.schedules.rows import (
    MAX_SHOWN_DATA_BYTES,
    Appointment,
    NewSchedule,
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
from services.triggers.resolving import actor_missing


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
        stored, refused = await make_schedules(unit, environment, [wanted])
        for refusal in refused.values():
            raise refusal
        return await _views(unit.connection, environment, _by_id(stored))


async def make_schedules(
    unit: Unit, environment: EnvironmentScope, wanted: Sequence[NewSchedules]
) -> tuple[list[Schedule], dict[int, AppError]]:
    """Make the schedules of requests in one unit, as if each had come after the one before.

    Returns:
        The schedules; and by index the requests that are refused, and do nothing.

    Raises:
        InvalidParams: somebody would have more than 256 kB of properties.
        Unavailable: see `create_schedules`.
    """
    connection = unit.connection
    refs = {recipient.ref for one in wanted for recipient in one.recipients}
    held = await hold_recipients(connection, environment.id, refs)
    refused = await _refusals(unit, environment, wanted, held)
    accepted = [one for index, one in enumerate(wanted) if index not in refused]
    await identify(unit, environment, [person for one in accepted for person in one.people])
    new = {recipient.ref for one in accepted for recipient in one.recipients} - held
    if new - await hold_recipients(connection, environment.id, new):
        raise Unavailable("A recipient was deleted at the same time; try again.")
    zones = await statements.zones_of(connection, environment.id, refs)
    made = [
        _new_schedule(unit, one, recipient, zones[recipient.ref])
        for one in accepted
        for recipient in one.recipients
    ]
    stored = await statements.insert_schedules(
        connection, environment.id, made, branch_id=environment.branch_id, now=unit.now
    )
    await tell_clocks(unit, environment.id, [one.appointment for one in made])
    return stored, refused


async def _refusals(
    unit: Unit,
    environment: EnvironmentScope,
    wanted: Sequence[NewSchedules],
    held: Collection[RecipientRef],
) -> dict[int, AppError]:
    """Tell by index which requests are refused, where these recipients are there."""
    connection = unit.connection
    actors = [one.actor.ref for one in wanted if one.actor is not None]
    known = {*held, *await existing_recipients(connection, environment.id, actors)}
    refused: dict[int, AppError] = {}
    for index, one in enumerate(wanted):
        described = {person.ref for person in one.recipients if person.properties is not None}
        found: list[AppError] = []
        try:
            await published_workflow(unit.engine, connection, environment, one.workflow_key)
        except NotFound as refusal:
            found.append(refusal.told_at("workflow"))
        found += _unknown_actor(one.actor, known | described)
        found += _unknown_recipients(one, known | described)
        if found:
            refused[index] = together(found)
        else:
            known |= {person.ref for person in one.people if person.properties is not None}
    return refused


def _unknown_actor(
    actor: InlineRecipient | None, known: Collection[RecipientRef]
) -> Iterator[AppError]:
    """Refuse an actor that is only named and was never identified, as a trigger does."""
    if actor is not None and actor.properties is None and actor.ref not in known:
        yield actor_missing(actor.ref)


def _unknown_recipients(
    wanted: NewSchedules, known: Collection[RecipientRef]
) -> Iterator[AppError]:
    """Refuse recipients that are only named and were never identified."""
    unknown = [
        FieldError(
            wanted.places[recipient.ref], "must have been identified, or be identified inline"
        )
        for recipient in wanted.recipients
        if recipient.ref not in known
    ]
    if unknown:
        yield InvalidParams(unknown)


def _new_schedule(
    unit: Unit, wanted: NewSchedules, recipient: InlineRecipient, zone: str | None
) -> NewSchedule:
    """Return a schedule with the instant at which it occurs first."""
    begins = wanted.scheduled_at or unit.now
    timing = Timing(rules_of(wanted.repeats), wanted.scheduled_at, wanted.ending_at, begins)
    engine = unit.engine
    at = timing.first(unit.now, engine.zone_of(zone), last=None, patience=patience_of(engine))
    own = recipient.trigger_data
    return NewSchedule(
        wanted=wanted,
        recipient=recipient.ref,
        own_data=None if own is None else run_data(wanted.data or {}, own),
        appointment=Appointment(new_id(), at),
    )


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
        actors = [] if changes.actor is None else [changes.actor.ref]
        known = await existing_recipients(connection, environment.id, actors)
        refused = list(_unknown_actor(changes.actor, known))
        await identify(unit, environment, changes.people)
        locked = await statements.lock_schedules(connection, environment.id, changes.ids)
        changed = [replace(one, **_shown(changes), updated_at=unit.now) for one in locked]
        if any(not one.repeats and one.scheduled_at is None for one in changed):
            refused.append(InvalidParams.of("scheduled_at", NO_TIMING))
        if refused:
            raise together(refused)
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
        page = await statements.list_schedules(
            connection, environment.id, wanted, request, branch_id=environment.branch_id
        )
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
        page = await statements.list_schedules_of(
            connection, environment.id, ref, wanted, request, branch_id=environment.branch_id
        )
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
