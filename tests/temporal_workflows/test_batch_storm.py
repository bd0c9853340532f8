"""Many items at once into one batch and into many: real database, real Temporal, own workers."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from typing import Any

import pytest

from domain.kit.json_types import JsonObject
from services.batches.windows import close_left_over_windows
from services.effects import do_left_over_effects
from services.triggers.release_sweep import release_left_over
from tests.support.waiting import soon
from tests.support.world import World, batch_step, channel_step

KEY = "storm"
CLIENTS, EACH = 8, 12
TEMPLATE = {
    "markdown_body": "{{ total_activities }}:{% for a in activities %} {{ a.client }}.{{ a.n }}"
    "{% endfor %}"
}


async def _storm(world: World, keys: int, **settings: Any) -> list[str]:
    """Trigger from several clients at once, each in order; return what the messages say."""
    step = batch_step(seconds=3, batch_key="key", batch_items_render_limit=100, **settings)
    await world.publish(KEY, step, channel_step("feed", template=TEMPLATE))

    async def client(number: int) -> None:
        for n in range(EACH):
            data: JsonObject = {"client": number, "n": n, "key": n % keys}
            await world.trigger(KEY, data=data)

    await asyncio.gather(*map(client, range(CLIENTS)))

    async def have_ended() -> bool:
        # A busy Temporal may take longer than a process waits; the rest is the sweep's.
        for duty in (release_left_over, do_left_over_effects, close_left_over_windows):
            await duty(world.engine)
        return {run["status"] for run in await world.runs()} == {"completed"}

    await soon(have_ended, "not all runs have ended", seconds=500, every=1.0)
    messages = [row for run in await world.runs() for row in await world.messages(run["id"])]
    return [str(row["content"]["blocks"][0]["rendered"]) for row in messages]


def _items(text: str) -> list[tuple[int, int]]:
    """Read a message: the client and the number of each item, in their order."""
    return [(int(client), int(n)) for client, n in re.findall(r"(\d+)\.(\d+)", text)]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("keys", [1, 6])
@pytest.mark.parametrize("most", [None, 5])
async def test_every_item_is_in_one_message(product: World, keys: int, most: int | None) -> None:
    """Each item is told once, each client's in its order, and no message has too many."""
    told = [_items(text) for text in await _storm(product, keys, batch_items_max_limit=most)]

    everything = {(client, n) for client in range(CLIENTS) for n in range(EACH)}
    assert Counter(one for items in told for one in items) == Counter(everything)
    assert all(len(items) <= (most or CLIENTS * EACH) for items in told)
    for items in told:
        assert len({n % keys for _, n in items}) == 1
        for client in range(CLIENTS):
            own = [n for who, n in items if who == client]
            assert own == sorted(own)
    batches = await product.make.rows(
        "SELECT total_activities FROM batches WHERE environment_id = %s AND closed_at IS NOT NULL",
        product.environment.id,
    )
    assert sorted(row["total_activities"] for row in batches) == sorted(map(len, told))
