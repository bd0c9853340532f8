"""Accept a trigger, accept a cancel: one transaction each, and only then Temporal.

A 200 means: durable in PostgreSQL, and started, or certain to be started, because the sweep starts
what this process could not. No trigger is refused because Temporal is away.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from domain.content.workflow import WORKFLOW
from domain.kit.errors import AppError, InvalidParams, Unavailable, Unprocessable
from domain.kit.ids import new_id
from domain.kit.principals import EnvironmentScope
from domain.triggers.idempotency import IdempotencyClaim, StoredAnswer
from domain.triggers.requests import CancelRequest, TriggerAnswer, TriggerRequest
from domain.workflows import TriggerFrequency
from models.queries.recipients.recipients import (
    described,
    existing_recipients,
    upsert_recipients,
)
from models.queries.triggers import accept as statements
from models.queries.triggers import cancellations, idempotency
from models.queries.triggers.accept import Accepted, Refusal, TriggerDraft
from models.sql import give_way
from runtime.database import Connection
from services.content.published import published_workflow
from services.engine import Engine, Unit
from services.schedules.zones import follow_zones
from services.triggers.releases import release_cancellation, release_trigger


@dataclass(frozen=True, slots=True)
class _Resolved:
    """The version of a workflow that a trigger's runs walk through, and how often one may enter."""

    version_id: UUID
    frequency: TriggerFrequency


async def trigger(
    engine: Engine,
    environment: EnvironmentScope,
    request: TriggerRequest,
    claim: IdempotencyClaim | None = None,
) -> TriggerAnswer:
    """Run a workflow for recipients (Knock docs: "Triggering workflows").

    Args:
        engine: the parts of this process.
        environment: where.
        request: parsed and checked for shape.
        claim: the request's `Idempotency-Key`, if it has one.

    Raises:
        NotFound: `workflow_missing`, the key is unknown or never committed here.
        Unprocessable: `workflow_inactive`, or `actor_missing`.
        InvalidParams: data breaks the workflow's JSON Schema.
        BadRequest: `idempotency_key_mismatch`.
    """
    workflow_run_id = new_id()
    accepted = await _accept(engine, environment, request, workflow_run_id, claim)
    if isinstance(accepted, StoredAnswer):
        return TriggerAnswer(
            UUID(accepted.body["workflow_run_id"]), accepted.request_id, dict(accepted.headers)
        )
    await release_trigger(
        engine, environment, workflow_run_id, accepted.runs, expands=accepted.expands
    )
    return TriggerAnswer(workflow_run_id)


async def trigger_within(
    unit: Unit, environment: EnvironmentScope, request: TriggerRequest, workflow_run_id: UUID
) -> None:
    """Accept a trigger as a part of a larger unit, after whose commit its runs are started.

    Raises:
        NotFound, Unprocessable, InvalidParams: as `trigger` does; nothing was stored.
        Unavailable: somebody else has locked whom the trigger describes; the unit has failed.
    """
    engine, connection = unit.engine, unit.connection
    await give_way(connection)
    resolved = await _resolve(engine, connection, environment, request)
    draft = _draft(
        engine, environment, request, resolved, workflow_run_id=workflow_run_id, now=unit.now
    )
    outcome: Accepted | Refusal = Refusal.UNSETTLED
    if not _stores_more_than_rows(draft):
        # Nobody is locked who stays as he is: a walk may go on for long.
        outcome = await statements.accept_trigger(connection, environment.id, draft)
    if isinstance(outcome, Refusal):
        outcome = await _store_and_accept(unit, environment, draft)
    release = partial(release_trigger, engine, environment, workflow_run_id, outcome.runs)
    unit.after(partial(release, expands=outcome.expands))


def _draft(
    engine: Engine,
    environment: EnvironmentScope,
    request: TriggerRequest,
    resolved: _Resolved,
    *,
    workflow_run_id: UUID,
    now: datetime,
) -> TriggerDraft:
    others = [entry for entry in (request.actor, request.tenant) if entry is not None]
    tenant_id = request.tenant.ref.id if request.tenant else None
    return TriggerDraft(
        environment=environment.slug,
        request=request,
        people=described([*request.recipients, *others]),
        claim=None,
        workflow_run_id=workflow_run_id,
        now=now,
        version_id=resolved.version_id,
        first_run_for=None if request.is_rehearsal else resolved.frequency.first_run_for(tenant_id),
        release_within=timedelta(seconds=engine.settings.sweep_seconds),
    )


def _stores_more_than_rows(draft: TriggerDraft) -> bool:
    """Tell whether something is said of a person that is not kept in the person's own row."""
    return any(
        person.channel_data or person.preferences or person.replaces_preferences
        for person in draft.people
    )


