"""What a trigger runs: the version that is published now, and whether its data suits it."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from domain.content.rows import Published
from domain.content.workflow import WORKFLOW
from domain.kit.errors import InvalidParams, NotFound, Unprocessable
from domain.kit.principals import EnvironmentScope
from domain.triggers.requests import TriggerRequest
from models.queries.content import catalog as catalog_statements
from models.queries.recipients.recipients import described
from models.queries.triggers.accept import TriggerDraft
from runtime.database import Connection
from services.engine import Engine


def draft_of(
    engine: Engine,
    environment: EnvironmentScope,
    request: TriggerRequest,
    *,
    workflow_run_id: UUID,
    now: datetime,
) -> TriggerDraft:
    """Return a trigger on its way to be accepted, without a claim."""
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


async def find_published(
    engine: Engine, connection: Connection, environment: EnvironmentScope, workflow_key: str
) -> Published:
    """Return which version of a workflow is published. Raises NotFound: `workflow_missing`."""
    version = environment.config_version
    if version is None:
        version = await catalog_statements.config_version(connection, environment.id)
    configuration = await engine.catalog.configuration(connection, environment.id, version)
    published = configuration.published(WORKFLOW, workflow_key)
    if published is None or published.version_id is None:
        raise NotFound(
            f"The workflow {workflow_key!r} does not exist in this environment, or was never "
            "committed to it.",
            code="workflow_missing",
        )
    return published


async def resolve(
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
    published = await find_published(engine, connection, environment, request.workflow_key)
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
