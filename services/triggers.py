"""Accept a trigger, accept a cancel: one transaction each, and only then Temporal.

A 200 means: durable in PostgreSQL, and started, or certain to be started (design: the sweep starts
what this process could not). No trigger is refused because Temporal is away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from jsonschema.exceptions import ValidationError

from domain.clock import utc_now
from domain.errors import FieldError, InvalidParams, NotFound, Unprocessable
from domain.idempotency import IdempotencyClaim, StoredAnswer
from domain.ids import new_id
from domain.principals import EnvironmentScope
from domain.triggers import CancelRequest, TriggerAnswer, TriggerRequest
from models.queries import cancellations, idempotency
from models.queries import catalog as catalog_statements
from models.queries import triggers as statements
from models.queries.recipients import existing_recipients, upsert_recipients
from runtime.database import Connection
from runtime.platform import Platform
from services.catalog import PublishedContent, catalog_of
from services.releases import release_cancellation, release_trigger
from services.trigger_schemas import schema_validator

_MAX_VIOLATIONS = 50


async def trigger(
    platform: Platform,
    environment: EnvironmentScope,
    request: TriggerRequest,
    claim: IdempotencyClaim | None = None,
) -> TriggerAnswer:
    """Run a workflow for recipients (Knock docs: "Triggering workflows").

    Args:
        platform: the parts of this process.
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
    async with platform.database.transaction() as connection:
        replay = await _claim(connection, environment.id, claim, workflow_run_id)
        if replay is not None:
            return replay
        version_id = await _resolve(platform, connection, environment, request)
        runs = await _store(connection, environment.id, request, workflow_run_id, version_id)
    if runs:
        await release_trigger(platform, environment, workflow_run_id, runs)
    return TriggerAnswer(workflow_run_id)


async def cancel(platform: Platform, environment: EnvironmentScope, request: CancelRequest) -> None:
    """Cancel the open runs of a cancellation key (Knock docs: "Canceling workflows").

    It holds for every trigger that was accepted before it, started or not; none of those runs has
    an effect after this returns. Messages already made are untouched.

    Raises:
        NotFound: `workflow_missing`.
    """
    cancellation_id = new_id()
    async with platform.database.transaction() as connection:
        await _published(platform, connection, environment, request.workflow_key)
        runs = await cancellations.cancel_runs(
            connection,
            environment.id,
            cancellation_id=cancellation_id,
            workflow_key=request.workflow_key,
            cancellation_key=request.cancellation_key,
            recipients=request.recipients,
            now=utc_now(),
        )
    if runs:
        await release_cancellation(platform, environment, cancellation_id, run_count=len(runs))


async def _claim(
    connection: Connection,
    environment_id: UUID,
    claim: IdempotencyClaim | None,
    workflow_run_id: UUID,
) -> TriggerAnswer | None:
    """Take the key for this request's answer, or return the answer that it was given before."""
    if claim is None:
        return None
    answer = StoredAnswer(200, {"workflow_run_id": str(workflow_run_id)}, claim.request_id)
    stored = await idempotency.claim(
        connection, environment_id, claim, answer=answer, now=utc_now()
    )
    if stored is None:
        return None
    return TriggerAnswer(
        UUID(stored.body["workflow_run_id"]), stored.request_id, dict(stored.headers)
    )


async def _published(
    platform: Platform, connection: Connection, environment: EnvironmentScope, workflow_key: str
) -> PublishedContent:
    version = environment.config_version
    if version is None:
        version = await catalog_statements.config_version(connection, environment.id)
    configuration = await catalog_of(platform).configuration(connection, environment.id, version)
    published = configuration.workflows.get(workflow_key)
    if published is None or published.version_id is None:
        raise NotFound(
            f"The workflow {workflow_key!r} does not exist in this environment, or was never "
            "committed to it.",
            code="workflow_missing",
        )
    return published


async def _resolve(
    platform: Platform,
    connection: Connection,
    environment: EnvironmentScope,
    request: TriggerRequest,
) -> UUID:
    """Find the version that this trigger's runs keep for life, and check the data against it."""
    published = await _published(platform, connection, environment, request.workflow_key)
    if published.version_id is None or not published.is_active:
        raise Unprocessable(
            f"The workflow {request.workflow_key!r} is inactive.", code="workflow_inactive"
        )
    definition = await catalog_of(platform).definition(connection, published.version_id)
    if definition.trigger_data_json_schema is not None:
        _check_data(request, definition.trigger_data_json_schema)
    return published.version_id


def _check_data(request: TriggerRequest, schema: dict[str, object]) -> None:
    found: Sequence[ValidationError] = sorted(
        schema_validator(schema).iter_errors(request.data), key=lambda error: error.json_path
    )
    if found:
        raise InvalidParams(
            [
                FieldError("data" + error.json_path.removeprefix("$"), error.message[:500])
                for error in found[:_MAX_VIOLATIONS]
            ],
            "The trigger data does not match the workflow's schema.",
        )


async def _store(
    connection: Connection,
    environment_id: UUID,
    request: TriggerRequest,
    workflow_run_id: UUID,
    version_id: UUID,
) -> list[dict[str, Any]]:
    """Identify everybody, then write the trigger and its runs; answers the runs.

    Recipients that are only referred to and that nobody ever identified get no run, and are noted
    on the trigger.

    Raises:
        Unprocessable: `actor_missing`, an actor given by id was never identified.
    """
    now = utc_now()
    others = [entry for entry in (request.actor, request.tenant) if entry is not None]
    await upsert_recipients(connection, environment_id, [*request.recipients, *others], now)
    actor = request.actor
    if actor is not None and actor.properties is None:
        known = await existing_recipients(connection, environment_id, [actor.ref])
        if not known:
            raise Unprocessable(
                f"The actor {actor.ref.id!r} was never identified.", code="actor_missing"
            )
    return await statements.insert_trigger(
        connection,
        environment_id,
        request,
        workflow_run_id=workflow_run_id,
        version_id=version_id,
        now=now,
    )
