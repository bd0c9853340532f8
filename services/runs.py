"""Reads recipient runs and their stories."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.errors import NotFound
from domain.filters import RunFilter
from domain.pages import Page, PageRequest
from domain.principals import EnvironmentScope
from models.queries import runs
from runtime.platform import Platform


async def list_runs(
    platform: Platform, environment: EnvironmentScope, wanted: RunFilter, request: PageRequest
) -> Page:
    """Return a page of recipient runs, newest trigger first."""
    async with platform.database.connection() as connection:
        return await runs.list_runs(connection, environment.id, wanted, request)


async def load_run(
    platform: Platform, environment: EnvironmentScope, run_id: UUID
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a recipient run and its events in order. Raises NotFound."""
    async with platform.database.connection() as connection:
        run = await runs.get_run(connection, environment.id, run_id)
        if run is None:
            raise NotFound("The workflow recipient run does not exist.")
        return run, await runs.events_of_run(connection, run_id)
