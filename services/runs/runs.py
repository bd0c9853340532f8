"""Reads recipient runs and their stories."""

from __future__ import annotations

from uuid import UUID

from domain.kit.errors import NotFound
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.runs.filters import RunFilters
from domain.runs.rows import RecipientRun, RunEvent
from domain.runs.story import whole_story
from models.queries.runs import runs
from services.reading import Reads


async def list_runs(
    reads: Reads, environment: EnvironmentScope, wanted: RunFilters, request: PageRequest
) -> Page[RecipientRun]:
    """Return a page of recipient runs, newest trigger first."""
    async with reads.connection() as connection:
        return await runs.list_runs(connection, environment.id, wanted, request)


async def load_run(
    reads: Reads, environment: EnvironmentScope, run_id: UUID
) -> tuple[RecipientRun, list[RunEvent]]:
    """Return a recipient run and its events in order. Raises NotFound."""
    async with reads.connection() as connection:
        run = await runs.get_run(connection, environment.id, run_id)
        if run is None:
            raise NotFound("The workflow recipient run does not exist.")
        return run, whole_story(run, await runs.events_of_run(connection, run_id))
