"""Send windows of tests, which go by the clock of the world that sends."""

from __future__ import annotations

from datetime import timedelta

from domain.kit.json_types import JsonObject
from tests.support.world import World


def closed_for_now(world: World) -> list[JsonObject]:
    """Return windows that open the day after tomorrow, in whichever time zone."""
    now = world.engine.clock()
    days = {(now + timedelta(days=ahead)).strftime("%A").lower() for ahead in (-1, 0, 1)}
    return [{"day": day, "type": "do_not_send"} for day in sorted(days)]
