"""What was stored is walked by today's code: definitions, outcomes and cursors, odd ones too."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from psycopg.types.json import Jsonb
from pydantic import TypeAdapter

from domain.contract.runs import Advanced
from temporal_workflows.waits import SPEAKS
from tests.support.world import World

FOLDER = Path(__file__).parent
FILES = sorted((FOLDER / "rows").glob("*.json"))
ANSWERS = json.loads((FOLDER / "rows_answers.json").read_text())


async def _store(world: World, case: dict[str, Any]) -> str:
    """Store a case as another version of the product left it; answers the id of its run."""
    for channel_type in ("in_app_feed", "email"):
        # The keys that stored rows name.
        await world.channel(channel_type, channel_type)
    for channel in case.get("channels", ()):
        channel_id = await world.channel("email", channel["key"])
        await world.make.rows(
            "UPDATE channels SET channel_type = %s WHERE id = %s",
            *(channel["channel_type"], channel_id),
        )
        await world.make.rows(
            "UPDATE channel_environments SET channel_settings = %s, conditions = %s"
            " WHERE channel_id = %s AND environment_id = %s RETURNING 1",
            Jsonb(channel.get("channel_settings", {})),
            Jsonb(channel["conditions"]) if "conditions" in channel else None,
            *(channel_id, world.environment.id),
        )
    await world.publish_raw("stored", case["workflow"])
    run_id = await world.begin("stored", data={"x": "as triggered"})
    if case["step_outcomes"] or case["cursor"]:
        await world.make.rows(
            "UPDATE recipient_runs SET status = 'paused', started_at = now(), event_count = 1,"
            " step_outcomes = %s WHERE id = %s RETURNING 1",
            *(Jsonb(case["step_outcomes"]), run_id),
        )
    for position, patch in enumerate(case.get("patches", ())):
        await world.make.insert(
            "run_patches",
            recipient_run_id=run_id,
            position=position,
            step_ref="patched",
            patch=Jsonb(patch),
        )
    return run_id


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_stored_rows_are_walked(world: World, file: Path) -> None:
    """Every row that was ever stored is read, and its run goes on or ends with a reason."""
    case = json.loads(file.read_text())
    expected = case["expect"]
    run_id = await _store(world, case)
    advanced = await world.walk(run_id, case["cursor"])
    assert advanced.next.kind == expected["next"]
    assert advanced.cursor == expected.get("cursor", "")
    messages = await world.messages(run_id)
    assert sorted(row["step_ref"] for row in messages) == expected.get("made", [])
    story = await world.story(run_id)
    assert set(expected.get("told", ())) <= set(story)
    assert not set(expected.get("untold", ())) & set(story)
    if "data" in expected:
        assert messages[0]["data"] == expected["data"]
    before = await world.snapshot(run_id)
    again = await world.walk(run_id, case["cursor"])
    assert (again.next.kind, again.cursor) == (advanced.next.kind, advanced.cursor)
    if advanced.next.kind != "finished":
        assert (await world.snapshot(run_id))["events"] == before["events"]


@pytest.mark.parametrize("stored_answer", ANSWERS, ids=lambda answer: answer["next"]["kind"])
def test_stored_answers_are_read(stored_answer: dict[str, Any]) -> None:
    """A history's answers of every kind are decoded; what a newer version added is passed over."""
    advanced = TypeAdapter(Advanced).validate_python(stored_answer)
    assert advanced.next.kind == stored_answer["next"]["kind"]


def test_every_kind_has_an_answer() -> None:
    """The corpus holds every kind of directive that a workflow can obey."""
    assert {answer["next"]["kind"] for answer in ANSWERS} == set(SPEAKS)
