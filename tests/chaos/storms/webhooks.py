"""An endpoint that is told of engagement while parts die, and that fails now and then itself."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import httpx

from domain.kit.json_types import JsonObject
from tests.chaos.storms.base import CLIENTS, Storm, person
from tests.support.steps import feed_step, workflow
from tests.support.webhook_target import Call, Target, listening_target
from tests.support.webhooks import is_signed

_KEY = "chaos-told"
_PATH = "/told"
_PEOPLE = 24
_MARKS = ("seen", "read", "archived")
_TYPES = [f"message.{mark}" for mark in _MARKS]
_EVENTS = """
SELECT e.message_id::text AS message_id, e.event_type FROM message_events e
WHERE e.event_type = ANY(%s)
"""
_DELIVERIES = """
SELECT e.id::text AS id, e.event_type, e.body::json->'data'->>'id' AS message_id,
       array_agg(d.state) AS states
FROM webhook_events e LEFT JOIN webhook_deliveries d ON d.event_id = e.id GROUP BY e.id
"""


class WebhookStorm(Storm):
    """Every event is delivered, signed, as one event however often its request is repeated."""

    WORKFLOWS: ClassVar[Mapping[str, JsonObject]] = {_KEY: workflow(_KEY, feed_step("Mark me"))}

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._messages: list[str] = []
        self._marked: set[tuple[str, str]] = set()
        self._signing_key = ""
        self._target = Target()

    async def prepare(self) -> None:
        """Make an endpoint, and messages that can be marked."""
        self._target = await self.scene.exits.enter_async_context(listening_target())
        dice = random.Random(f"endpoint {self.scene.plan.seed}")
        self._target.scripts[_PATH] = [dice.choice((200, 200, 500)) for _ in range(_PEOPLE)]
        headers = {"authorization": f"Bearer {self.scene.stack.service_token}"}
        async with httpx.AsyncClient(base_url=self.scene.stack.api_url, headers=headers) as admin:
            answer = await admin.post(
                "/v1/admin/webhooks",
                params={"environment": "development"},
                json={"url": f"{self._target.url}{_PATH}", "event_types": _TYPES},
            )
            answer.raise_for_status()
            self._signing_key = answer.json()["webhook"]["signing_key"]
        people = [person(f"told-{n}") for n in range(_PEOPLE)]
        assert await self.scene.trigger(_KEY, "all", people)
        async with asyncio.timeout(self.scene.plan.calm):
            while len(self._messages) < _PEOPLE:
                await asyncio.sleep(0.2)
                listed = self.scene.asker.client.messages.list(source=_KEY, page_size=50)
                self._messages = [message.id async for message in listed]

    async def rage(self) -> None:
        """Mark every message in every way."""
        each = _PEOPLE // CLIENTS
        client = self.scene.asker.client.messages
        mark_as = {"seen": client.mark_as_seen, "read": client.mark_as_read,
                   "archived": client.archive}  # fmt: skip

        async def mark(number: int, n: int) -> None:
            message_id, how = self._messages[number * each + n % each], _MARKS[n // each]

            async def ask() -> bool:
                await mark_as[how](message_id)
                return True

            if await self.scene.asker.until_answered(ask, f"mark {message_id} {how}"):
                self._marked.add((message_id, f"message.{how}"))

        await self.from_clients(each * len(_MARKS), mark)

    async def broken(self) -> list[str]:
        """Compare events, deliveries and calls."""
        happened = Counter(
            (row["message_id"], row["event_type"])
            for row in await self.scene.fetch(_EVENTS, _TYPES)
        )
        told = await self.scene.fetch(_DELIVERIES)
        calls = self._target.to(_PATH)
        self.counts["webhook events"] = len(told)
        self.counts["webhook calls"] = len(calls)
        lines = [f"webhooks: {one} was marked, and has no event" for one in self._marked
                 if not happened[one]]  # fmt: skip
        lines += [f"webhooks: call of {call.headers.get('idempotency-key')} is not signed"
                  for call in calls if not is_signed(call, self._signing_key)]  # fmt: skip
        return [*lines, *webhook_problems(happened, told, calls)]


def webhook_problems(
    happened: Counter[tuple[str, str]], told: Sequence[dict[str, Any]], calls: Sequence[Call]
) -> Iterator[str]:
    """Yield a line for each event that was not told exactly as one event."""
    events = Counter((row["message_id"], row["event_type"]) for row in told)
    for one in happened.keys() | events.keys():
        if happened[one] != events[one]:
            yield f"webhooks: {one} happened {happened[one]} times, is told as {events[one]} events"
    called = {call.headers.get("idempotency-key") for call in calls}
    for row in told:
        if row["states"] != ["delivered"]:
            yield f"webhooks: event {row['id']} is {row['states']}"
        if row["id"] not in called:
            yield f"webhooks: event {row['id']} never came"
    for stranger in called - {row["id"] for row in told}:
        yield f"webhooks: event {stranger} came, and is not known"
