"""A fault stops a run where it stands: ours until it is mended, one of content after attempts."""

from __future__ import annotations

import pytest

from domain.contract.runs import AdvanceInput, Finished, WalkOn
from services.walk.transaction import tell_stalled
from tests.support.extra_steps import ExtraExecutor, extra, extra_step
from tests.support.world import World, channel_step, sleep_of

__all__ = ["extra"]


async def test_what_cannot_be_stored(world: World, extra: ExtraExecutor) -> None:
    """A step whose rows PostgreSQL refuses fails by itself; those before it stand."""
    steps = channel_step("before"), extra_step("bad", "raw"), channel_step("after")
    await world.publish("flow", *steps)
    run_id = await world.begin("flow")
    first = await world.walk_once(run_id)
    assert (first.next, first.cursor) == (WalkOn(), "bad")
    cursor = first.cursor
    for attempt in (2, 3):
        advanced = await world.walk_once(run_id, cursor)
        sleep_of(advanced)
        assert advanced.cursor == f"bad/{attempt}"
        cursor = advanced.cursor
    assert (await world.walk_once(run_id, cursor)).next == Finished()
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["before"]
    (failed,) = [row for row in await world.events(run_id) if row["event"] == "step_failed"]
    assert (failed["step_ref"], failed["step_type"]) == ("bad", "extra")
    assert failed["data"] == {
        "reason": "content",
        "error": "the result of the step cannot be stored",
    }


async def test_a_fault_of_ours_changes_nothing(world: World, extra: ExtraExecutor) -> None:
    """An unexpected exception in a step leaves the run as it was, and is not the content's."""
    await world.publish("flow", channel_step("feed"), extra_step("bug", "fault"))
    run_id = await world.begin("flow")
    before = await world.snapshot(run_id)
    with pytest.raises(LookupError):
        await world.walk(run_id)
    assert await world.snapshot(run_id) == before


async def test_what_a_failing_step_wrote_would_stay(world: World, extra: ExtraExecutor) -> None:
    """So every test of a walk fails for an executor that writes and is refused afterwards."""
    with pytest.raises(AssertionError, match="extra writes, and then raises"):
        await world.send(extra_step("bad", "write"))


async def test_a_failing_step_may_write_within_a_savepoint(
    world: World, extra: ExtraExecutor
) -> None:
    """What it wrote and owed there is taken back, and the step is tried again."""
    run_id, first = await world.send(channel_step("before"), extra_step("bad", "write", apart=True))
    assert first.cursor == "bad/2"
    owed = "SELECT 1 FROM owed_effects WHERE environment_id = %s AND kind = 'nothing'"
    assert await world.make.rows(owed, world.environment.id) == []
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["before"]


async def test_a_stalled_run_says_so_once(world: World) -> None:
    """The story has one note for each time that the run stalls, and the run counts as faulty."""
    await world.publish("flow", channel_step("feed"))
    run_id = await world.begin("flow")
    order = AdvanceInput(run_id, str(world.environment.id))
    assert await tell_stalled(world.engine, order, "abc", "LookupError")
    assert not await tell_stalled(world.engine, order, "abc", "LookupError")
    assert await world.story(run_id) == ["run_stalled"]
    assert (await world.run(run_id))["error_count"] == 1
    await world.walk(run_id)
    assert await world.story(run_id) == [
        "run_stalled",
        "run_started",
        "message_enqueued",
        "run_completed",
    ]
    assert not await tell_stalled(world.engine, order, "abc", "LookupError")


async def test_a_broken_template_is_told_with_its_place(world: World) -> None:
    """The event names the field of the step's template, and line and column in it."""
    source = "Hello\n{{ data.text | from_json }}"
    template = {"subject": "x", "html_body": source, "settings": {}}
    run_id, _ = await world.send(
        channel_step("mail", "email", template=template), data={"text": "no JSON"}
    )
    (retrying,) = [row for row in await world.events(run_id) if row["event"] == "step_retrying"]
    assert retrying["step_ref"] == "mail"
    told = retrying["data"]
    assert (told["reason"], told["field"], told["line"], told["column"]) == (
        "template", "html_body", 2, 16,
    )  # fmt: skip
    assert told["error"].startswith("html_body: from_json: ")
    assert told["error"].endswith("(line 2, column 16)")
