"""Many schedules due within a minute while parts die: each is promised exactly one run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

import knockapi

from domain.kit.clock import utc_now
from domain.kit.json_types import JsonObject
from tests.chaos.storms.base import Storm
from tests.support.steps import feed_step, workflow

_KEY = "chaos-scheduled"
_AT_ONCE = 100
# They are due from here on, within a minute at most.
_LEAD_SECONDS = 5.0
_TRIES = 100

_FIRED = """
SELECT s.id::text AS id, s.recipient_id, s.due_at IS NULL AS is_over,
       count(DISTINCT w.id) AS triggers, count(DISTINCT r.id) AS runs,
       count(DISTINCT m.id) AS messages
FROM schedules s
LEFT JOIN workflow_runs w ON w.source ->> 'schedule_id' = s.id::text
LEFT JOIN recipient_runs r ON r.workflow_run_id = w.id
LEFT JOIN messages m ON m.recipient_run_id = r.id
GROUP BY s.id
"""


class ScheduleStorm(Storm):
    """Every schedule occurs once, and is over."""

    WORKFLOWS: ClassVar[Mapping[str, JsonObject]] = {
        _KEY: workflow(_KEY, feed_step("It is time", "in_app_1"))
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._made: list[str] = []

    async def prepare(self) -> None:
        """Make the schedules, due from a few seconds after the last one is made."""
        plan = self.scene.plan
        spread = min(60.0, plan.expected_seconds) / max(1, plan.schedules)
        first = utc_now() + timedelta(seconds=_LEAD_SECONDS + plan.schedules / 200)
        for start in range(0, plan.schedules, _AT_ONCE):
            count = min(_AT_ONCE, plan.schedules - start)
            at = first + timedelta(seconds=spread * start)
            created = await self._create(start, count, at.isoformat())
            self._made += [one.id for one in created]

    async def _create(
        self, start: int, count: int, at: str
    ) -> knockapi.types.ScheduleCreateResponse:
        for _ in range(_TRIES):
            try:
                return await self.scene.asker.client.schedules.create(
                    workflow=_KEY,
                    recipients=[
                        {"id": f"storm-{start + n}", "name": "Storm"} for n in range(count)
                    ],
                    scheduled_at=at,
                )
            except knockapi.RateLimitError:
                await asyncio.sleep(0.2)
        raise RuntimeError("the schedules could not be made")

    async def broken(self) -> list[str]:
        """Count what came of each schedule."""
        found = {row["id"]: row for row in await self.scene.fetch(_FIRED)}
        self.counts["schedules"] = len(found)
        lines = [f"schedule {one} is gone" for one in self._made if one not in found]
        for row in found.values():
            counts = {row[name] for name in ("triggers", "runs", "messages")}
            if counts != {1} or not row["is_over"]:
                lines.append(f"schedule {row['id']} for {row['recipient_id']}: {dict(row)}")
        return lines
