"""Makes schedules through the product's own use case, and looks at their rows."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.schedules.requests import (
    CreateSchedulesIn,
    UpdateSchedulesIn,
    new_schedules,
    schedule_changes,
)
from domain.schedules.rows import DropReason, DueSchedule
from services.triggers.schedule_clocks import fire_schedule
from services.triggers.schedules import create_schedules, update_schedules
from tests.support.world import World

FLOW = "flow"
ELLIE: JsonObject = {"id": "ellie", "name": "Ellie"}


async def schedule(world: World, *recipients: Any, **body: Any) -> list[UUID]:
    """Schedule the workflow `flow` for recipients (a user named Ellie without any)."""
    whole = {"workflow": FLOW, "recipients": list(recipients) or [ELLIE], **body}
    wanted = new_schedules(read_shape(CreateSchedulesIn, whole))
    made = await create_schedules(world.engine, world.environment.scope, wanted)
    return [view.schedule.id for view in made]


async def change(world: World, *ids: UUID, **body: Any) -> None:
    """Change schedules."""
    whole = {"schedule_ids": [str(each) for each in ids], **body}
    changes = schedule_changes(read_shape(UpdateSchedulesIn, whole))
    await update_schedules(world.engine, world.environment.scope, changes)


async def fire(world: World, schedule_id: UUID) -> DropReason | None:
    """Let one schedule occur, if its time has come."""
    due = DueSchedule(id=schedule_id, environment_id=world.environment.id)
    return await fire_schedule(world.engine, due)


async def row_of(world: World, schedule_id: UUID) -> dict[str, Any]:
    """Return the row of a schedule."""
    return (await world.make.rows("SELECT * FROM schedules WHERE id = %s", schedule_id))[0]


async def triggers_of(world: World, schedule_id: UUID) -> list[dict[str, Any]]:
    """Return the triggers that a schedule has made, the oldest first."""
    return await world.make.rows(
        "SELECT * FROM workflow_runs WHERE environment_id = %s"
        " AND source ->> 'schedule_id' = %s ORDER BY id",
        *(world.environment.id, str(schedule_id)),
    )
