"""What reaches people whom a script does not name: events of sources, schedules, broadcasts."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from domain.audiences.members import NO_TENANT, Membership
from domain.broadcasts.broadcast import BROADCAST, Broadcast
from domain.broadcasts.rows import BroadcastStatus, StoredBroadcast
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.json_types import JsonObject, encoded_size
from domain.kit.storable import storable_json
from domain.recipients.inline import InlineRecipient
from domain.sources.actions import in_order, mapped
from domain.triggers.addressees import BROADCAST_SOURCE
from domain.triggers.requests import TriggerRequest
from domain.what_if.rows import ComingSchedule
from domain.what_if.scripts import ImaginedBroadcastIn, ImaginedEventIn, ImaginedSchedulesIn
from models.queries.broadcasts.broadcasts import get_broadcast
from models.queries.runs import imagined as statements
from models.queries.sources import sources
from services.sources.acting import holds, read_membership, read_trigger
from services.sources.receiving import event_name
from services.triggers.audience_entries import grouped
from services.triggers.schedule_clocks import occurrence_request
from services.what_if.imagined import Basis, Imagined, Join, Script

# What the data of all schedules that a script lets occur may take, or that of a file's recipients.
_MOST_DATA_BYTES = 32 * 1024 * 1024
_MOMENT = timedelta(microseconds=1)


async def take_event(
    basis: Basis, script: Script, entry: ImaginedEventIn, place: str, at: datetime
) -> None:
    """Let the mappings of a source do what they do for an event, as far as it triggers.

    Raises:
        InvalidParams: there is no such source, or the event has no usable name.
    """
    source = await sources.find_environment(basis.connection, basis.environment.id, entry.source)
    if source is None:
        raise InvalidParams.of(f"{place}.source", "is not a source of this environment")
    content: JsonObject = {"body": entry.payload, "headers": {}}
    try:
        name = event_name(source.settings, content)
    except InvalidParams as refused:
        raise InvalidParams(
            [
                FieldError(f"{place}.{one.field}".replace("body.", "payload."), one.message)
                for one in refused.errors
            ]
        ) from None
    mappings = in_order(source.mappings, name)
    if not mappings:
        script.note(place, f"the source has no action for the event {name}")
    for mapping in mappings:
        action = mapping["action_type"]
        if not holds(mapping, content, at):
            script.note(place, f"{action}: its conditions are not met")
            continue
        payload = storable_json(mapped(mapping.get("action_parameters"), content))
        try:
            _act(basis, script, action, payload, place=place, at=at)
        except InvalidParams as refused:
            first = refused.errors[0]
            script.note(place, f"{action} would be refused: {first.field} {first.message}")


def _act(
    basis: Basis, script: Script, action: str, payload: JsonObject, *, place: str, at: datetime
) -> None:
    """Take an action of an event as far as it triggers. Raises InvalidParams."""
    match action:
        case "workflows_trigger":
            request = read_trigger(payload)
            if not basis.is_published(request.workflow_key):
                script.note(place, f"{action}: {request.workflow_key} is not published")
                return
            if any(one.properties is not None for one in request.recipients):
                script.note(place, "people are taken as stored, whatever the event says about them")
            script.trigger(Imagined(at=at, place=place, request=_by_id(request)))
        case "audiences_add_member":
            key, given = read_membership(payload)
            script.joins += [Join(at, key, one, place) for one in given.memberships()]
        case _:
            script.note(place, f"{action} is not carried out, because a trial stores nothing")


def _by_id(request: TriggerRequest) -> TriggerRequest:
    """Return a trigger that says nothing of its recipients, but what data is theirs."""
    recipients = [
        InlineRecipient(one.ref, trigger_data=one.trigger_data) for one in request.recipients
    ]
    return replace(request, recipients=tuple(recipients))


async def let_occur(
    basis: Basis, script: Script, entry: ImaginedSchedulesIn, place: str, at: datetime
) -> None:
    """Let the schedules of a workflow occur, each as often as it does. Raises InvalidParams."""
    if entry.until < at:
        raise InvalidParams.of(f"{place}.until", "must not be before it begins")
    room = script.room
    found = await statements.coming_schedules(
        basis.connection,
        basis.environment.id,
        entry.schedules_of,
        until=entry.until,
        limit=room + 1,
        room=_MOST_DATA_BYTES - script.data_bytes,
    )
    script.data_bytes += sum(encoded_size(each.data) for each in found if each.data is not None)
    if not found:
        script.note(place, f"no schedule of {entry.schedules_of} occurs in that time")
    if unread := sum(not each.is_readable for each in found):
        script.note(place, f"{unread} schedules are left out: there is no room for their data")
    zone_of = basis.worlds[0].engine.zone_of
    occurrences = heapq.merge(
        *(
            _occurrences(each, at, entry.until, zone_of(each.zone))
            for each in found
            if each.is_readable
        ),
        key=lambda one: one[:2],
    )
    taken = script.take(place, occurrences)
    if len(found) > room:
        script.note_cut(place, len(taken))
    for occurs_at, _, schedule, following in taken:
        request = occurrence_request(schedule, occurs_at, following)
        script.trigger(Imagined(at=occurs_at, place=place, request=request))


def _occurrences(
    schedule: ComingSchedule, since: datetime, until: datetime, zone: str
) -> Iterator[tuple[datetime, UUID, ComingSchedule, datetime | None]]:
    """Yield when a schedule occurs in a time zone, each time with when it does next."""
    timing, occurs_at = schedule.timing, schedule.next_occurrence_at
    if occurs_at is not None and occurs_at < since:
        occurs_at = timing.next_after(since - _MOMENT, zone)
    while occurs_at is not None and occurs_at <= until:
        following = timing.next_after(occurs_at, zone)
        yield occurs_at, schedule.id, schedule, following
        occurs_at = following


async def send_broadcast(
    basis: Basis, script: Script, entry: ImaginedBroadcastIn, place: str, at: datetime
) -> None:
    """Send a broadcast to those who would receive it now; before it is sent, nobody gets anything.

    Raises:
        InvalidParams: there is no such broadcast, it has no steps, or its file cannot be used.
    """
    key, environment = entry.broadcast, basis.environment
    stored = await get_broadcast(basis.connection, environment.id, key)
    if stored is None:
        raise InvalidParams.of(f"{place}.broadcast", "is not a broadcast of this environment")
    document = BROADCAST.read(stored.content, key)
    if not document.definition.steps:
        raise InvalidParams.of(f"{place}.broadcast", "has no steps")
    audience_key = document.target_audience_key
    if stored.upload_id is None:
        members = await statements.addressees_of(
            basis.connection, environment.id, audience_key, limit=script.room + 1
        )
        listed: dict[Membership, JsonObject | None] = dict.fromkeys(members)
    else:
        _require_usable(stored, document, place)
        listed = await _of_file(basis, script, stored.upload_id, place)
    if not listed:
        named = "audience is empty" if stored.upload_id is None else "file names no user"
        script.note(place, f"{key} reaches nobody: its {named}")
    is_draft = stored.status == BroadcastStatus.DRAFT
    source = {"type": BROADCAST_SOURCE, "broadcast_key": key, "audience_key": audience_key}
    for tenant, group in grouped(script.take(place, listed)):
        tenant_id = NO_TENANT if tenant is None else tenant.ref.id
        recipients = tuple(
            replace(one, trigger_data=listed[Membership(one.ref.id, tenant_id)]) for one in group
        )
        script.trigger(
            Imagined(
                at=at,
                place=place,
                request=TriggerRequest(
                    key, recipients, tenant=tenant, source=source, reaches_followers=False
                ),
                unmade=("the broadcast has not been sent" if is_draft else None, None),
                definition=document.definition,
            )
        )


def _require_usable(stored: StoredBroadcast, document: Broadcast, place: str) -> None:
    """Refuse a broadcast that could not be sent to the users of its file, or whose are gone."""
    told = None
    if stored.status == BroadcastStatus.SENT:
        told = "was sent to the users of a CSV file, which is no longer stored"
    elif document.target_audience_key is not None:
        told = "has a target_audience_key and a CSV file of recipients, so it cannot be sent"
    elif not stored.upload_is_complete:
        told = "has a CSV file of recipients that has not been read completely"
    if told is not None:
        raise InvalidParams.of(f"{place}.broadcast", told)


async def _of_file(
    basis: Basis, script: Script, upload_id: UUID, place: str
) -> dict[Membership, JsonObject | None]:
    """Return the first of those whom a file names, each with its data."""
    found = await statements.uploaded_of(
        basis.connection,
        basis.environment.id,
        upload_id,
        limit=script.room + 1,
        room=_MOST_DATA_BYTES - script.data_bytes,
    )
    script.data_bytes += sum(encoded_size(each.data) for each in found if each.data is not None)
    if unread := sum(not each.is_readable for each in found):
        script.note(place, f"{unread} recipients are left out: there is no room for their data")
    return {each.membership: each.data for each in found if each.is_readable}
