"""Tells runs of changes of their recipients, and of audiences that these enter or leave.

A change is stored for each wait that it may end, in the transaction that makes it, and the run is
told after the commit. That transaction holds the recipient, as the one does that registers a wait:
so a change comes before the wait, or is seen by it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from domain.audiences.members import NO_TENANT, Membership
from domain.channels.channel_data import without_credentials
from domain.kit.clock import iso
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject
from domain.kit.storable import storable_json
from domain.recipients.refs import RecipientRef
from domain.recipients.shapes import UserIn
from domain.waits.rows import AwaitingRecipient, NewChange
from models.queries.waits import changes as statements
from services.engine import Unit
from services.waits.telling import tell_runs

ENTER, EXIT = "enter", "exit"


async def tell_of_updates(unit: Unit, environment_id: UUID, refs: Collection[RecipientRef]) -> None:
    """Tell runs that wait for a change of recipients, whom the unit has changed and holds."""
    if not refs:
        return
    connection = unit.connection
    waiting = await statements.awaiting_recipients(
        connection, environment_id, refs, event_type="recipient", event_key="updated"
    )
    if not waiting:
        return
    stored = await statements.stored_of(
        connection, environment_id, {run.recipient for run in waiting}
    )
    changes = []
    for run in waiting:
        found = stored.get(run.recipient, {})
        properties, data = found.get("properties", {}), found.get("channel_data", {})
        known = {name: properties[name] for name in UserIn.kept if name in properties}
        changes.append(
            _change(
                unit,
                run,
                {
                    "recipient": run.recipient.wire(),
                    "event_type": "recipient.updated",
                    "timestamp": iso(unit.now),
                    "knock_traits": known,
                    **found,
                    "channel_data": {
                        channel_id: without_credentials(each) for channel_id, each in data.items()
                    },
                },
            )
        )
    await _tell(unit, waiting, changes)


async def tell_of_transitions(
    unit: Unit,
    environment_id: UUID,
    audience_key: str,
    transition: str,
    members: Iterable[Membership],
) -> None:
    """Tell runs that wait for their recipients to enter an audience, or to leave it.

    Args:
        unit: has changed the members, and holds the users.
        environment_id: where.
        audience_key: of which audience.
        transition: `ENTER` or `EXIT`.
        members: who did; each has a tenant or none.
    """
    tenants: dict[RecipientRef, list[str]] = defaultdict(list)
    for one in members:
        tenants[RecipientRef.user(one.user_id)].append(one.tenant_id)
    if not tenants:
        return
    waiting = await statements.awaiting_recipients(
        unit.connection,
        environment_id,
        tenants,
        event_type="audience",
        event_key=transition,
        source_key=audience_key,
    )
    changes = [
        _change(
            unit,
            run,
            {
                "audience_id": audience_key,
                "recipient": run.recipient.wire(),
                "transition": transition,
                "tenant_id": None if tenant_id == NO_TENANT else tenant_id,
                "happened_at": iso(unit.now),
            },
        )
        for run in waiting
        for tenant_id in tenants[run.recipient]
    ]
    await _tell(unit, waiting, changes)


def _change(unit: Unit, run: AwaitingRecipient, variables: JsonObject) -> NewChange:
    return NewChange(
        recipient_run_id=run.recipient_run_id,
        step_ref=run.step_ref,
        id=new_id(),
        environment_id=run.environment_id,
        variables=storable_json(variables),
        # A unit that had to wait for the registration began before it, and came after it.
        happened_at=max(unit.now, run.registered_at),
    )


async def _tell(
    unit: Unit, waiting: Sequence[AwaitingRecipient], changes: Sequence[NewChange]
) -> None:
    """Store the changes, and owe each run the word of them."""
    await statements.add_changes(unit.connection, changes)
    await tell_runs(unit, waiting)
