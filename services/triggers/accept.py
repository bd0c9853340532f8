"""Accept a trigger, accept a cancel: one transaction each, and only then Temporal.

A 200 means: durable in PostgreSQL, and started, or certain to be started, because the sweep starts
what this process could not. No trigger is refused because Temporal is away.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from domain.content.rows import Published
from domain.content.workflow import WORKFLOW
from domain.kit.errors import AppError, InvalidParams, NotFound, Unavailable, Unprocessable
from domain.kit.ids import new_id
from domain.kit.principals import EnvironmentScope
from domain.runs.rows import StartableRun
from domain.triggers.idempotency import IdempotencyClaim, StoredAnswer
from domain.triggers.requests import CancelRequest, TriggerAnswer, TriggerRequest
from models.queries.recipients.recipients import (
    described,
    existing_recipients,
    upsert_recipients,
)
from models.queries.triggers import accept as statements
from models.queries.triggers import cancellations, idempotency
from models.queries.triggers.accept import Refusal, TriggerDraft
from models.sql import give_way
from runtime.database import Connection
from services.engine import Engine, Unit
from services.triggers.releases import release_cancellation, release_trigger


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
    draft = _draft(engine, environment, request, workflow_run_id=new_id(), now=engine.clock())
    draft = replace(draft, claim=claim)
    accepted = await _accept(engine, environment, draft)
    if isinstance(accepted, StoredAnswer):
        return TriggerAnswer(
            UUID(accepted.body["workflow_run_id"]), accepted.request_id, dict(accepted.headers)
        )
    if accepted:
        await release_trigger(engine, environment, draft.workflow_run_id, accepted)
    return TriggerAnswer(draft.workflow_run_id)


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
    draft = _draft(engine, environment, request, workflow_run_id=workflow_run_id, now=unit.now)
    version_id = await _resolve(engine, connection, environment, request)
    outcome: list[StartableRun] | Refusal = Refusal.UNSETTLED
    if not _stores_more_than_rows(draft):
        # Nobody is locked who stays as he is: a walk may go on for long.
        outcome = await statements.accept_trigger(
            connection, environment.id, draft, version_id=version_id
        )
    runs = outcome
    if isinstance(runs, Refusal):
        runs = await _store_and_accept(connection, environment, draft, version_id)
    if runs:
        unit.after(partial(release_trigger, engine, environment, workflow_run_id, runs))


def _draft(
    engine: Engine,
    environment: EnvironmentScope,
    request: TriggerRequest,
    *,
    workflow_run_id: UUID,
    now: datetime,
) -> TriggerDraft:
    others = [entry for entry in (request.actor, request.tenant) if entry is not None]
    return TriggerDraft(
        environment=environment.slug,
        request=request,
        people=described([*request.recipients, *others]),
        claim=None,
        workflow_run_id=workflow_run_id,
        now=now,
        release_within=timedelta(seconds=engine.settings.sweep_seconds),
    )


def _stores_more_than_rows(draft: TriggerDraft) -> bool:
    """Tell whether something is said of a person that is not kept in the person's own row."""
    return any(
        person.channel_data or person.preferences or person.replaces_preferences
        for person in draft.people
    )


async def _accept(
    engine: Engine, environment: EnvironmentScope, draft: TriggerDraft
) -> list[StartableRun] | StoredAnswer:
    """Accept a trigger in one statement, unless it has to store what it says about somebody."""
    async with engine.connection() as connection:
        try:
            version_id = await _resolve(engine, connection, environment, draft.request)
        except AppError:
            # The workflow may have gone since the first request with this key was accepted.
            stored = await _stored_answer(connection, environment.id, draft)
            if stored is not None:
                return stored
            raise
        outcome: list[StartableRun] | Refusal = Refusal.UNSETTLED
        # What is kept in a person's own row needs no transaction of its own.
        if not _stores_more_than_rows(draft):
            outcome = await statements.accept_trigger(
                connection, environment.id, draft, version_id=version_id
            )
        if isinstance(outcome, list):
            return outcome
        if outcome is Refusal.KEY_TAKEN:
            stored = await _stored_answer(connection, environment.id, draft)
            if stored is None:
                raise Unavailable("The Idempotency-Key has just expired; try again.")
            return stored
    return await _accept_with_people(engine, environment, draft, version_id)


async def _accept_with_people(
    engine: Engine, environment: EnvironmentScope, draft: TriggerDraft, version_id: UUID
) -> list[StartableRun] | StoredAnswer:
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
        return await _store_and_accept(unit.connection, environment, draft, version_id)


async def _store_and_accept(
    connection: Connection, environment: EnvironmentScope, draft: TriggerDraft, version_id: UUID
) -> list[StartableRun]:
    """Store the people that a trigger describes, then the trigger with its runs.

    Raises:
        Unprocessable: `actor_missing`, an actor given by id was never identified.
    """
    actor = draft.request.actor
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
    runs = await statements.accept_trigger(
        connection, environment.id, draft, version_id=version_id, is_prepared=True
    )
    return [] if isinstance(runs, Refusal) else runs


async def _stored_answer(
    connection: Connection, environment_id: UUID, draft: TriggerDraft
) -> StoredAnswer | None:
    if draft.claim is None:
        return None
    return await idempotency.find(connection, environment_id, draft.claim, now=draft.now)


async def cancel(engine: Engine, environment: EnvironmentScope, request: CancelRequest) -> None:
    """Cancel the open runs of a cancellation key (Knock docs: "Canceling workflows").

    It holds for every trigger that was accepted before it, started or not; none of those runs has
    an effect after this returns. Messages already made are untouched.

    Raises:
        NotFound: `workflow_missing`.
    """
    cancellation_id = new_id()
    async with engine.unit() as unit:
        await _published(engine, unit.connection, environment, request.workflow_key)
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


async def _published(
    engine: Engine, connection: Connection, environment: EnvironmentScope, workflow_key: str
) -> Published:
    configuration = await engine.catalog.current(connection, environment)
    published = configuration.published(WORKFLOW, workflow_key)
    if published is None or published.version_id is None:
        raise NotFound(
            f"The workflow {workflow_key!r} does not exist in this environment, or was never "
            "committed to it.",
            code="workflow_missing",
        )
    return published


async def _resolve(
    engine: Engine,
    connection: Connection,
    environment: EnvironmentScope,
    request: TriggerRequest,
) -> UUID:
    """Find the version that this trigger's runs keep for life, and check the data against it.

    What recipients add to the data of their own is not checked.

    Raises:
        NotFound: `workflow_missing`.
        Unprocessable: `workflow_inactive`; or `workflow_schema_invalid`, an earlier release
            accepted a schema that this one cannot use.
        InvalidParams: with each violation of the schema at its place.
    """
    published = await _published(engine, connection, environment, request.workflow_key)
    if published.version_id is None or not published.is_active:
        raise Unprocessable(
            f"The workflow {request.workflow_key!r} is inactive.", code="workflow_inactive"
        )
    definition = await engine.catalog.compiled(connection, WORKFLOW, published.version_id)
    schema = definition.trigger_data_json_schema
    if schema is None:
        return published.version_id
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
    return published.version_id