async def _accept(
    engine: Engine,
    environment: EnvironmentScope,
    request: TriggerRequest,
    workflow_run_id: UUID,
    claim: IdempotencyClaim | None,
) -> Accepted | StoredAnswer:
    """Accept a trigger in one statement, unless it has to store what it says about somebody."""
    now = engine.clock()
    async with engine.connection() as connection:
        try:
            resolved = await _resolve(engine, connection, environment, request)
        except AppError:
            # The workflow may have gone since the first request with this key was accepted.
            stored = await _stored_answer(connection, environment.id, claim, now)
            if stored is not None:
                return stored
            raise
        draft = _draft(
            engine, environment, request, resolved, workflow_run_id=workflow_run_id, now=now
        )
        draft = replace(draft, claim=claim)
        outcome: Accepted | Refusal = Refusal.UNSETTLED
        # What is kept in a person's own row needs no transaction of its own.
        if not _stores_more_than_rows(draft):
            outcome = await statements.accept_trigger(connection, environment.id, draft)
        if isinstance(outcome, Accepted):
            return outcome
        if outcome is Refusal.KEY_TAKEN:
            stored = await _stored_answer(connection, environment.id, claim, now)
            if stored is None:
                raise Unavailable("The Idempotency-Key has just expired; try again.")
            return stored
    return await _accept_with_people(engine, environment, draft)


async def _accept_with_people(
    engine: Engine, environment: EnvironmentScope, draft: TriggerDraft
) -> Accepted | StoredAnswer:
    """Accept a trigger that changes people: the key first, so that a replay stores nobody.

    Raises:
        Unprocessable: `actor_missing`.
    """
    async with engine.unit() as unit:
        draft = replace(draft, now=unit.now)
        if draft.claim is not None:
            stored = await idempotency.claim(
                unit.connection, environment.id, draft.claim, answer=draft.answer, now=draft.now
            )
            if stored is not None:
                return stored
        return await _store_and_accept(unit, environment, draft)


async def _store_and_accept(
    unit: Unit, environment: EnvironmentScope, draft: TriggerDraft
) -> Accepted:
    """Store the people that a trigger describes, then the trigger with its runs.

    Raises:
        Unprocessable: `actor_missing`, an actor given by id was never identified.
    """
    connection, actor = unit.connection, draft.request.actor
    if (
        actor is not None
        and actor.properties is None
        and actor.ref not in {person.ref for person in draft.people}
        and not await existing_recipients(connection, environment.id, [actor.ref])
    ):
        raise Unprocessable(
            f"The actor {actor.ref.id!r} was never identified.", code="actor_missing"
        )
    await upsert_recipients(connection, environment.id, draft.people, draft.now)
    await follow_zones(unit, environment.id, draft.people)
    accepted = await statements.accept_trigger(connection, environment.id, draft, is_prepared=True)
    return Accepted([]) if isinstance(accepted, Refusal) else accepted


async def _stored_answer(
    connection: Connection, environment_id: UUID, claim: IdempotencyClaim | None, now: datetime
) -> StoredAnswer | None:
    if claim is None:
        return None
    return await idempotency.find(connection, environment_id, claim, now=now)


async def cancel(engine: Engine, environment: EnvironmentScope, request: CancelRequest) -> None:
    """Cancel the open runs of a cancellation key (Knock docs: "Canceling workflows").

    It holds for every trigger that was accepted before it, started or not; none of those runs has
    an effect after this returns. Messages already made are untouched.

    Raises:
        NotFound: `workflow_missing`.
    """
    cancellation_id = new_id()
    async with engine.unit() as unit:
        await published_workflow(engine, unit.connection, environment, request.workflow_key)
        runs = await cancellations.cancel_runs(
            unit.connection,
            environment.id,
            cancellation_id=cancellation_id,
            workflow_key=request.workflow_key,
            cancellation_key=request.cancellation_key,
            recipients=request.recipients,
            now=unit.now,
            release_within=timedelta(seconds=engine.settings.sweep_seconds),
        )
        if runs:
            release = partial(release_cancellation, engine, environment, cancellation_id)
            unit.after(partial(release, run_count=len(runs)))


async def _resolve(
    engine: Engine,
    connection: Connection,
    environment: EnvironmentScope,
    request: TriggerRequest,
) -> _Resolved:
    """Find the version that this trigger's runs keep for life, and check the data against it.

    What recipients add to the data of their own is not checked.

    Raises:
        NotFound: `workflow_missing`.
        Unprocessable: `workflow_inactive`; or `workflow_schema_invalid`, an earlier release
            accepted a schema that this one cannot use.
        InvalidParams: with each violation of the schema at its place.
    """
    published = await published_workflow(engine, connection, environment, request.workflow_key)
    if published.version_id is None or not published.is_active:
        raise Unprocessable(
            f"The workflow {request.workflow_key!r} is inactive.", code="workflow_inactive"
        )
    definition = await engine.catalog.compiled(connection, WORKFLOW, published.version_id)
    resolved = _Resolved(published.version_id, definition.trigger_frequency)
    schema = definition.trigger_data_json_schema
    if schema is None:
        return resolved
    try:
        compiled = engine.trigger_schemas.get(published.version_id, schema)
    except ValueError as error:
        raise Unprocessable(
            "The workflow's trigger_data_json_schema cannot be used: save and commit it again.",
            code="workflow_schema_invalid",
        ) from error
    found = await compiled.violations(request.data, request.data_bytes)
    if found:
        raise InvalidParams(found, "The trigger data does not match the workflow's schema.")
    return resolved
