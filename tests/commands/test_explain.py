"""`carillon explain` says why each message of a run came or did not."""

from __future__ import annotations

import pytest

from commands.explain import written
from domain.kit.errors import NotFound
from domain.kit.ids import new_id
from services.runs.explaining import explain_run
from tests.support.steps import when
from tests.support.world import World, channel_step


async def test_a_run_is_explained(world: World) -> None:
    """The lines are in order; a message that came and one that did not are told."""
    run_id, _ = await world.send(
        channel_step("feed"),
        channel_step("mail", "email", conditions=when("data.total", "greater_than", 10)),
        data={"total": 3},
    )
    (run,) = await world.runs()
    lines = written(await explain_run(world.engine, world.environment.scope, run["id"]))
    text = "\n".join(lines)

    assert lines[0].endswith("for 'ellie': completed.")
    assert text.index("The run began.") < text.index("feed: A message was made")
    assert "mail: The step was skipped: conditions not met." in text
    assert "data.total greater than" in text
    assert "Step feed made a message on in-app: it was delivered." in text
    assert str(run_id) in lines[0]


async def test_an_unknown_run_is_missing(world: World) -> None:
    """What is not there is told as such."""
    with pytest.raises(NotFound):
        await explain_run(world.engine, world.environment.scope, new_id())
