"""What a run knows of its trigger: decoded once for many, and told as the API tells it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from domain.kit.clock import iso
from domain.kit.ids import activity_id
from models.queries.runs import walks
from runtime.database import Connection
from services.walk import trigger_data
from services.walk.trigger_data import TriggerData
from tests.support.world import World, channel_step, delay_step

# Does not compress to the size that travels with every walk.
LARGE = {"junk": [uuid4().hex for _ in range(2_000)], "x": "large"}
SAYS = {
    "markdown_body": "{{ timestamp }} {{ activities[0].inserted_at }} {{ activities[0].id }} "
    "{{ current_message.id }}"
}


async def test_large_data_is_decoded_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Walks of one trigger for many share its data; it is loaded by the first of them."""
    loaded: list[UUID] = []

    async def load(connection: Connection, workflow_run_id: UUID) -> str:
        loaded.append(workflow_run_id)
        return await walks.trigger_data(connection, workflow_run_id)

    monkeypatch.setattr(trigger_data, "trigger_data", load)
    await world.publish("flow", channel_step("feed"))
    people = [{"id": f"u{number}"} for number in range(4)]
    trigger = await world.trigger("flow", *people, data=LARGE)
    runs = [run["id"] for run in await world.runs(trigger)]
    async with world.engine.database.connection() as connection:
        taken = await walks.take_run(connection, world.environment.id, runs[0])
    assert taken is not None
    assert taken.data is None
    for run in runs:
        await world.walk(run)
        (message,) = await world.messages(run)
        assert message["data"] == {"x": "large"}
    assert loaded == [trigger]


async def test_data_of_one_recipient_travels_with_the_run(world: World) -> None:
    """A trigger for one costs no statement more, however large its data is."""
    await world.publish("flow", channel_step("feed"))
    run_id = await world.begin("flow", data=LARGE)
    async with world.engine.database.connection() as connection:
        taken = await walks.take_run(connection, world.environment.id, run_id)
    assert taken is not None
    assert taken.data == LARGE


async def test_kept_data_is_bounded(world: World) -> None:
    """The data used longest ago is dropped first, and loaded again when it is needed."""
    await world.publish("flow", channel_step("feed"))
    triggers = [await world.trigger("flow", data={"n": number}) for number in range(3)]
    kept = TriggerData(most=20)

    async def read(connection: Connection) -> list[object]:
        return [(await kept.get(connection, trigger))["n"] for trigger in (*triggers, triggers[0])]

    async with world.engine.database.connection() as connection:
        assert await read(connection) == [0, 1, 2, 0]
    found = {each for each in triggers if kept._recent.get(each) is not None}
    assert found == {triggers[0], triggers[2]}


async def test_templates_name_the_trigger_and_the_activity(world: World) -> None:
    """`timestamp` and an activity's time are the trigger's, also after a wait; its id the API's."""
    run_id, first = await world.send(delay_step(), channel_step("feed", template=SAYS))
    await world.walk(run_id, first.cursor)
    (message,) = await world.messages(run_id)
    run = await world.run(run_id)
    (trigger,) = await world.make.rows(
        "SELECT accepted_at FROM workflow_runs WHERE id = %s", run["workflow_run_id"]
    )
    accepted = iso(trigger["accepted_at"])
    said = message["content"]["blocks"][0]["rendered"]
    assert f"{accepted} {accepted} {activity_id(message['id'])} {message['id']}" in said


async def test_a_message_has_the_time_of_its_walk(world: World) -> None:
    """The id of a message begins with the instant it was made, not that of its trigger."""
    run_id, first = await world.send(delay_step(), channel_step("feed"))
    await world.walk(run_id, first.cursor)
    (message,) = await world.messages(run_id)
    made = message["id"].int >> 80
    assert made == int(message["inserted_at"].timestamp() * 1000)
    assert (await world.run(run_id))["step_outcomes"]["feed"]["message_ids"] == [str(message["id"])]


async def test_a_run_tells_when_it_ended(world: World) -> None:
    """The row of a run says when it started, when it ended, and why."""
    run_id, first = await world.send(delay_step(), cancellation_key="ck")
    run = await world.run(run_id)
    assert (run["started_at"], run["ended_at"], run["end_reason"]) == (
        run["updated_at"],
        None,
        None,
    )
    await world.walk(run_id, first.cursor)
    ended = await world.run(run_id)
    assert (ended["started_at"], ended["ended_at"]) == (run["started_at"], ended["updated_at"])
    await world.publish("remind", delay_step())
    other = await world.begin("remind", cancellation_key="ck")
    await world.cancel("remind", "ck")
    cancelled = await world.run(other)
    assert cancelled["ended_at"] is not None
    assert cancelled["end_reason"] == "cancel_requested"
