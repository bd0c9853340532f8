"""Many triggers for the same people of workflows that each may enter once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from domain.kit.json_types import JsonObject
from tests.chaos.storms.base import CLIENTS, Storm, person
from tests.support.steps import feed_step, workflow

_ONCE = "chaos-once"
_ONCE_PER_TENANT = "chaos-once-per-tenant"
_PEOPLE = 30
_TOGETHER = 5
_TENANTS = ("acme", "globex", None)
_RUNS = """
SELECT r.recipient_id, r.tenant_id, count(DISTINCT r.id) AS runs, count(m.id) AS messages
FROM recipient_runs r LEFT JOIN messages m ON m.recipient_run_id = r.id
WHERE r.workflow_key = %s GROUP BY 1, 2
"""


class FirstRunStorm(Storm):
    """A recipient has one run of a workflow with a trigger frequency, or one for each tenant."""

    WORKFLOWS: ClassVar[Mapping[str, JsonObject]] = {
        _ONCE: workflow(_ONCE, feed_step("Welcome"), trigger_frequency="once_per_recipient"),
        _ONCE_PER_TENANT: workflow(
            _ONCE_PER_TENANT,
            feed_step("Welcome"),
            trigger_frequency="once_per_recipient_per_tenant",
        ),
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._asked: dict[str, set[tuple[str, str | None]]] = {
            _ONCE: set(),
            _ONCE_PER_TENANT: set(),
        }

    async def rage(self) -> None:
        """Let eight clients trigger both for overlapping people."""

        async def ask(client: int, n: int) -> None:
            # Neighbours in time name mostly the same people, each client from another one on.
            people = [f"first-{(n * 2 + client + i) % _PEOPLE}" for i in range(_TOGETHER)]
            tenant = _TENANTS[(n + client) % len(_TENANTS)]
            key = (_ONCE, _ONCE_PER_TENANT)[n % 2]
            described = [person(each) for each in people]
            fields = {} if tenant is None else {"tenant": tenant}
            if await self.scene.trigger(key, f"{client}-{n}", described, **fields):
                each_tenant = tenant if key == _ONCE_PER_TENANT else None
                self._asked[key].update((each, each_tenant) for each in people)

        await self.from_clients(self.scene.plan.entered // CLIENTS, ask)

    async def broken(self) -> list[str]:
        """Count the runs and messages of each person."""
        lines = []
        for key, asked in self._asked.items():
            rows = await self.scene.fetch(_RUNS, key)
            per_tenant = key == _ONCE_PER_TENANT
            lines += [f"{key}: {line}" for line in first_run_problems(asked, rows, per_tenant)]
            self.counts[f"{key}: entered"] = len(asked)
        return lines


def first_run_problems(
    asked: set[tuple[str, str | None]], rows: list[dict[str, Any]], per_tenant: bool
) -> Iterator[str]:
    """Yield a line for everybody who has not one run with one message."""
    runs: Counter[tuple[str, str | None]] = Counter()
    messages: Counter[tuple[str, str | None]] = Counter()
    for row in rows:
        who = row["recipient_id"], row["tenant_id"] if per_tenant else None
        runs[who] += row["runs"]
        messages[who] += row["messages"]
    for who in sorted(asked, key=str):
        if (runs[who], messages[who]) != (1, 1):
            yield f"{who} has {runs[who]} runs and {messages[who]} messages"
