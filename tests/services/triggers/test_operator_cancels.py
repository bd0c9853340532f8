"""A cancel of an operator holds for runs that are not made yet, and for those of one trigger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from domain.kit.ids import new_id
from domain.runs.waiting import Cancelled, CancelRunsRequest
from models.queries.triggers.cancellations import cancel_runs
from models.queries.triggers.operator_cancels import cancel_open_runs
from runtime.database import Connection, one
from services.triggers import expansions, open_runs
from services.triggers.expansions import expand
from tests.support.broadcasts import SALE, draft, join, make_runs, send, trigger_of
from tests.support.builders import T0
from tests.support.steps import delay_step
from tests.support.subscribers import follow, make_object, project
from tests.support.world import World, channel_step

VIPS = (("ada", "acme"), ("ada", "zeta"), ("ben", "acme"), ("cleo", "zeta"))


async def _cancel(world: World, **wanted: Any) -> Cancelled:
    request = CancelRunsRequest.model_validate(wanted)
    return await open_runs.cancel_open_runs(world.engine, world.environment.scope, request)


async def _sent(world: World) -> None:
    """Send a broadcast to everybody in the audience; nobody has a run yet."""
    for user_id in ("ada", "ben", "cleo"):
        await world.identify(user_id)
    await join(world, "vips", *VIPS)
    await draft(world, delay_step(seconds=3600), channel_step("feed"), target_audience_key="vips")
    await send(world)


async def _addressees(world: World) -> int:
    rows = await world.make.rows(
        "SELECT count(*) AS n FROM broadcast_addressees WHERE environment_id = %s",
        world.environment.id,
    )
    return int(rows[0]["n"])


@pytest.mark.parametrize(
    ("wanted", "left"),
    [
        ({"recipient": "ada"}, {("ben", "acme"), ("cleo", "zeta")}),
        ({"tenant": "acme"}, {("ada", "zeta"), ("cleo", "zeta")}),
        ({"recipient": "ada", "tenant": "acme"}, {*VIPS} - {("ada", "acme")}),
        ({"workflow": SALE}, set[tuple[str, str]]()),
        ({"workflow": "another"}, {*VIPS}),
        ({"recipient": "ada", "collection": "projects"}, {*VIPS}),
    ],
)
async def test_who_is_cancelled_gets_nothing_of_a_broadcast(
    world: World, wanted: dict[str, str], left: set[tuple[str, str]]
) -> None:
    """The answer says how many; everybody else gets a run, and nobody is left on the list."""
    await world.publish("another", channel_step("feed"))
    await make_object(world, project("ada"))
    await _sent(world)
    done = await _cancel(world, **wanted)
    made = await make_runs(world)

    assert done == Cancelled(runs=0, items=0, addressees=len(VIPS) - len(left))
    assert {(run["recipient_id"], run["tenant_id"]) for run in made} == left
    assert await _addressees(world) == 0
    assert (await _cancel(world, **wanted)).addressees == 0


async def test_a_broadcast_is_cancelled_in_its_middle(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who have a run lose it, the others get none."""
    monkeypatch.setattr(expansions, "PAGE", 1)
    monkeypatch.setattr(expansions, "SECONDS", 0.0)
    await _sent(world)
    trigger = await trigger_of(world)
    assert not await expand(world.engine, world.environment.id, trigger)
    done = await _cancel(world, run_id=str(trigger))
    made = await make_runs(world)

    assert done == Cancelled(runs=1, items=0, addressees=3)
    assert [run["status"] for run in made] == ["cancelled"]
    assert await _addressees(world) == 0


async def test_all_runs_of_a_trigger_are_cancelled_by_the_id_that_it_answered(
    world: World,
) -> None:
    """That is what a client has; another trigger of the same workflow goes on."""
    await world.publish("late", delay_step(seconds=3600), channel_step("feed"))
    meant = await world.trigger("late", {"id": "ada"}, {"id": "ben"})
    other = await world.trigger("late", {"id": "ada"})
    done = await _cancel(world, run_id=str(meant))

    assert done == Cancelled(runs=2, items=0, addressees=0)
    assert {run["status"] for run in await world.runs(meant)} == {"cancelled"}
    assert {run["status"] for run in await world.runs(other)} == {"queued"}
    assert (await _cancel(world, run_id=str(meant), recipient="ben")).runs == 0


async def test_followers_without_a_run_get_none(world: World) -> None:
    """Nor does anybody whom a cancelled trigger would have reached through an object."""
    await make_object(world, project("apollo"))
    await follow(world, project("apollo"), "ada")
    await world.publish("late", delay_step(seconds=3600), channel_step("feed"))
    trigger = await world.trigger("late", project("apollo"))
    await _cancel(world, run_id=str(trigger))
    assert await expand(world.engine, world.environment.id, trigger)
    runs = await world.runs(trigger)

    assert {(run["recipient_id"], run["status"]) for run in runs} == {("apollo", "cancelled")}


async def _timeout_of(world: World, cancel: Callable[[Connection], Awaitable[Any]]) -> str:
    """Return for how long a statement may go on after a cancel has begun."""
    async with world.engine.unit() as unit:
        await cancel(unit.connection)
        cursor = await unit.connection.execute("SHOW statement_timeout")
        return str(one(await cursor.fetchone())["statement_timeout"])


async def test_a_cancel_has_minutes(world: World) -> None:
    """It may touch a million runs: those that share a key, or those of a whole workflow."""
    common: dict[str, Any] = {
        "cancellation_id": new_id(),
        "now": T0,
        "release_within": timedelta(minutes=1),
        "workflow_key": "late",
    }
    of_a_key = {"branch_id": None, "cancellation_key": "key", "recipients": None}
    of_all = dict.fromkeys(("run_id", "workflow_run_id", "tenant", "recipient"))

    def by_key(connection: Connection) -> Awaitable[Any]:
        return cancel_runs(connection, world.environment.id, **common, **of_a_key)

    def by_workflow(connection: Connection) -> Awaitable[Any]:
        values = {**common, "cancellation_id": new_id(), **of_all}
        return cancel_open_runs(connection, world.environment.id, **values)

    assert await _timeout_of(world, by_key) == "5min"
    assert await _timeout_of(world, by_workflow) == "5min"
