"""Which version of a workflow runs in an environment: what is published, or what is saved."""

from __future__ import annotations

from datetime import datetime

from domain.content.rows import Published, Version
from domain.content.workflow import WORKFLOW
from domain.kit.errors import NotFound
from domain.kit.ids import derived_id
from domain.kit.principals import EnvironmentScope
from models.queries.content import drafts as queries
from runtime.database import Connection
from services.content.references import get_saved
from services.engine import Engine


async def published_workflow(
    engine: Engine, connection: Connection, environment: EnvironmentScope, workflow_key: str
) -> Published:
    """Return what is published of a workflow, active or not.

    Raises:
        NotFound: `workflow_missing`, the key is unknown or never committed here.
    """
    configuration = await engine.catalog.current(connection, environment)
    published = configuration.published(WORKFLOW, workflow_key)
    if published is None or published.version_id is None:
        raise NotFound(
            f"The workflow {workflow_key!r} does not exist in this environment, or was never "
            "committed to it.",
            code="workflow_missing",
        )
    return published


async def require_workflow(
    engine: Engine, connection: Connection, environment: EnvironmentScope, workflow_key: str
) -> None:
    """Refuse the key of a workflow that can have no runs: test runs take what was never committed.

    Raises:
        NotFound: `workflow_missing`, the key is unknown here.
    """
    try:
        await published_workflow(engine, connection, environment, workflow_key)
    except NotFound:
        if await get_saved(connection, environment, WORKFLOW.name, workflow_key) is None:
            raise


async def saved_workflow(
    connection: Connection, environment: EnvironmentScope, workflow_key: str, now: datetime
) -> Published:
    """Return what is saved of a workflow, active or not, as a version that runs can keep.

    Changes that were not committed are stored as a version of their own, once for each state of
    them, which is published nowhere.

    Raises:
        NotFound: `workflow_missing`, the key is unknown here.
    """
    saved = await get_saved(connection, environment, WORKFLOW.name, workflow_key)
    if saved is None:
        raise NotFound(
            f"The workflow {workflow_key!r} does not exist in this environment.",
            code="workflow_missing",
        )
    version_id = saved.published_version_id
    if version_id is None or saved.draft_sha != saved.published_sha:
        version_id = derived_id(saved.environment_id, saved.key, saved.draft_sha)
        version = Version(version_id, saved.draft, saved.draft_sha, now)
        place = (saved.environment_id, saved.resource_type, saved.key)
        await queries.insert_version(connection, *place, version)
    return Published(saved.resource_type, saved.key, version_id, saved.active)
