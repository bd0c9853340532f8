"""Bulk operations while parts die: each entry is dealt with once, and counted once."""

from __future__ import annotations

import asyncio
from typing import Any

from knockapi.types import BulkOperation

from tests.chaos.storms.base import Storm, person

_OPERATIONS = 3
# One such request in a second is what the API takes.
_PAUSE_SECONDS = 1.5
_DONE = """
SELECT id::text AS id, name, status, estimated_total_rows AS total, processed_rows AS processed,
       success_count AS succeeded, error_count AS failed
FROM bulk_operations WHERE name IN ('users.identify', 'users.delete')
"""
_USERS = """
SELECT id, properties->>'wave' AS wave FROM recipients
WHERE collection = '$users' AND id LIKE 'bulk-%%'
"""


class BulkStorm(Storm):
    """What was accepted is done to the end: users who were identified are there, others gone."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._wanted: dict[str, str] = {}
        self._operations: list[str] = []

    def _ids(self, wave: str) -> list[str]:
        return [f"bulk-{wave}-{n}" for n in range(self.scene.plan.bulk_users)]

    async def prepare(self) -> None:
        """Identify the users of whom all are deleted later."""
        for number in range(_OPERATIONS):
            answered = await self._identify(f"gone{number}", self._ids(f"gone{number}"))
            assert answered is not None
            await asyncio.sleep(_PAUSE_SECONDS)
        client = self.scene.asker.client
        async with asyncio.timeout(self.scene.plan.calm):
            for operation_id in self._operations:
                while (await client.bulk_operations.get(operation_id)).status != "completed":
                    await asyncio.sleep(0.2)

    async def rage(self) -> None:
        """Delete some users and identify others, in turns."""
        pause = max(_PAUSE_SECONDS, self.scene.plan.expected_seconds / (2 * _OPERATIONS))
        for number in range(_OPERATIONS):
            ids = self._ids(f"here{number}")
            if await self._identify(f"here{number}", ids):
                self._wanted.update(dict.fromkeys(ids, f"here{number}"))
            await asyncio.sleep(pause)
            await self._delete(self._ids(f"gone{number}"))
            await asyncio.sleep(pause)

    async def _identify(self, wave: str, ids: list[str]) -> BulkOperation | None:
        users = [{**person(each), "wave": wave} for each in ids]

        async def ask() -> BulkOperation:
            return await self.scene.asker.client.users.bulk.identify(users=users)  # type: ignore[arg-type]

        return self._noted(await self.scene.asker.until_answered(ask, f"identify {wave}"))

    async def _delete(self, ids: list[str]) -> None:
        async def ask() -> BulkOperation:
            return await self.scene.asker.client.users.bulk.delete(user_ids=ids)

        self._noted(await self.scene.asker.until_answered(ask, f"delete {ids[0]}"))

    def _noted(self, operation: BulkOperation | None) -> BulkOperation | None:
        if operation is not None:
            self._operations.append(operation.id)
        return operation

    async def broken(self) -> list[str]:
        """Compare users and counts with what was asked."""
        operations = {row["id"]: row for row in await self.scene.fetch(_DONE)}
        users = {row["id"]: row["wave"] for row in await self.scene.fetch(_USERS)}
        self.counts["bulk operations"] = len(operations)
        self.counts["bulk: users"] = len(users)
        lines = [f"bulk operation {one} is gone" for one in self._operations
                 if one not in operations]  # fmt: skip
        for row in operations.values():
            counted = row["processed"], row["succeeded"] + row["failed"]
            if row["status"] != "completed" or counted != (row["total"], row["total"]):
                lines.append(f"bulk operation {dict(row)} is not done")
        lines += [f"user {one} reads {users.get(one)} instead of {wave}"
                  for one, wave in self._wanted.items() if users.get(one) != wave]  # fmt: skip
        return lines + [f"user {one} was not deleted" for one in users if "-gone" in one]
