"""A storm of schedules beside the load: all due while parts die, each promised exactly one run."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import knockapi
from knockapi import AsyncKnock

from domain.kit.clock import utc_now
from tests.chaos import rows, workflows
from tests.chaos.plan import Plan

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


async def schedule_storm(client: AsyncKnock, plan: Plan) -> list[str]:
    """Make the schedules of a plan, before anything is killed; returns their ids."""
    made: list[str] = []
    spread = min(60.0, 2.0 * plan.kills) / max(1, plan.schedules)
    first = utc_now() + timedelta(seconds=_LEAD_SECONDS + plan.schedules / 200)
    for start in range(0, plan.schedules, _AT_ONCE):
        count = min(_AT_ONCE, plan.schedules - start)
        at = first + timedelta(seconds=spread * start)
        created = await _create(client, start, count, at.isoformat())
        made += [one.id for one in created]
    return made


async def _create(
    client: AsyncKnock, start: int, count: int, at: str
) -> knockapi.types.ScheduleCreateResponse:
    for _ in range(_TRIES):
        try:
            return await client.schedules.create(
                workflow=workflows.SCHEDULED,
                recipients=[{"id": f"storm-{start + n}", "name": "Storm"} for n in range(count)],
                scheduled_at=at,
            )
        except knockapi.RateLimitError:
            await asyncio.sleep(0.2)
    raise RuntimeError("the schedules could not be made")


async def broken_schedules(url: str, made: list[str]) -> list[str]:
    """Return a line for each schedule that did not occur exactly once."""
    found = {row["id"]: row for row in await rows.fetch(url, _FIRED)}
    broken = [f"schedule {one} is gone" for one in made if one not in found]
    for row in found.values():
        counts = {row[name] for name in ("triggers", "runs", "messages")}
        if counts != {1} or not row["is_over"]:
            broken.append(f"schedule {row['id']} for {row['recipient_id']}: {dict(row)}")
    return broken
