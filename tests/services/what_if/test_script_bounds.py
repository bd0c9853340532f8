"""What reading a script costs: what is walked of it and no more, and only while there is time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from models.queries.runs import imagined as statements
from services.what_if.imagined import Script
from tests.support import broadcasts
from tests.support.schedules import FLOW, schedule
from tests.support.steps import feed_step
from tests.support.subscribers import follow, make_object, project
from tests.support.what_if import KEY, draft, tried
from tests.support.world import World

FIRST = datetime(2100, 1, 1, tzinfo=UTC).isoformat()
SCHEDULES: JsonObject = {"schedules_of": FLOW, "until": FIRST}
BROADCAST: JsonObject = {"broadcast": broadcasts.SALE}


@pytest.fixture
async def reading(world: World, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Have people to be reached; return what is read of them, each time with its limit."""
    for name in ("ada", "bob", "eve"):
        await world.identify(name, name=name)
    await make_object(world, project("p"))
    await follow(world, project("p"), "ada", "bob", "eve")
    await world.publish(FLOW, feed_step())
    for name in ("ada", "bob"):
        await schedule(world, name, scheduled_at=FIRST, data={"n": "x" * 100})
    await draft(world, feed_step())
    await broadcasts.draft(world, feed_step("Sale"))
    read: list[tuple[str, int]] = []
    for name in ("followers_of", "addressees_of", "coming_schedules"):
        monkeypatch.setattr(statements, name, _noting(read, name))
    return read


def _noting(read: list[tuple[str, int]], name: str) -> Any:
    query = getattr(statements, name)

    async def noted(*given: Any, limit: int, **named: Any) -> Any:
        read.append((name, limit))
        return await query(*given, limit=limit, **named)

    return noted


def most(monkeypatch: pytest.MonkeyPatch, runs: int) -> None:
    """Let fewer runs be walked."""
    for module in ("imagined", "scripts", "followers"):
        monkeypatch.setattr(f"services.what_if.{module}.MOST_RUNS", runs)


async def test_users_have_no_followers_to_look_for(
    world: World, reading: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A trigger that names users alone costs nothing but its runs."""
    taken: list[str] = []
    take = Script.take

    def noted(script: Script, place: str, wanted: Any) -> Any:
        taken.append(place)
        return take(script, place, wanted)

    monkeypatch.setattr(Script, "take", noted)
    script = [{"workflow": KEY, "recipients": ["ada"]}] * 3

    found = await tried(world, triggers=[*script, {"workflow": KEY, "recipients": [project("p")]}])

    assert found.findings.after == 7
    assert taken == ["triggers[3]"]
    assert {name for name, _ in reading} == {"followers_of"}


async def test_what_is_too_large_is_refused_before_anybody_is_looked_for(
    world: World, reading: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A script that names too many reads neither followers nor schedules."""
    most(monkeypatch, 1)
    script = [{"workflow": KEY, "recipients": [project("p"), "ada"]}, SCHEDULES]

    with pytest.raises(InvalidParams, match="at most 1 recipients"):
        await tried(world, triggers=script)

    assert reading == []


async def test_no_more_is_read_than_there_is_room_for(
    world: World, reading: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what has no room only so much is read that it can be told."""
    most(monkeypatch, 3)
    script = [
        {"workflow": KEY, "recipients": [project("p")]},
        {"workflow": KEY, "recipients": [project("p")]},
        BROADCAST,
        SCHEDULES,
    ]

    found = await tried(world, triggers=script)

    assert found.findings.after == 3
    assert [(each.place, each.message) for each in found.notes] == [
        ("triggers[0]", "only the first 1 runs of it are walked"),
        *[(f"triggers[{n}]", "only the first 0 runs of it are walked") for n in (1, 2, 3)],
    ]
    assert reading[0] == ("followers_of", 4)
    assert reading[-2:] == [("addressees_of", 1), ("coming_schedules", 1)]


async def test_the_data_of_all_schedules_is_bounded_together(
    world: World, reading: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one entry has read leaves less for the next."""
    monkeypatch.setattr("services.what_if.happenings._MOST_DATA_BYTES", 300)

    found = await tried(world, triggers=[SCHEDULES, SCHEDULES])

    assert found.findings.after == 2
    assert [each.place for each in found.notes] == ["triggers[1]"]


async def test_reading_ends_when_the_time_is_over(
    world: World, reading: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has not been read by then is left out, and told."""
    monkeypatch.setattr("services.what_if.imagined.monotonic", lambda: float("inf"))
    script = [{"workflow": KEY, "recipients": [project("p")]}, BROADCAST, SCHEDULES]

    found = await tried(world, triggers=script)

    assert reading == []
    assert [each.place for each in found.notes] == ["triggers[0]", "triggers[1]", "triggers[2]"]
    assert found.findings.after == 1
