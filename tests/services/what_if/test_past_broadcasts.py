"""Past runs of broadcasts, which say what they said when they were sent, with content of today."""

from __future__ import annotations

import asyncio

import pytest

from domain.content.partial import PARTIAL
from domain.what_if.differences import Kind
from services.what_if import trying
from tests.support import broadcasts
from tests.support.content import note, save_content
from tests.support.steps import feed_step
from tests.support.what_if import KEY, PEOPLE, draft, only, tried
from tests.support.world import World


async def _partial(world: World, content: str, *, is_committed: bool = False) -> None:
    document = {"name": "Foot", "type": "markdown", "content": content}
    commit = note() if is_committed else None
    slug = world.environment.scope.slug
    await save_content(world.engine, slug, PARTIAL, "foot", document, commit=commit, force=True)


@pytest.fixture
async def sent(world: World) -> World:
    """Return a world in which six people have received a broadcast with a partial in it."""
    await _partial(world, "Old", is_committed=True)
    for one in PEOPLE:
        await world.identify(one["id"], name=one["name"])
    await broadcasts.draft(world, feed_step("{{ recipient.name }}: {% render 'foot' %}"))
    await broadcasts.send(world)
    for run in await broadcasts.make_runs(world):
        await world.walk(run["id"])
    return world


async def test_shared_content_changes_what_they_say(sent: World) -> None:
    """Its steps are those that were sent; partials, layouts and the like are as they are tried."""
    await _partial(sent, "New")

    found = await tried(sent)

    assert only(found, Kind.CHANGED).run.workflow_key == broadcasts.SALE
    said = {
        (str(change.before).strip(), str(change.after).strip())
        for each in found.findings.differences
        for change in each.changes
        if change.place == "blocks[0].rendered"
    }
    assert said == {(f"<p>N{n}: Old</p>", f"<p>N{n}: New</p>") for n in range(len(PEOPLE))}
    assert list(found.findings.steps) == [(broadcasts.SALE, "feed_1")]


async def test_drafts_of_workflows_do_not_concern_them(sent: World) -> None:
    """Then they are not walked, and leave their room to the runs of workflows."""
    await sent.publish(KEY, feed_step())
    await sent.walk(await sent.begin(KEY))
    await draft(sent, feed_step("Bye"))
    assert (await tried(sent)).findings.runs == 1
    await _partial(sent, "New")
    assert (await tried(sent, workflow=KEY)).findings.runs == 1
    assert (await tried(sent)).findings.runs == 1 + len(PEOPLE)


async def test_one_broadcast_takes_not_all_the_room(
    sent: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some of its runs are walked, those of before and after it too, and that is told."""
    monkeypatch.setattr(trying, "MOST_OF_A_BROADCAST", 2)
    await sent.publish(KEY, feed_step())
    await asyncio.sleep(0.002)  # ids of one millisecond are passed over together
    await sent.walk(await sent.begin(KEY))
    await _partial(sent, "New")

    found = await tried(sent, runs=3)

    assert (found.findings.runs, found.findings.kinds) == (3, {Kind.CHANGED: 2})
    assert [(each.place, each.message) for each in found.notes] == [
        ("runs", "at most 2 of the broadcast sale are walked")
    ]
    monkeypatch.setattr(trying, "MOST_OF_A_BROADCAST", len(PEOPLE))
    assert (await tried(sent)).notes == []
