"""The runs that a try walks: those of the past, or those that a script would make."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from domain.content.workflow import WORKFLOW
from domain.kit.ids import new_id, recipient_run_id
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from domain.runs.rows import TakenRun
from domain.runs.statuses import RunStatus
from domain.triggers.addressees import BROADCAST_SOURCE
from domain.what_if.rows import NO_RECORD, Named, People, Record, RunToWalk
from domain.workflows import TriggerFrequency
from models.queries.runs import imagined as statements
from models.queries.runs import rehearsals
from runtime.database import Connection
from services.engine import Engine
from services.what_if.imagined import Basis, Imagined

_PAGE = 100


async def recorded_runs(
    engine: Engine, connection: Connection, environment_id: UUID, ids: Sequence[UUID]
) -> AsyncIterator[RunToWalk]:
    """Yield runs of the past, oldest first; they are loaded in pages, as they are asked for."""
    for start in range(0, len(ids), _PAGE):
        page = await rehearsals.runs_by_id(connection, environment_id, ids[start : start + _PAGE])
        records = await rehearsals.records_of(connection, environment_id, page)
        for taken in page:
            data = taken.data
            if data is None:
                data = await engine.trigger_data.get(connection, taken.workflow_run_id)
            then = await engine.catalog.compiled(connection, WORKFLOW, taken.version_id)
            yield RunToWalk(
                taken=taken,
                data=data,
                record=records[taken.id],
                then=then,
                # What a broadcast says is what it said when it was sent.
                definition=then if taken.source.get("type") == BROADCAST_SOURCE else None,
            )


@dataclass(frozen=True, slots=True)
class _Reached:
    """A recipient of a trigger; `through` is the object on the way to one that is not named."""

    ref: RecipientRef
    trigger_data: JsonObject | None
    through: RecipientRef | None


async def imagined_runs(basis: Basis, triggers: Sequence[Imagined]) -> AsyncIterator[RunToWalk]:
    """Yield the runs that triggers would make, in the order of the triggers."""
    for each in triggers:
        trigger_id = new_id()
        everybody = [
            *(_Reached(one.ref, one.trigger_data, None) for one in each.request.recipients),
            *(_Reached(one.ref, one.trigger_data, one.through) for one in each.followers),
        ]
        for start in range(0, len(everybody), _PAGE):
            for run in await _page(basis, each, trigger_id, everybody[start : start + _PAGE]):
                yield run


async def _page(
    basis: Basis, trigger: Imagined, trigger_id: UUID, page: Sequence[_Reached]
) -> list[RunToWalk]:
    """Return the runs of some recipients of a trigger, with these as they are stored."""
    connection, environment_id, request = basis.connection, basis.environment.id, trigger.request
    actor = request.actor.ref if request.actor else None
    tenant_id = request.tenant.ref.id if request.tenant else None
    named = [Named(one.ref, actor, tenant_id) for one in page]
    people = await statements.people_of(connection, environment_id, named)
    entered = await _entered(basis, trigger, [one.ref for one in page])
    ways = await statements.ways_of(
        connection,
        environment_id,
        [(one.through, one.ref) for one in page if one.through is not None],
    )
    return [
        RunToWalk(
            taken=_taken(basis, trigger, trigger_id, one, found),
            data=request.data,
            record=NO_RECORD if one.through is None else Record(through=ways.get(one.ref)),
            then=None,
            definition=trigger.definition,
            unmade=_unmade(trigger, found),
            entered=frozenset(tenant for ref, tenant in entered if ref == one.ref),
        )
        for one, found in zip(page, people, strict=True)
    ]


async def _entered(
    basis: Basis, trigger: Imagined, recipients: Sequence[RecipientRef]
) -> set[tuple[RecipientRef, str]]:
    """Return who has entered a workflow before; nobody where it takes everybody each time."""
    environment, key = basis.environment, trigger.request.workflow_key
    definitions = [await world.definition(basis.connection, key) for world in basis.worlds]
    if trigger.definition is not None or not any(
        one is not None and one.trigger_frequency is not TriggerFrequency.EVERY_TRIGGER
        for one in definitions
    ):
        return set()
    return await statements.entered(
        basis.connection,
        environment.branch_id or environment.id,
        key,
        recipients,
        before=trigger.at,
        is_sandboxed=trigger.request.is_sandboxed,
    )


def _unmade(trigger: Imagined, found: People) -> tuple[str | None, str | None]:
    """Return for each world why somebody has no run in it."""
    reason = None
    if found.recipient is None:
        reason = "the recipient is not stored"
    # A schedule goes on without its actor.
    elif (
        trigger.request.actor is not None
        and found.actor is None
        and (trigger.request.source["type"] != "schedule")
    ):
        reason = "the actor is not stored"
    return trigger.unmade if reason is None else (reason, reason)


def _taken(
    basis: Basis, trigger: Imagined, trigger_id: UUID, reached: _Reached, found: People
) -> TakenRun:
    """Write the run of a recipient as a walk takes it."""
    request, environment, ref = trigger.request, basis.environment, reached.ref
    actor = request.actor.ref if request.actor and found.actor else None
    return TakenRun(
        id=recipient_run_id(trigger_id, ref.gid),
        environment_id=environment.id,
        environment=environment.slug,
        branch_id=environment.branch_id,
        config_version=basis.version,
        workflow_run_id=trigger_id,
        workflow_key=request.workflow_key,
        version_id=trigger_id,
        collection=ref.collection,
        recipient_id=ref.id,
        tenant_id=request.tenant.ref.id if request.tenant else None,
        cancellation_key=request.cancellation_key,
        status=RunStatus.QUEUED,
        error_count=0,
        event_count=0,
        step_outcomes={},
        started_at=None,
        accepted_at=trigger.at,
        data=request.data,
        trigger_data=reached.trigger_data,
        through_id=None,
        settings=request.settings,
        source=request.source,
        actor_collection=actor.collection if actor else None,
        actor_id=actor.id if actor else None,
        recipient=found.recipient,
        actor=found.actor,
        tenant=found.tenant,
        preferences=found.preferences,
    )
