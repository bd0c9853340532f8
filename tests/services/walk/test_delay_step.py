"""The delay step within a run: what it waits for, and what the story says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.kit.clock import iso, parse_instant, utc_now
from services.triggers.moved_waits import move_wait
from tests.support.world import World, channel_step, delay_step, sleep_of


def _until(path: str, **settings: Any) -> dict[str, Any]:
    return delay_step(settings={"delay_until_field_path": path, **settings})


async def test_fixed_delay_pauses_the_run(world: World) -> None:
    """The run is paused until the instant that its directive names, and goes on behind the step."""
    now = utc_now()
    world = world.at(now)
    run_id, directive = await world.send(delay_step(seconds=90), channel_step("feed"))
    run = await world.run(run_id)
    assert run["status"] == "paused"
    assert directive.cursor == "wait/resume"
    assert sleep_of(directive).until == pytest.approx(run["resumes_at"].timestamp())
    assert run["resumes_at"] == now + timedelta(seconds=90)
    done = await world.walk(run_id, directive.cursor)
    assert done.status == "completed"
    assert (await world.run(run_id))["resumes_at"] is None


async def test_delay_until_a_value_of_the_data(world: World) -> None:
    """A timestamp in the trigger's data is waited for to the microsecond."""
    due = iso(utc_now() + timedelta(days=3))
    run_id, directive = await world.send(_until("data.due"), data={"due": due})
    moment = parse_instant(due)
    assert moment is not None
    assert sleep_of(directive).until == moment.timestamp()
    assert (await world.events(run_id))[-1]["data"] == {"delay_until": due}


@pytest.mark.parametrize("value", [None, "soon", "2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z"])
async def test_a_4_unusable_value_skips_with_an_error(world: World, value: Any) -> None:
    """A value that cannot be waited for is logged as an error; the run goes on."""
    run_id, directive = await world.send(
        _until("data.due"), channel_step("feed"), data={"due": value}
    )
    assert directive.status == "completed"
    skipped = next(row for row in await world.events(run_id) if row["event"] == "delay_skipped")
    assert (skipped["status"], (await world.run(run_id))["error_count"]) == ("error", 1)
    assert len(await world.messages(run_id)) == 1


async def test_skip_delay(world: World) -> None:
    """A trigger may ask to pass its delays at once; that is no error."""
    run_id, directive = await world.send(
        delay_step(), channel_step("feed"), settings={"skip_delay": True}
    )
    assert directive.status == "completed"
    assert await world.reason(run_id, "delay_skipped") == "the trigger asked to skip delays"
    assert (await world.run(run_id))["error_count"] == 0


async def test_delay_of_nothing(world: World) -> None:
    """A delay of no length is passed without a wait."""
    run_id, directive = await world.send(delay_step(seconds=0), channel_step("feed"))
    assert directive.status == "completed"
    assert await world.reason(run_id, "delay_skipped") == "there is nothing to wait for"


@pytest.mark.parametrize(("plan", "status"), [("pro", "paused"), ("free", "completed")])
async def test_delay_has_conditions(world: World, plan: str, status: str) -> None:
    """A delay whose conditions do not hold is passed at once, and the verdict is told."""
    conditions = {"all": [{"variable": "data.plan", "operator": "equal_to", "argument": "pro"}]}
    run_id, directive = await world.send(
        delay_step(conditions=conditions), channel_step("feed"), data={"plan": plan}
    )
    assert directive.status == status
    verdict = next(
        row for row in await world.events(run_id) if row["event"] == "step_conditions_evaluated"
    )
    assert (verdict["step_ref"], verdict["data"]["passed"]) == ("wait", plan == "pro")


async def test_late_word_of_a_move_ends_no_other_delay(world: World) -> None:
    """Word of a delay that is over may come again, or late: the next one is slept through."""
    now = utc_now()
    world = world.at(now)
    run_id, directive = await world.send(
        delay_step(), delay_step("next"), delay_step("last"), channel_step("feed")
    )
    await move_wait(world.engine, world.environment.scope, UUID(run_id), None)
    second = await world.walk(run_id, directive.cursor)
    soon = world.at(now + timedelta(minutes=1))
    woken = await soon.walk(run_id, second.cursor)
    assert sleep_of(woken).until == sleep_of(second).until
    third = await world.at(now + timedelta(hours=1)).walk(run_id, woken.cursor)
    assert third.cursor == "last/resume"
    woken = await world.at(now + timedelta(hours=1, minutes=1)).walk(run_id, third.cursor)
    assert sleep_of(woken).until == sleep_of(third).until
    assert await world.messages(run_id) == []
    done = await world.at(now + timedelta(hours=2)).walk(run_id, woken.cursor)
    assert done.status == "completed"


async def test_a_delay_that_was_moved_is_slept_for_once(world: World) -> None:
    """Where Temporal's clock is ahead of ours, nobody sleeps again for what is over."""
    run_id, directive = await world.send(delay_step(seconds=90), channel_step("feed"))
    later = utc_now() + timedelta(hours=1)
    await move_wait(world.engine, world.environment.scope, UUID(run_id), later)
    asleep = await world.walk(run_id, directive.cursor)
    again = await world.at(later - timedelta(minutes=5)).walk(run_id, asleep.cursor)
    assert sleep_of(again).until == sleep_of(asleep).until == pytest.approx(later.timestamp())
    done = await world.at(later - timedelta(seconds=3)).walk(run_id, again.cursor)
    assert done.status == "completed"
