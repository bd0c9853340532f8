"""The runs that a try walks: those of the past, or those that imagined triggers would make."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from uuid import UUID

from domain.content.workflow import WORKFLOW
from domain.kit.errors import FieldError, InvalidParams
from domain.kit.ids import new_id, recipient_run_id
from domain.kit.json_types import encoded_size
from domain.kit.principals import EnvironmentScope
from domain.recipients.identify import inline
from domain.runs.rows import TakenRun
from domain.runs.statuses import RunStatus
from domain.triggers.requests import TriggerRequest
from domain.what_if.requests import MOST_RUNS, ImaginedTriggerIn
from domain.what_if.rows import NO_RECORD
from models.queries.runs import rehearsals
from models.queries.runs.rehearsals import Named
from runtime.database import Connection
from services.content.catalog import Configuration
from services.engine import Engine
from services.what_if.worlds import RunToWalk

_PAGE = 100
# Beyond them lie instants that no calendar, and no id, can write.
_YEARS = range(1970, 9000)
_BY_ID = "must name somebody who is stored, by id alone: a try stores nobody"


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
            yield RunToWalk(taken=taken, data=data, record=records[taken.id], then=then)


def read_triggers(
    given: Sequence[ImaginedTriggerIn], worlds: Sequence[Configuration], now: datetime
) -> list[tuple[datetime, TriggerRequest]]:
    """Say what imagined triggers ask for, in the order in which they come.

    Args:
        given: the triggers.
        worlds: their workflows have to be published in one of these.
        now: when those come that do not say it.

    Raises:
        InvalidParams: with every fault at its place.
    """
    errors: list[FieldError] = []
    requests: list[tuple[datetime, TriggerRequest]] = []
    for index, each in enumerate(given):
        place = f"triggers[{index}]"
        if not any(_has(world, each.workflow) for world in worlds):
            errors.append(FieldError(f"{place}.workflow", "is not published, and has no draft"))
        errors += [
            FieldError(f"{place}.recipients[{position}]", _BY_ID)
            for position, recipient in enumerate(each.recipients)
            if inline(recipient, "").properties is not None
        ]
        if each.actor is not None and inline(each.actor, "").properties is not None:
            errors.append(FieldError(f"{place}.actor", _BY_ID))
        if each.at is not None and each.at.year not in _YEARS:
            years = f"{_YEARS.start} and {_YEARS.stop - 1}"
            errors.append(FieldError(f"{place}.at", f"must be in a year between {years}"))
        if each.tenant is not None and not isinstance(each.tenant, str):
            errors.append(FieldError(f"{place}.tenant", _BY_ID))
        try:
            request = each.request(each.workflow, size=encoded_size(each.data or {}))
        except InvalidParams as refusal:
            errors += [error.under(place) for error in refusal.errors]
        else:
            requests.append((each.at or now, request))
    if sum(len(request.recipients) for _, request in requests) > MOST_RUNS:
        errors.append(FieldError("triggers", f"may name at most {MOST_RUNS} recipients together"))
    if errors:
        raise InvalidParams(errors)
    return sorted(requests, key=lambda each: each[0])


def _has(world: Configuration, workflow_key: str) -> bool:
    published = world.published(WORKFLOW, workflow_key)
    return published is not None and published.version_id is not None


async def imagined_runs(
    connection: Connection,
    environment: EnvironmentScope,
    config_version: int,
    requests: Sequence[tuple[datetime, TriggerRequest]],
) -> AsyncIterator[RunToWalk]:
    """Yield the runs that triggers would make for the recipients whom they name."""
    for at, request in requests:
        actor = request.actor.ref if request.actor else None
        tenant_id = request.tenant.ref.id if request.tenant else None
        named = [Named(each.ref, actor, tenant_id) for each in request.recipients]
        people = await rehearsals.people_of(connection, environment.id, named)
        trigger_id = new_id()
        for each, found in zip(named, people, strict=True):
            ref = each.recipient
            taken = TakenRun(
                id=recipient_run_id(trigger_id, ref.gid),
                environment_id=environment.id,
                environment=environment.slug,
                branch_id=environment.branch_id,
                config_version=config_version,
                workflow_run_id=trigger_id,
                workflow_key=request.workflow_key,
                version_id=trigger_id,
                collection=ref.collection,
                recipient_id=ref.id,
                tenant_id=tenant_id,
                cancellation_key=request.cancellation_key,
                status=RunStatus.QUEUED,
                error_count=0,
                event_count=0,
                step_outcomes={},
                started_at=None,
                accepted_at=at,
                data=request.data,
                trigger_data=None,
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
            yield RunToWalk(taken=taken, data=request.data, record=NO_RECORD, then=None)
