"""Many items into one batch and into many, with and without a bound: each is in exactly one."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from domain.kit.json_types import JsonObject
from tests.chaos.storms.base import CLIENTS, Storm, person
from tests.support.steps import batch_step, feed_step, workflow

_REF = "batch_1"
_WINDOW_SECONDS = 6
_MOST_ITEMS = 20
_RENDERED = 100
_TEXT = "{{ total_activities }}:{% for a in activities %} {{ a.client }}.{{ a.n }}{% endfor %}"


@dataclass(frozen=True, slots=True)
class _Variant:
    """One workflow: so many keys, and so many items in a batch at most."""

    keys: int
    most: int | None

    @property
    def workflow_key(self) -> str:
        return f"chaos-batch-{self.keys}-{self.most or 'any'}"


_VARIANTS = [_Variant(keys, most) for keys in (1, 100) for most in (None, _MOST_ITEMS)]

_ITEMS = """
SELECT w.data->>'client' AS client, w.data->>'n' AS n, w.data->>'key' AS key,
       count(i.batch_id) AS batches
FROM workflow_runs w
JOIN recipient_runs r ON r.workflow_run_id = w.id
LEFT JOIN batch_items i ON i.recipient_run_id = r.id AND i.removed_at IS NULL
WHERE w.workflow_key = %s GROUP BY w.id, r.id
"""
_BATCHES = """
SELECT b.id::text AS id, b.batch_key, b.closed_at IS NOT NULL AS is_closed, b.total_activities,
       (SELECT count(*) FROM messages m WHERE m.recipient_run_id = b.carrier_run_id) AS messages,
       (SELECT min(m.content->'blocks'->0->>'rendered') FROM messages m
        WHERE m.recipient_run_id = b.carrier_run_id) AS told,
       array_agg((w.data->>'client') || '.' || (w.data->>'n') ORDER BY w.id) AS items,
       count(DISTINCT w.data->>'key') AS keys
FROM batches b
JOIN batch_items i ON i.batch_id = b.id AND i.removed_at IS NULL
JOIN workflow_runs w ON w.id = i.workflow_run_id
WHERE b.workflow_key = %s GROUP BY b.id
"""
_MESSAGES = "SELECT count(*) AS count FROM messages WHERE workflow_key = %s"


@dataclass(slots=True)
class Gathered:
    """What became of the items of one workflow.

    Attributes:
        asked: items that were answered, each as `client.n`.
        items: of the rows, with how many batches each is in.
        batches: with what their messages say.
        messages: how many there are in all.
    """

    asked: set[str] = field(default_factory=set)
    items: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    messages: int = 0


class BatchStorm(Storm):
    """Every item in exactly one batch, one message for each batch, each client's in its order."""

    WORKFLOWS: ClassVar[Mapping[str, JsonObject]] = {
        variant.workflow_key: workflow(
            variant.workflow_key,
            batch_step(
                _REF,
                seconds=_WINDOW_SECONDS,
                batch_key="key",
                batch_items_render_limit=_RENDERED,
                batch_items_max_limit=variant.most,
            ),
            feed_step(_TEXT),
        )
        for variant in _VARIANTS
    }

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._asked: dict[str, set[str]] = defaultdict(set)

    async def rage(self) -> None:
        """Let eight clients trigger into every variant in turns."""
        each = self.scene.plan.batched // CLIENTS

        async def item(client: int, turn: int) -> None:
            variant, n = _VARIANTS[turn % len(_VARIANTS)], turn // len(_VARIANTS)
            # Where there are few items, so that most batches still have several.
            keys = min(variant.keys, 2 * each)
            data = {"client": client, "n": n, "key": (client * each + n) % keys}
            key = variant.workflow_key
            if await self.scene.trigger(key, f"{client}-{n}", [person("gatherer")], data=data):
                self._asked[key].add(f"{client}.{n}")

        await self.from_clients(each * len(_VARIANTS), item)

    async def broken(self) -> list[str]:
        """Compare what was asked with batches, items and messages."""
        lines: list[str] = []
        for variant in _VARIANTS:
            key = variant.workflow_key
            (messages,) = await self.scene.fetch(_MESSAGES, key)
            gathered = Gathered(
                self._asked[key],
                await self.scene.fetch(_ITEMS, key),
                await self.scene.fetch(_BATCHES, key),
                messages["count"],
            )
            lines += [f"{key}: {line}" for line in problems(gathered, variant.most)]
            self.counts[f"{key}: items"] = len(gathered.items)
            self.counts[f"{key}: batches"] = len(gathered.batches)
        return lines


def problems(gathered: Gathered, most: int | None) -> Iterator[str]:
    """Yield a line for each promise about batches that was not kept."""
    times = Counter(f"{row['client']}.{row['n']}" for row in gathered.items)
    for item in sorted(gathered.asked - times.keys()):
        yield f"item {item} has no run"
    for item, count in times.items():
        if count > 1:
            yield f"item {item} has {count} runs"
    for row in gathered.items:
        if row["batches"] != 1:
            yield f"item {row['client']}.{row['n']} is in {row['batches']} batches"
    for batch in gathered.batches:
        yield from (f"batch {batch['id']} {line}" for line in _batch_problems(batch, most))
    if gathered.messages != len(gathered.batches):
        yield f"{gathered.messages} messages of {len(gathered.batches)} batches"


def _batch_problems(batch: dict[str, Any], most: int | None) -> Iterator[str]:
    items = batch["items"]
    if not batch["is_closed"] or batch["total_activities"] != len(items):
        yield f"has {len(items)} items, and counts {batch['total_activities']}"
    if most is not None and len(items) > most:
        yield f"has {len(items)} items, more than {most}"
    if batch["keys"] != 1:
        yield f"has items of {batch['keys']} keys"
    if batch["messages"] != 1:
        yield f"has {batch['messages']} messages"
        return
    # It is rendered as a paragraph.
    total, _, listed = batch["told"].removeprefix("<p>").partition(":")
    told = re.findall(r"\d+\.\d+", listed)
    if int(total) != len(items) or told != items[:_RENDERED]:
        yield f"has the items {items}, and tells {batch['told']}"
    by_client: dict[str, list[int]] = defaultdict(list)
    for item in told:
        client, _, n = item.partition(".")
        by_client[client].append(int(n))
    for client, numbers in by_client.items():
        if numbers != sorted(numbers):
            yield f"tells items of client {client} in the order {numbers}"
