"""`carillon admin schedule-…`: look at a schedule, pause it and resume it."""

from __future__ import annotations

from uuid import UUID

from api.admin.schemas.schedules import ScheduleStateOut
from commands.actions import Arguments, action
from commands.arguments import ENVIRONMENT, argument
from domain.kit.errors import NotFound
from domain.kit.ids import read_id
from domain.kit.json_types import JsonValue
from domain.kit.principals import EnvironmentScope
from services.account.environments import get_scope
from services.engine import Engine
from services.schedules import pauses


async def _named_schedule(engine: Engine, arguments: Arguments) -> tuple[EnvironmentScope, UUID]:
    """Return what the arguments name. Raises NotFound."""
    environment = await get_scope(engine, arguments.environment)
    schedule_id = read_id(arguments.id)
    if schedule_id is None:
        raise NotFound(f"There is no schedule {arguments.id!r} in this environment.")
    return environment, schedule_id


@action("schedule-show", argument("id"), ENVIRONMENT)
async def show_schedule(engine: Engine, arguments: Arguments) -> JsonValue:
    """Show when a schedule occurs, and which occurrence it last dropped."""
    found = await pauses.get_schedule(engine, *await _named_schedule(engine, arguments))
    return ScheduleStateOut.of(found).model_dump(mode="json")


@action("schedule-pause", argument("id"), ENVIRONMENT)
async def pause(engine: Engine, arguments: Arguments) -> JsonValue:
    """Pause a schedule until it is resumed."""
    paused = await pauses.pause_schedule(engine, *await _named_schedule(engine, arguments))
    return ScheduleStateOut.of(paused).model_dump(mode="json")


@action("schedule-resume", argument("id"), ENVIRONMENT)
async def resume(engine: Engine, arguments: Arguments) -> JsonValue:
    """Resume a paused schedule."""
    resumed = await pauses.resume_schedule(engine, *await _named_schedule(engine, arguments))
    return ScheduleStateOut.of(resumed).model_dump(mode="json")
