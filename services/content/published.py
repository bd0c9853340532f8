"""Which version of a workflow an environment has published."""

from __future__ import annotations

from domain.content.rows import Published
from domain.content.workflow import WORKFLOW
from domain.kit.errors import NotFound
from domain.kit.principals import EnvironmentScope
from models.queries.content import catalog as statements
from runtime.database import Connection
from services.engine import Engine


async def published_workflow(
    engine: Engine, connection: Connection, environment: EnvironmentScope, workflow_key: str
) -> Published:
    """Return what is published of a workflow, active or not.

    Raises:
        NotFound: `workflow_missing`, the key is unknown or never committed here.
    """
    version = environment.config_version
    if version is None:
        version = await statements.config_version(connection, environment.id)
    configuration = await engine.catalog.configuration(connection, environment.id, version)
    published = configuration.published(WORKFLOW, workflow_key)
    if published is None or published.version_id is None:
        raise NotFound(
            f"The workflow {workflow_key!r} does not exist in this environment, or was never "
            "committed to it.",
            code="workflow_missing",
        )
    return published
