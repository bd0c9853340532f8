"""What a trigger runs: the version that is published now, or saved, and whether data suits it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.content.workflow import WORKFLOW
from domain.kit.errors import FieldError, InvalidParams, Unprocessable, together
from domain.kit.json_types import JsonObject, JsonValue
from domain.kit.principals import EnvironmentScope
from domain.recipients.refs import RecipientRef
from domain.triggers.requests import TriggerRequest
from domain.workflows import TriggerFrequency, WorkflowDefinition
from models.queries.recipients.recipients import described
from models.queries.triggers.accept import TriggerDraft
from runtime.database import Connection
from services.content.published import published_workflow, require_workflow, saved_workflow
from services.engine import Engine


@dataclass(frozen=True, slots=True)
class Resolved:
    """The version of a workflow that a trigger's runs walk through, and how often one may enter."""

    version_id: UUID
    frequency: TriggerFrequency


def draft_of(
    engine: Engine,
    environment: EnvironmentScope,
    request: TriggerRequest,
    resolved: Resolved,
    *,
    workflow_run_id: UUID,
    now: datetime,
) -> TriggerDraft:
    """Return a trigger on its way to be accepted, without a claim."""
    tenant_id = request.tenant.ref.id if request.tenant else None
    others = [entry for entry in (request.actor, request.tenant) if entry is not None]
    return TriggerDraft(
        environment=environment.slug,
        branch_id=environment.branch_id,
        request=request,
        people=described([*request.recipients, *others]),
        claim=None,
        workflow_run_id=workflow_run_id,
        now=now,
        version_id=resolved.version_id,
        first_run_for=None if request.is_rehearsal else resolved.frequency.first_run_for(tenant_id),
        release_within=timedelta(seconds=engine.settings.sweep_seconds),
    )


@asynccontextmanager
async def workflow_comes_first(
    engine: Engine,
    environment: EnvironmentScope,
    workflow_key: str,
    *,
    takes_saved: bool = False,
    is_to_run: bool = True,
    data: JsonValue = None,
    size: int = 0,
) -> AsyncIterator[None]:
    """Read a request within this, to tell of its workflow before what is wrong with the rest.

    Args:
        engine: the parts.
        environment: where.
        workflow_key: names the workflow.
        takes_saved: whether it is enough that it is saved.
        is_to_run: whether it has to be active; a cancel needs one that may have runs.
        data: that the workflow is to run with, as it was sent: what its schema refuses is told with
            the rest.
        size: bytes that the data takes at most.

    Raises:
        NotFound, Unprocessable: see `_running_version` and `require_workflow`; in the place of
            InvalidParams.
    """
    try:
        yield
    except InvalidParams as refusal:
        async with engine.connection() as connection:
            if not is_to_run:
                await require_workflow(engine, connection, environment, workflow_key)
                raise
            version_id = await _running_version(
                engine, connection, environment, workflow_key, takes_saved=takes_saved
            )
            if not isinstance(data, dict | None):
                raise
            definition = await engine.catalog.compiled(connection, WORKFLOW, version_id)
        found = await _violations(engine, version_id, definition, data or {}, size)
        if found:
            raise together([refusal, InvalidParams(found)]) from None
        raise


async def _running_version(
    engine: Engine,
    connection: Connection,
    environment: EnvironmentScope,
    workflow_key: str,
    *,
    takes_saved: bool,
) -> UUID:
    """Return the version of a workflow that triggers run now, or test runs do.

    Raises:
        NotFound: `workflow_missing`.
        Unprocessable: `workflow_inactive`.
    """
    if takes_saved:
        found = await saved_workflow(connection, environment, workflow_key, engine.clock())
    else:
        found = await published_workflow(engine, connection, environment, workflow_key)
    if found.version_id is None or not found.is_active:
        raise Unprocessable(f"The workflow {workflow_key!r} is inactive.", code="workflow_inactive")
    return found.version_id


def actor_missing(actor: RecipientRef) -> Unprocessable:
    """Return the error of an actor that is only named and was never identified."""
    message = f"The actor {actor.id!r} has never been identified."
    return Unprocessable(message, code="actor_missing", field="actor")


async def resolve(
    engine: Engine,
    connection: Connection,
    environment: EnvironmentScope,
    request: TriggerRequest,
) -> Resolved:
    """Find the version that this trigger's runs keep for life, and check the data against it.

    A test run takes what is saved, committed or not (Knock docs: "The workflow editor"; CLI,
    `workflow run`); what it triggers takes what is published, as whatever else triggers does. What
    recipients add to the data of their own is not checked.

    Raises:
        NotFound: `workflow_missing`.
        Unprocessable: `workflow_inactive`; or `workflow_schema_invalid`, an earlier release
            accepted a schema that this one cannot use.
        InvalidParams: with each violation of the schema at its place.
    """
    version_id = await _running_version(
        engine,
        connection,
        environment,
        request.workflow_key,
        takes_saved=request.takes_saved,
    )
    definition = await engine.catalog.compiled(connection, WORKFLOW, version_id)
    resolved = Resolved(version_id, definition.trigger_frequency)
    found = await _violations(engine, version_id, definition, request.data, request.data_bytes)
    if found:
        raise InvalidParams(found, "The trigger data does not match the workflow's schema.")
    return resolved


async def _violations(
    engine: Engine,
    version_id: UUID,
    definition: WorkflowDefinition,
    data: JsonObject,
    size: int,
) -> list[FieldError]:
    """Return what the schema of a workflow refuses of data. Raises Unprocessable; see `resolve`."""
    schema = definition.trigger_data_json_schema
    if schema is None:
        return []
    try:
        compiled = engine.json_schemas.get(version_id, schema)
    except ValueError as error:
        raise Unprocessable(
            "The workflow's trigger_data_json_schema cannot be used: save and commit it again.",
            code="workflow_schema_invalid",
        ) from error
    return await compiled.violations(data, size)
