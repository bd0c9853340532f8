"""Triggers for objects on the whole engine: everybody is reached once, whatever dies on the way."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

import pytest

from domain.kit.ids import trigger_fanout_workflow_id
from services.triggers import expansions
from services.triggers.release_sweep import confirm_releases, release_left_over
from tests.support.interruptions import FailingTemporal
from tests.support.scenarios import FLOW, Handle
from tests.support.steps import feed_step
from tests.support.subscribers import follow, make_object, project
from tests.support.waiting import soon, until, until_blocked
from tests.support.world import World, delay_step

P, TEAM = project("p"), project("team")
PEOPLE = [f"u{number:02}" for number in range(60)]


async def _followed(world: World, *, wait: bool = False) -> None:
    """Publish a workflow, and let users follow a project and a team that follows it."""
    said = feed_step("{{ recipient.subscription.object.id }}")
    await world.publish(FLOW, *([delay_step()] if wait else []), said)
    for each in (P, TEAM):
        await make_object(world, each)
    await follow(world, P, TEAM, *PEOPLE[:40])
    await follow(world, TEAM, *PEOPLE[20:])


def _fan_out(world: World, trigger: UUID, number: int = 1) -> Handle:
    workflow_id = trigger_fanout_workflow_id(world.environment.scope.slug, str(trigger), number)
    return world.engine.temporal.get_workflow_handle(workflow_id)


async def _are(world: World, status: str, count: int) -> bool:
    return Counter(run["status"] for run in await world.runs()) == {status: count}


async def _everybody_has_one(world: World) -> None:
    await until(lambda: _are(world, "completed", len(PEOPLE) + 2))
    messages = await world.make.rows(
        "SELECT recipient_id, content::text FROM messages WHERE environment_id = %s",
        world.environment.id,
    )
    assert Counter(row["recipient_id"] for row in messages) == Counter([*PEOPLE, "p", "team"])
    through = Counter(
        "team" if "team" in row["content"] else "p" if ">p<" in row["content"] else "none"
        for row in messages
    )
    assert through == {"p": 41, "team": 20, "none": 1}


async def test_everybody_is_told_once(product: World) -> None:
    """An object, those who follow it, and those who follow a team among them have one item each."""
    await _followed(product)
    trigger = await product.trigger(FLOW, P)
    assert await _fan_out(product, trigger).result() == len(PEOPLE) + 2
    await _everybody_has_one(product)


async def test_a_fan_out_that_was_killed_halfway(
    alone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Terminated between two pages, it has a successor, which goes on where it stood."""
    monkeypatch.setattr(expansions, "PAGE", 10)
    await _followed(alone)
    async with alone.engine.database.transaction() as connection:
        trigger = await alone.trigger(FLOW, P)
        # The next page waits for whoever holds the place where it begins.
        held = "SELECT 1 FROM trigger_expansions WHERE workflow_run_id = %s FOR UPDATE"
        await connection.execute(held, (trigger,))
        await until_blocked(alone.make)
        await alone.release(trigger)
        await _fan_out(alone, trigger).terminate()
    made = len(await alone.runs(trigger))
    assert made < len(PEOPLE)
    await alone.grow_old()

    async def is_looked_after() -> bool:
        await release_left_over(alone.engine)
        await alone.grow_old()
        return await confirm_releases(alone.engine) == 1

    await until(is_looked_after)
    assert await _fan_out(alone, trigger, 2).result() == len(PEOPLE) + 2
    await _everybody_has_one(alone)


async def test_the_sweep_makes_what_nobody_has_made(alone: World) -> None:
    """A trigger for an object that was accepted while Temporal was away is fanned out later."""
    await _followed(alone)
    away = alone.with_parts(temporal=FailingTemporal())
    trigger = await away.trigger(FLOW, P)
    assert len(await alone.runs(trigger)) == 1
    await alone.grow_old()
    await release_left_over(alone.engine)
    assert await _fan_out(alone, trigger).result() == len(PEOPLE) + 2
    await _everybody_has_one(alone)
    release = await alone.release(trigger)
    assert release is not None
    await alone.grow_old()
    await confirm_releases(alone.engine)
    assert await alone.release(trigger) is None


async def test_a_cancel_in_the_middle(product: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes on whom the cancel concerns: neither who has a run nor who would have had one."""
    monkeypatch.setattr(expansions, "PAGE", 5)
    await _followed(product, wait=True)
    trigger = await product.trigger(FLOW, P, cancellation_key="ck")
    await soon(lambda: _some_are_made(product, trigger))
    await product.cancel(FLOW, "ck")
    await _fan_out(product, trigger).result()
    assert {run["status"] for run in await product.runs(trigger)} == {"cancelled"}
    assert (
        await product.make.rows(
            "SELECT 1 FROM messages WHERE environment_id = %s", product.environment.id
        )
        == []
    )


async def _some_are_made(world: World, trigger: UUID) -> bool:
    return len(await world.runs(trigger)) > 1
