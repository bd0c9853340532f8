"""Triggers that nobody has sent: tried on the people who are stored."""

from __future__ import annotations

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.what_if.differences import Kind
from tests.support.steps import feed_step
from tests.support.what_if import KEY, draft, only, tried
from tests.support.world import World, batch_step, delay_step

AT = ("2026-03-01T10:00:00Z", "2026-03-01T10:01:00Z", "2026-03-01T12:00:00Z")


def trigger(**changes: object) -> JsonObject:
    """Write an imagined trigger."""
    return {"workflow": KEY, "recipients": ["ada"], **changes}


async def test_a_workflow_that_was_never_committed(world: World) -> None:
    """A new workflow adds messages, at the instants of the script, for the people stored."""
    await world.identify("ada", name="Ada")
    await draft(
        world, batch_step(seconds=600), feed_step("{{ recipient.name }} {{ total_activities }}")
    )

    found = await tried(world, triggers=[trigger(at=at) for at in reversed(AT)])

    only(found, Kind.ADDED, times=2)
    messages = [
        each.after for each in found.findings.differences if each.after and each.after.shown
    ]
    assert [each.at.isoformat() for each in messages] == [
        "2026-03-01T10:10:00+00:00",
        "2026-03-01T12:10:00+00:00",
    ]
    texts = [each.shown["blocks"][0]["rendered"] for each in messages]
    assert texts == ["<p>Ada 2</p>\n", "<p>Ada 1</p>\n"]


async def test_who_is_not_stored_gets_nothing(world: World) -> None:
    """A run for somebody unknown ends, as a real one does."""
    await draft(world, feed_step())

    assert (await tried(world, triggers=[trigger()])).findings.after == 0


async def test_every_fault_is_told_at_its_place(world: World) -> None:
    """Unknown workflows, and people to be stored, are refused all at once."""
    await draft(world, feed_step())
    faulty = [
        trigger(workflow="nowhere"),
        trigger(recipients=["ada", {"id": "bob", "name": "Bob"}], tenant={"id": "t", "name": "T"}),
        trigger(actor={"id": "eve", "name": "Eve"}),
        trigger(at="9998-01-01T00:00:00Z"),
        trigger(at="1969-12-31T23:59:59Z"),
    ]

    with pytest.raises(InvalidParams) as refused:
        await tried(world, triggers=faulty)

    assert [error.field for error in refused.value.errors] == [
        "triggers[0].workflow",
        "triggers[1].recipients[1]",
        "triggers[1].tenant",
        "triggers[2].actor",
        "triggers[3].at",
        "triggers[4].at",
    ]


async def test_triggers_at_the_ends_of_the_calendar(world: World) -> None:
    """The first and the last instants that are taken are walked as any other."""
    await world.identify("ada", name="Ada")
    await draft(world, delay_step(seconds=86_400), batch_step(seconds=600), feed_step())
    script = [trigger(at=at) for at in ("1970-01-01T00:00:00Z", "8999-12-31T23:59:59Z")]

    only(await tried(world, triggers=script), Kind.ADDED, times=2)
