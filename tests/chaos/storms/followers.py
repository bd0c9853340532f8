"""Triggers for objects with many followers, some of whom follow two of them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from domain.kit.json_types import JsonObject
from tests.chaos.storms.base import Storm
from tests.support.steps import feed_step, workflow

_KEY = "chaos-followers"
_COLLECTION = "topics"
_OBJECTS = ("rain", "hail")
# As many as one call takes.
_AT_ONCE = 100
_ROUNDS = 3
_RUNS = """
SELECT w.id::text AS id, count(DISTINCT r.id) AS runs, count(DISTINCT r.recipient_id) AS people,
       count(DISTINCT m.id) AS messages
FROM workflow_runs w
LEFT JOIN recipient_runs r ON r.workflow_run_id = w.id AND r.collection = '$users'
LEFT JOIN messages m ON m.recipient_run_id = r.id
WHERE w.workflow_key = %s GROUP BY w.id
"""


class FollowerStorm(Storm):
    """Each follower has one run of each trigger, by however many ways they are reached."""

    WORKFLOWS: ClassVar[Mapping[str, JsonObject]] = {
        _KEY: workflow(_KEY, feed_step("To all who follow"))
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._people: set[str] = set()
        self._asked: set[str] = set()

    async def prepare(self) -> None:
        """Let people follow two objects; the middle third of them follows both."""
        total = self.scene.plan.followers
        shares = range(total * 2 // 3), range(total // 3, total)
        for object_id, share in zip(_OBJECTS, shares, strict=True):
            ids = [f"follower-{n}" for n in share]
            self._people.update(ids)
            objects = self.scene.asker.client.objects
            await objects.set(_COLLECTION, object_id)
            for start in range(0, len(ids), _AT_ONCE):
                await objects.add_subscriptions(
                    _COLLECTION,
                    object_id,
                    recipients=[
                        {"id": each, "name": each} for each in ids[start : start + _AT_ONCE]
                    ],
                )

    async def rage(self) -> None:
        """Trigger for both objects, a few times while parts die."""
        objects = [{"collection": _COLLECTION, "id": each} for each in _OBJECTS]
        for number in range(_ROUNDS):
            if run := await self.scene.trigger(_KEY, str(number), objects):
                self._asked.add(run)
            await asyncio.sleep(self.scene.plan.expected_seconds / _ROUNDS)

    async def broken(self) -> list[str]:
        """Count runs, people and messages of each trigger."""
        wanted, found = len(self._people), await self.scene.fetch(_RUNS, _KEY)
        self.counts["followers: runs"] = sum(row["runs"] for row in found)
        stored = {row["id"] for row in found}
        lines = [f"followers: trigger {run} is not stored" for run in self._asked - stored]
        for row in found:
            if {row["runs"], row["people"], row["messages"]} != {wanted}:
                lines.append(f"followers: {dict(row)} instead of {wanted}")
        return lines
