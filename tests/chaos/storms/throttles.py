"""Many runs of one recipient into a throttle: exactly as many pass as may."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any, ClassVar

from domain.kit.json_types import JsonObject
from tests.chaos.storms.base import CLIENTS, Storm, person
from tests.support.steps import feed_step, throttle_step, workflow

_KEY = "chaos-throttle"
_KEYS = 3
_LIMIT = 5
_PASSED = """
SELECT w.data->>'key' AS key, count(DISTINCT r.id) AS runs, count(DISTINCT m.id) AS messages
FROM workflow_runs w
JOIN recipient_runs r ON r.workflow_run_id = w.id
LEFT JOIN messages m ON m.recipient_run_id = r.id
WHERE w.workflow_key = %s GROUP BY 1
"""
_PASSES = """
SELECT count(*) AS count FROM throttle_passes p JOIN recipient_runs r ON r.id = p.recipient_run_id
WHERE r.workflow_key = %s
"""


class ThrottleStorm(Storm):
    """Never more than the threshold passes in its window, and never fewer."""

    WORKFLOWS: ClassVar[Mapping[str, JsonObject]] = {
        _KEY: workflow(
            _KEY, throttle_step(throttle_key="key", throttle_limit=_LIMIT), feed_step("Passed")
        )
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._asked: Counter[str] = Counter()

    async def rage(self) -> None:
        """Let eight clients trigger for one person under a few keys."""

        async def ask(client: int, n: int) -> None:
            key = str(n % _KEYS)
            people = [person("throttled")]
            if await self.scene.trigger(_KEY, f"{client}-{n}", people, data={"key": key}):
                self._asked[key] += 1

        await self.from_clients(self.scene.plan.throttled // CLIENTS, ask)

    async def broken(self) -> list[str]:
        """Count runs, passes and messages."""
        found = {row["key"]: row for row in await self.scene.fetch(_PASSED, _KEY)}
        (passes,) = await self.scene.fetch(_PASSES, _KEY)
        self.counts["throttle: runs"] = sum(row["runs"] for row in found.values())
        self.counts["throttle: passed"] = passes["count"]
        lines = throttle_problems(self._asked, found)
        told = sum(row["messages"] for row in found.values())
        if passes["count"] != told:
            lines.append(f"throttle: {passes['count']} passes and {told} messages")
        return lines


def throttle_problems(asked: Counter[str], found: dict[str, dict[str, Any]]) -> list[str]:
    """Return a line for each key under which another number of runs passed than may."""
    nothing: dict[str, Any] = defaultdict(int)
    lines = []
    for key, count in asked.items():
        row = found.get(key, nothing)
        if row["runs"] != count:
            lines.append(f"throttle {key}: {row['runs']} runs of {count} triggers")
        if row["messages"] != min(count, _LIMIT):
            lines.append(f"throttle {key}: {row['messages']} of {count} passed, {_LIMIT} may")
    return lines
