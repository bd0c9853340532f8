"""Reads recipient runs and their stories."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from domain.kit.errors import NotFound
from domain.kit.json_types import JsonObject
from domain.kit.pages import Page, PageRequest
from domain.kit.principals import EnvironmentScope
from domain.messages.filters import RunFilter
from domain.messages.statuses import RunStatus
from models.queries.runs import runs
from services.engine import Engine


async def list_runs(
    engine: Engine, environment: EnvironmentScope, wanted: RunFilter, request: PageRequest
) -> Page:
    """Return a page of recipient runs, newest trigger first."""
    async with engine.database.connection() as connection:
        return await runs.list_runs(connection, environment.id, wanted, request)


async def load_run(
    engine: Engine, environment: EnvironmentScope, run_id: UUID
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a recipient run and its events in order. Raises NotFound."""
    async with engine.database.connection() as connection:
        run = await runs.get_run(connection, environment.id, run_id)
        if run is None:
            raise NotFound("The workflow recipient run does not exist.")
        return run, whole_story(run, await runs.events_of_run(connection, run_id))


def whole_story(run: dict[str, Any], stored: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to the stored events of a run those that its row stands for, in order.

    That a run started, and that it completed, is in its row; a walk keeps their positions free.
    """
    taken = {event["position"] for event in stored}
    story = list(stored)
    if run["started_at"] is not None:
        position = next(number for number in count() if number not in taken)
        data = {"version_id": str(run["version_id"])}
        story.append(_derived(position, "run_started", data, run["started_at"]))
    halted = any(event["event"] == "run_halted" for event in stored)
    if run["status"] == RunStatus.COMPLETED and run["ended_at"] is not None and not halted:
        data = {"reason": run["end_reason"]} if run["end_reason"] else {}
        story.append(_derived(run["event_count"] - 1, "run_completed", data, run["ended_at"]))
    return sorted(story, key=lambda event: int(event["position"]))


def _derived(position: int, event: str, data: JsonObject, at: datetime) -> dict[str, Any]:
    return {
        "position": position,
        "event": event,
        "status": "ok",
        "attempt": 1,
        "step_ref": None,
        "step_type": None,
        "data": data,
        "inserted_at": at,
    }
