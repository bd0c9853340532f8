"""Accept a trigger: one transaction, and only then Temporal.

A 200 means: durable in PostgreSQL, and started, or certain to be started, because the sweep starts
what this process could not. No trigger is refused because Temporal is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from uuid import UUID

from domain.kit.errors import AppError, InvalidParams, Unavailable, together
from domain.kit.ids import new_id
from domain.kit.principals import EnvironmentScope
from domain.recipients.inline import InlineRecipient
from domain.triggers.idempotency import IdempotencyClaim, StoredAnswer
from domain.triggers.requests import TriggerAnswer, TriggerRequest
from models.queries.recipients.recipients import described, existing_recipients
from models.queries.triggers import accept as statements
from models.queries.triggers import idempotency
from models.queries.triggers.accept import Accepted, Refusal, TriggerDraft
from runtime.database import Connection, give_way
from services.engine import Engine, Unit
from services.triggers.audience_entries import Cause, identify
from services.triggers.releases import release_trigger
from services.triggers.resolving import actor_missing, draft_of, resolve
from services.triggers.segments import dynamic_audiences


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
        IdempotencyKeyRefused: `idempotency_key_mismatch`.
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
    resolved = await resolve(engine, connection, environment, request)
    draft = draft_of(
        engine, environment, request, resolved, workflow_run_id=workflow_run_id, now=unit.now
    )
    outcome: Accepted | Refusal = Refusal.UNSETTLED
    if not await _stores_more_than_rows(engine, connection, environment, draft):
        # Nobody is locked who stays as they are: a walk may go on for long.
        outcome = await statements.accept_trigger(connection, environment.id, draft)
    if isinstance(outcome, Refusal):
        async with unit.savepoint():  # a refusal takes back whom it has stored
            outcome = await _store_and_accept(unit, environment, draft)
    release = partial(release_trigger, engine, environment, workflow_run_id, outcome.runs)
    unit.after(partial(release, expands=outcome.expands))


async def _stores_more_than_rows(
    engine: Engine, connection: Connection, environment: EnvironmentScope, draft: TriggerDraft
) -> bool:
    """Tell whether something follows from what is said of people beyond their own rows."""
    if any(
        person.channel_data or person.preferences or person.replaces_preferences
        for person in draft.people
    ):
        return True
    says_of_users = any(person.ref.is_user for person in draft.people)
    return says_of_users and bool(await dynamic_audiences(engine, connection, environment))


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
            resolved = await resolve(engine, connection, environment, request)
        except AppError as refusal:
            # The workflow may have gone since the first request with this key was accepted.
            stored = await _stored_answer(connection, environment.id, claim, now)
            if stored is not None:
                return stored
            if not isinstance(refusal, InvalidParams):
                raise
            people = described(request.recipients)
            missing = await _missing_actor(connection, environment, request.actor, people)
            raise together([refusal, *missing]) from None
        draft = draft_of(
            engine, environment, request, resolved, workflow_run_id=workflow_run_id, now=now
        )
        draft = replace(draft, claim=claim)
        outcome: Accepted | Refusal = Refusal.UNSETTLED
        # What is kept in a person's own row needs no transaction of its own.
        if not await _stores_more_than_rows(engine, connection, environment, draft):
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
    """Accept a trigger that changes people: the key first, so that a repetition stores nobody.

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
    for refusal in await _missing_actor(connection, environment, actor, draft.people):
        raise refusal
    cause = Cause(
        draft.request.source.get("chain", 0),
        is_sandbox=draft.request.is_sandboxed,
        is_rehearsal=draft.request.is_rehearsal,
    )
    await identify(unit, environment, draft.people, cause=cause)
    return await statements.accept_prepared(connection, environment.id, draft)


async def _missing_actor(
    connection: Connection,
    environment: EnvironmentScope,
    actor: InlineRecipient | None,
    people: Sequence[InlineRecipient],
) -> list[AppError]:
    """Refuse an actor that is only named and was never identified; `people` are described."""
    if actor is None or actor.properties is not None:
        return []
    if actor.ref in {person.ref for person in people}:
        return []
    if await existing_recipients(connection, environment.id, [actor.ref]):
        return []
    return [actor_missing(actor.ref)]


async def _stored_answer(
    connection: Connection, environment_id: UUID, claim: IdempotencyClaim | None, now: datetime
) -> StoredAnswer | None:
    if claim is None:
        return None
    return await idempotency.find(connection, environment_id, claim, now=now)
