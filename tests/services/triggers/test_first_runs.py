"""A workflow that may be entered once: a unique row decides, between any number of triggers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any
from uuid import UUID

import pytest
from psycopg import Rollback

from domain.recipients.refs import RecipientRef
from domain.triggers.requests import REHEARSAL, parse_trigger_request
from services.bulk.departures import delete_recipient
from services.triggers.triggering import trigger
from tests.support.steps import trigger_step
from tests.support.waiting import until_blocked
from tests.support.world import World, channel_step, delay_step

ONCE = "once_per_recipient"
ONCE_FOR_EACH = "once_per_recipient_per_tenant"


@pytest.fixture(autouse=True)
async def workflow(world: World) -> None:
    """Publish workflows that a recipient may enter once, in all or for each tenant."""
    await world.publish("once", channel_step("feed"), trigger_frequency=ONCE)
    await world.publish("each", channel_step("feed"), trigger_frequency=ONCE_FOR_EACH)


async def _rehearse(world: World, key: str, *recipients: Any) -> UUID:
    body = {"recipients": list(recipients)}
    request = parse_trigger_request(key, body, source_type=REHEARSAL)
    return (await trigger(world.engine, world.environment.scope, request)).workflow_run_id


async def _started(world: World, *triggers: Awaitable[UUID]) -> list[tuple[str, int]]:
    """Return the recipients of some triggers at once, with how many runs each has."""
    await asyncio.gather(*triggers)
    counts: dict[str, int] = {}
    for run in await world.runs():
        counts[run["recipient_id"]] = counts.get(run["recipient_id"], 0) + 1
    return sorted(counts.items())


async def test_the_second_trigger_makes_no_run(world: World) -> None:
    """It is accepted, answered with an id, and owes Temporal nothing."""
    first = await world.trigger("once", {"id": "ellie"})
    second = await world.trigger("once", {"id": "ellie"})
    assert first != second
    assert (len(await world.runs(first)), len(await world.runs(second))) == (1, 0)
    (row,) = await world.make.rows("SELECT * FROM workflow_runs WHERE id = %s", second)
    assert (row["recipient_count"], row["missing_recipients"]) == (0, None)
    assert await world.release(second) is None


async def test_who_is_new_gets_a_run(world: World) -> None:
    """Of several recipients those have a run who had none before, and unknown ones are noted."""
    await world.trigger("once", {"id": "a"}, {"id": "b"})
    second = await world.trigger("once", "a", {"id": "b", "name": "B"}, {"id": "c"}, "ghost")
    assert [run["recipient_id"] for run in await world.runs(second)] == ["c"]
    (row,) = await world.make.rows("SELECT * FROM workflow_runs WHERE id = %s", second)
    assert (row["recipient_count"], row["missing_recipients"]) == (1, ["ghost"])


async def test_once_for_each_tenant(world: World) -> None:
    """With every tenant, and without one, a recipient has one run."""
    for tenant in ("acme", "beta", None) * 2:
        await world.trigger("each", {"id": "ellie"}, tenant=tenant)
    runs = await world.runs()
    assert sorted(str(run["tenant_id"]) for run in runs) == ["None", "acme", "beta"]


async def test_once_whatever_the_tenant(world: World) -> None:
    """Once for each recipient is once in all tenants."""
    for tenant in ("acme", "beta", None):
        await world.trigger("once", {"id": "ellie"}, tenant=tenant)
    assert [run["tenant_id"] for run in await world.runs()] == ["acme"]


@pytest.mark.parametrize("process", ["the same process", "another process each"])
async def test_4_twenty_triggers_at_once(world: World, process: str) -> None:
    """However many triggers meet, each recipient has exactly one run."""
    people = [{"id": f"u{n}"} for n in range(5)]
    worlds = [world if process == "the same process" else world.with_parts() for _ in range(20)]
    orders = [people if n % 2 else people[::-1] for n in range(20)]
    triggers = (
        each.trigger("once", *order, actor={"id": "ann", "turn": n})
        for n, (each, order) in enumerate(zip(worlds, orders, strict=True))
    )
    assert await _started(world, *triggers) == [(f"u{n}", 1) for n in range(5)]


async def test_a_run_holds_after_a_restart(world: World) -> None:
    """What one process has let in, another one knows."""
    await world.trigger("once", {"id": "ellie"})
    await world.with_parts().trigger("once", {"id": "ellie"})
    assert len(await world.runs()) == 1


async def test_what_was_rolled_back_is_free(world: World) -> None:
    """A trigger that waits for one that fails makes the run itself."""
    await world.make.user(world.environment, "ellie")
    async with world.engine.database.transaction() as connection:
        await connection.execute(
            "INSERT INTO first_runs VALUES (%s, '$users', 'ellie', 'once', '', %s)",
            (world.environment.id, UUID(int=1)),
        )
        waiting = asyncio.create_task(world.trigger("once", "ellie"))
        await until_blocked(world.make)
        raise Rollback
    assert len(await world.runs(await waiting)) == 1


@pytest.mark.parametrize("end", ["cancelled", "conditions"])
async def test_a_run_that_came_to_nothing_counts(world: World, end: str) -> None:
    """The row is taken with the run, before conditions are judged; a cancel does not free it."""
    conditions = {"all": [{"variable": "data.x", "operator": "equal_to", "argument": "1"}]}
    await world.publish("strict", delay_step(), trigger_frequency=ONCE, conditions=conditions)
    run_id = await world.begin("strict", {"id": "ellie"}, cancellation_key="ck")
    if end == "cancelled":
        await world.cancel("strict", "ck")
    else:
        assert (await world.walk(run_id)).status == "completed"
    assert await world.runs(await world.trigger("strict", "ellie", data={"x": "1"})) == []


async def test_test_runs_do_not_count(world: World) -> None:
    """The test runner makes a run each time, and uses nothing up."""
    await _rehearse(world, "once", {"id": "ellie"})
    assert len(await world.runs(await world.trigger("once", "ellie"))) == 1
    assert len(await world.runs(await _rehearse(world, "once", "ellie"))) == 1


@pytest.mark.parametrize("key", ["once", "each"])
async def test_runs_in_sandbox_mode_count_apart(world: World, key: str) -> None:
    """Who was tried out enters for real all the same, and the other way round, each once."""
    sandbox = {"settings": {"sandbox_mode": True}}
    for person, order in (("ellie", (sandbox, {})), ("alan", ({}, sandbox))):
        made = [
            await world.runs(await world.trigger(key, {"id": person}, tenant="acme", **mode))
            for mode in order * 2
        ]
        assert [len(runs) for runs in made] == [1, 1, 0, 0]


async def test_what_a_run_in_sandbox_mode_triggers_counts_apart(world: World) -> None:
    """A step of a workflow that is tried out uses up nobody's real run of another one."""
    for mode in ({"settings": {"sandbox_mode": True}}, {}):
        await world.send(trigger_step("once"), **mode)
    assert len([run for run in await world.runs() if run["workflow_key"] == "once"]) == 2


async def test_steps_that_trigger_keep_to_it(world: World) -> None:
    """A workflow that a step triggers lets each recipient in once."""
    for _ in range(2):
        await world.send(trigger_step("once"))
    assert len([run for run in await world.runs() if run["workflow_key"] == "once"]) == 1


async def test_it_holds_for_a_key_and_not_for_a_version(world: World) -> None:
    """A new version of the workflow lets nobody in again; another workflow does."""
    await world.trigger("once", {"id": "ellie"})
    await world.publish("once", channel_step("other"), trigger_frequency=ONCE)
    assert await world.runs(await world.trigger("once", "ellie")) == []
    assert len(await world.runs(await world.trigger("each", "ellie"))) == 1


async def test_who_is_identified_anew_is_new(world: World) -> None:
    """Whoever takes the id of a deleted user inherits nothing."""
    await world.trigger("once", {"id": "ellie"})
    await delete_recipient(world.engine, world.environment.scope, RecipientRef.user("ellie"))
    assert len(await world.runs(await world.trigger("once", {"id": "ellie"}))) == 1
