"""The step that changes the data: what later steps see, what the story says, and what fails."""

from __future__ import annotations

from typing import Any

import pytest

from domain.contract.runs import Finished
from tests.support.steps import update_step
from tests.support.world import World, channel_step, when

SAYS = {"markdown_body": "{{ full }} {{ data.count }}"}


async def test_later_steps_see_the_change(world: World) -> None:
    """Templates, conditions and messages see the new data; members are replaced as wholes."""
    run_id, done = await world.send(
        update_step(
            '{"full": "{{ data.first }} {{ data.last }}", "count": "{{ data.items | size }}",'
            ' "deep": {"b": 2}}'
        ),
        channel_step("feed", template=SAYS, conditions=when("data.count", "equal_to", "3")),
        channel_step("not", conditions=when("data.deep.a", "exists")),
        data={"first": "Ellie", "last": 'S"', "items": [1, 2, 3], "deep": {"a": 1}, "kept": True},
    )
    assert done.next == Finished()
    (message,) = await world.messages(run_id)
    assert message["content"]["blocks"][0]["rendered"] == '<p>Ellie S" 3</p>\n'
    assert message["data"] == {
        "first": "Ellie",
        "last": 'S"',
        "kept": True,
        "full": 'Ellie S"',
        "count": 3,
    }
    before = await world.snapshot(run_id)
    await world.walk(run_id)
    assert await world.snapshot(run_id) == before


async def test_the_story_of_a_change(world: World) -> None:
    """The event shows each changed member before and after, and none that stayed."""
    run_id, _ = await world.send(
        update_step('{"x": "new", "same": 1, "fresh": [true]}'), data={"x": "old", "same": 1}
    )
    (told,) = [row for row in await world.events(run_id) if row["event"] == "data_updated"]
    assert told["data"] == {
        "changes": {
            "x": {"before": "old", "after": "new"},
            "fresh": {"before": None, "after": [True]},
        }
    }


async def test_conditions(world: World) -> None:
    """A change whose conditions do not hold is skipped."""
    run_id, _ = await world.send(
        update_step('{"x": 1}', conditions=when("data.x", "exists")), channel_step("feed")
    )
    (message,) = await world.messages(run_id)
    assert message["data"] == {}
    assert await world.reason(run_id) == "conditions not met"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        ('{"x": {{ data.text }}}', "does not render to JSON"),
        ("{{ data.list | json }}", "does not render to a JSON object"),
        ('["{{ data.text }}"]', "is not a JSON object"),
        ('{"x": "{% for i in (1..20000) %}{% endfor %}"}', "settings.data.x: "),
    ],
)
async def test_what_is_no_object_fails_the_step(world: World, data: str, error: str) -> None:
    """A patch that does not come to an object fails the step, three times, then the run halts."""
    run_id, advanced = await world.send(
        update_step(data), channel_step("feed"), data={"text": "a b", "list": [1]}
    )
    for _ in range(2):
        advanced = await world.walk(run_id, advanced.cursor)
    assert advanced.next == Finished()
    assert await world.reason(run_id, "step_failed") == "template"
    failed = (await world.events(run_id))[-2]
    assert error in failed["data"]["error"]
    assert await world.messages(run_id) == []


async def test_a_change_is_bounded(world: World) -> None:
    """One step changes 1 MB at most."""
    parts = {f"part_{number}": "x" * 300_000 for number in range(4)}
    source: Any = ", ".join(f'"{name}_too": "{{{{ data.{name} }}}}"' for name in parts)
    run_id, _ = await world.send(update_step("{" + source + "}"), data=parts)
    (told,) = [row for row in await world.events(run_id) if row["event"] == "step_retrying"]
    assert told["data"]["error"] == "a step may change at most 1 MB of the data"
