"""A walk commits when it has used its budget, and the run makes progress however slow it is."""

from __future__ import annotations

from domain.contract.runs import WalkOn
from services.walk.loop import Budget
from tests.support.world import World, channel_step, delay_step

# Some tenths of a second of work on any machine.
SLOW = {"markdown_body": "{% for i in (1..6000) %}{{ i | plus: 1 }}{% endfor %}"}


async def _walk_to_the_end(world: World, run_id: str) -> list[int]:
    """Walk until the run waits or ends, and return how many messages there were after each walk."""
    counts = []
    cursor = ""
    while True:
        advanced = await world.walk_once(run_id, cursor)
        counts.append(len(await world.messages(run_id)))
        if advanced.next != WalkOn():
            return counts
        cursor = advanced.cursor


async def test_fifty_messages(world: World) -> None:
    """A walk makes fifty messages at most; the next one goes on at the step behind them."""
    await world.publish("many", *(channel_step(f"feed_{n}") for n in range(120)))
    run_id = await world.begin("many")
    counts = await _walk_to_the_end(world, run_id)
    assert counts[-1] == 120
    assert counts == sorted(set(counts))
    most = max(later - earlier for earlier, later in zip([0, *counts], counts, strict=False))
    assert most <= Budget().messages
    story = await world.story(run_id)
    assert (story[0], story[-1], len(story)) == ("run_started", "run_completed", 122)


async def test_slow_steps(world: World) -> None:
    """Each walk of slow steps takes one at least, and what it did is stored."""
    await world.publish("slow", *(channel_step(f"feed_{n}", template=SLOW) for n in range(6)))
    run_id = await world.begin("slow")
    counts = await _walk_to_the_end(world, run_id)
    assert len(counts) > 1
    assert counts[0] >= 1
    assert counts[-1] == 6


async def test_between_two_walks(world: World) -> None:
    """A run between two walks is processing, and overdue at once when nobody walks it on."""
    await world.publish("many", *(channel_step(f"feed_{n}") for n in range(60)), delay_step())
    run_id = await world.begin("many")
    first = await world.walk_once(run_id)
    run = await world.run(run_id)
    assert (first.next, first.status, run["status"]) == (WalkOn(), "processing", "processing")
    assert run["resumes_at"] == run["updated_at"]
    before = await world.snapshot(run_id)
    again = await world.walk(run_id, first.cursor)
    assert again.status == "paused"
    assert len((await world.snapshot(run_id))["messages"]) == 60 > len(before["messages"])


async def test_a_cancel_between_two_walks(world: World) -> None:
    """A run that is cancelled between two walks makes nothing more."""
    await world.publish("many", *(channel_step(f"feed_{n}") for n in range(60)))
    run_id = await world.begin("many", cancellation_key="ck")
    first = await world.walk_once(run_id)
    made = len(await world.messages(run_id))
    await world.cancel("many", "ck")
    assert (await world.walk_once(run_id, first.cursor)).status == "cancelled"
    assert len(await world.messages(run_id)) == made
