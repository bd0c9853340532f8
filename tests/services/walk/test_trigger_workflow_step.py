"""The step that triggers another workflow: what it asks for, once, and what stops it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from temporalio.service import RPCStatusCode

from domain.content.workflow import WORKFLOW
from domain.contract.runs import Finished
from domain.kit.errors import Unavailable
from domain.kit.json_types import JsonObject
from domain.recipients.refs import RecipientRef
from domain.triggers.requests import REHEARSAL
from services.bulk.departures import delete_recipient
from services.triggers.release_sweep import release_left_over
from tests.support.content import save_content
from tests.support.interruptions import FailingTemporal
from tests.support.steps import audience_step, trigger_step
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, channel_step, delay_step, when

OBJECT = {"id": "p1", "collection": "projects", "name": "One"}


async def _triggered(world: World, run_id: str) -> list[UUID]:
    """Return the workflow runs that a run says it has triggered."""
    return [
        UUID(row["data"]["workflow_run_id"])
        for row in await world.events(run_id)
        if row["event"] == "workflow_triggered"
    ]


def _says(text: str) -> JsonObject:
    return channel_step("feed", template={"markdown_body": text})


async def _draft(world: World, key: str, *steps: JsonObject, **content: Any) -> None:
    """Save a workflow, uncommitted."""
    document = {"name": key, "steps": list(steps), **content}
    slug = world.environment.scope.slug
    await save_content(world.engine, slug, WORKFLOW, key, document, force=True)


async def _trigger(world: World, workflow_run_id: UUID) -> dict[str, Any]:
    (row,) = await world.make.rows("SELECT * FROM workflow_runs WHERE id = %s", workflow_run_id)
    return row


async def test_the_child_gets_what_the_run_has(world: World, temporal: TemporalRecorder) -> None:
    """Recipient, actor, tenant, data and cancellation key are the run's, unless they are set."""
    await world.publish("child", channel_step("feed"))
    run_id, done = await world.send(
        trigger_step("child"),
        channel_step("behind"),
        actor={"id": "ann", "name": "Ann"},
        tenant="acme",
        data={"x": [1, {"y": True}]},
        cancellation_key="ck",
    )
    assert done.next == Finished()
    (child,) = await _triggered(world, run_id)
    row = await _trigger(world, child)
    assert (row["workflow_key"], row["actor_id"], row["tenant_id"]) == ("child", "ann", "acme")
    assert (row["data"], row["cancellation_key"]) == ({"x": [1, {"y": True}]}, "ck")
    assert row["source"] == {"type": "workflow_step", "cancellation_key": "ck", "chain": 1}
    (run,) = await world.runs(child)
    assert (run["recipient_id"], run["status"]) == ("ellie", "queued")
    started = [one[0] for one in temporal.starts if str(run["id"]) in one[0]]
    assert len(started) == 1
    assert len(await world.messages(run_id)) == 1


async def test_an_actor_who_is_gone_takes_nothing_along(world: World) -> None:
    """Whoever was deleted while the run waited is no actor of what it triggers."""
    await world.publish("child", channel_step("feed"))
    steps = (delay_step(), trigger_step("child"), channel_step("behind"))
    run_id, _ = await world.send(*steps, actor={"id": "ann", "name": "Ann"})
    await delete_recipient(world.engine, world.environment.scope, RecipientRef.user("ann"))
    await world.walk(run_id, "wait/resume")
    (child,) = await _triggered(world, run_id)
    assert (await _trigger(world, child))["actor_id"] is None
    assert len(await world.messages(run_id)) == 1


async def test_twice_is_once(world: World, temporal: TemporalRecorder) -> None:
    """A repeated walk triggers nothing again."""
    await world.publish("child", channel_step("feed"))
    run_id, _ = await world.send(trigger_step("child"))
    before = await world.snapshot(run_id), list(temporal.starts)
    await world.walk(run_id)
    assert (await world.snapshot(run_id), list(temporal.starts)) == before
    rows = await world.make.rows(
        "SELECT 1 FROM workflow_runs WHERE environment_id = %s AND workflow_key = 'child'",
        world.environment.id,
    )
    assert len(rows) == 1


async def test_an_object_is_triggered_for_itself(world: World) -> None:
    """The recipient of a run for an object is that object, though only its id is written."""
    await world.publish("child", channel_step("feed"))
    for settings in ({}, {"recipients": "{{ recipient.id }}"}):
        run_id, _ = await world.send(trigger_step("child", **settings), recipients=(OBJECT,))
        (child,) = await _triggered(world, run_id)
        (run,) = await world.runs(child)
        assert (run["collection"], run["recipient_id"]) == ("projects", "p1")


async def test_everything_may_be_set(world: World) -> None:
    """Settings are Liquid: lists, references and people to identify, and data with its types."""
    await world.publish("child", channel_step("feed"))
    run_id, _ = await world.send(
        trigger_step(
            "{{ data.flow }}",
            recipients='["{{ recipient.id }}", {"id": "bob", "name": "Bob"}]',
            actor='{"id": "p1", "collection": "projects", "name": "One"}',
            tenant='{"id": "acme", "name": "Acme"}',
            data='{"n": "{{ data.list | size }}"}',
            cancellation_key="k-{{ data.list | size }}",
        ),
        data={"flow": "child", "list": [1, 2]},
        settings={"sandbox_mode": True},
    )
    (child,) = await _triggered(world, run_id)
    row = await _trigger(world, child)
    assert (row["actor_collection"], row["tenant_id"], row["data"]) == (
        "projects",
        "acme",
        {"n": 2},
    )
    assert (row["cancellation_key"], row["settings"]) == ("k-2", {"sandbox_mode": True})
    assert [run["recipient_id"] for run in await world.runs(child)] == ["bob", "ellie"]
    people = await world.make.rows(
        "SELECT id, properties FROM recipients WHERE environment_id = %s ORDER BY id",
        world.environment.id,
    )
    assert {"bob": {"name": "Bob"}, "acme": {"name": "Acme"}}.items() <= {
        person["id"]: {"name": person["properties"].get("name")} for person in people
    }.items()


async def test_nothing_is_none(world: World) -> None:
    """An actor, tenant or key that comes to nothing is none, and so is one that is null."""
    await world.publish("child", channel_step("feed"))
    run_id, _ = await world.send(
        trigger_step("child", actor="", tenant="{{ data.none }}", data=None, cancellation_key=None),
        tenant="acme",
        data={"x": 1},
    )
    (child,) = await _triggered(world, run_id)
    row = await _trigger(world, child)
    assert [row[name] for name in ("actor_id", "tenant_id", "data", "cancellation_key")] == [
        None,
        None,
        {},
        None,
    ]


@pytest.mark.parametrize("active", [None, False])
async def test_a_child_that_cannot_run(world: World, active: bool | None) -> None:
    """A workflow that is missing or inactive is not triggered, and the run goes on."""
    if active is not None:
        await world.publish("child", channel_step("feed"))
        await world.activate("child", active=active)
    run_id, _ = await world.send(trigger_step("child"), channel_step("behind"))
    assert await _triggered(world, run_id) == []
    assert (await world.reason(run_id)).startswith("workflow child ")
    assert len(await world.messages(run_id)) == 1
    assert (await world.run(run_id))["error_count"] == 0


async def test_conditions(world: World) -> None:
    """A step whose conditions do not hold triggers nothing."""
    await world.publish("child", channel_step("feed"))
    step = {**trigger_step("child"), "conditions": when("data.x", "exists")}
    run_id, _ = await world.send(step)
    assert await _triggered(world, run_id) == []
    assert await world.reason(run_id) == "conditions not met"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"recipients": "{{ data.none }}"}, "recipients[0]"),
        ({"recipients": "[]"}, "recipients: "),
        ({"recipients": '[{"collection": "c"}]'}, "recipients[0]"),
        ({"actor": "nobody"}, "nobody"),
        ({"data": "[1]"}, "settings.data: is not a JSON object"),
        ({"data": '{"count": "none"}'}, "data.count"),
        ({"data": "{% for i in (1..20000) %}{% endfor %}"}, "settings.data: "),
    ],
)
async def test_an_invalid_trigger(world: World, given: dict[str, Any], error: str) -> None:
    """What is no valid trigger, the schema of the child included, fails the step."""
    schema = {"type": "object", "properties": {"count": {"type": "integer"}}}
    await world.publish("child", channel_step("feed"), trigger_data_json_schema=schema)
    run_id, advanced = await world.send(trigger_step("child", **given))
    for _ in range(2):
        advanced = await world.walk(run_id, advanced.cursor)
    assert advanced.next == Finished()
    assert await world.reason(run_id, "run_halted") == "step_failed"
    failed = next(row for row in await world.events(run_id) if row["event"] == "step_failed")
    assert error in failed["data"]["error"]
    assert await _triggered(world, run_id) == []


async def test_who_is_too_large_is_not_stored(world: World) -> None:
    """A person whose properties pass the limit fails the step, and stays as before."""
    await world.publish("child", channel_step("feed"))
    big = {"id": "ellie", "kept": "x" * 200_000}
    said = '[{"id": "ellie", "more": "{{ data.more }}"}]'
    run_id, _ = await world.send(
        trigger_step("child", recipients=said), recipients=(big,), data={"more": "y" * 100_000}
    )
    assert await world.reason(run_id, "step_retrying") == "content"
    (row,) = await world.make.rows(
        "SELECT properties ? 'more' AS has_more FROM recipients WHERE environment_id = %s",
        world.environment.id,
    )
    assert row == {"has_more": False}


async def test_a_chain_ends(world: World) -> None:
    """A workflow that triggers itself does so ten times, and then fails."""
    await world.publish("loop", channel_step("feed"), trigger_step("loop"))
    run_id, made = await world.begin("loop"), 0
    while True:
        await world.walk(run_id)
        triggered = await _triggered(world, run_id)
        if not triggered:
            break
        made += 1
        ((run,),) = [await world.runs(each) for each in triggered]
        run_id = str(run["id"])
    assert made == 10
    assert "at most 10 deep" in (await world.events(run_id))[-1]["data"]["error"]


async def test_a_child_whose_start_is_lost(world: World, temporal: TemporalRecorder) -> None:
    """What a walk has triggered is started by the sweep when its process dies after the commit."""
    await world.publish("child", channel_step("feed"))
    away = world.with_parts(temporal=FailingTemporal(status=RPCStatusCode.UNAVAILABLE))
    run_id, done = await away.send(trigger_step("child"))
    assert done.status == "completed"
    (child,) = await _triggered(world, run_id)
    (run,) = await world.runs(child)
    await away.grow_old()
    await release_left_over(world.engine)
    assert [one[0] for one in temporal.starts if str(run["id"]) in one[0]] != []


async def test_a_walk_gives_way(world: World) -> None:
    """Somebody who is locked, as by a deletion, holds a walk up until it is tried again."""
    bob = '{"id": "bob", "n": "{{ data.n }}"}'
    await world.publish("child", channel_step("feed"))
    await world.publish("flow", trigger_step("child", recipients=bob))
    await world.trigger("child", {"id": "bob", "n": 1})
    run_id = await world.begin("flow", data={"n": 2})
    async with world.engine.unit() as unit:
        await unit.connection.execute(
            "SELECT FROM recipients WHERE environment_id = %s AND id = 'bob' FOR UPDATE",
            [world.environment.id],
        )
        with pytest.raises(Unavailable):
            await world.walk(run_id)
    assert await _triggered(world, run_id) == []
    assert (await world.walk(run_id)).status == "completed"
    assert len(await _triggered(world, run_id)) == 1


@pytest.mark.parametrize(
    ("step", "listens"),
    [
        pytest.param(trigger_step("child"), {}, id="by a step"),
        pytest.param(
            audience_step("beta"), {"audience_trigger": {"audience_key": "beta"}}, id="by an entry"
        ),
    ],
)
async def test_a_test_run_triggers_what_is_published(
    world: World, step: JsonObject, listens: JsonObject
) -> None:
    """It tries its own workflow as that is saved; a draft of another one reaches nobody by it."""
    await world.audience("beta")
    await world.publish("child", _says("published child"), **listens)
    await world.publish("parent", _says("published parent"))
    await _draft(world, "child", _says("child's draft"), **listens)
    await _draft(world, "parent", _says("parent's draft"), step)

    run_id = await world.begin("parent", source=REHEARSAL)
    await world.walk(run_id)
    (child,) = await world.runs_of("child")
    await world.walk(child["id"])

    (own,) = await world.messages(run_id)
    (message,) = await world.messages(child["id"])
    assert "parent's draft" in str(own["content"])
    assert "published child" in str(message["content"])


async def test_a_test_run_triggers_nothing_that_was_never_published(world: World) -> None:
    """What is only saved elsewhere does not exist for it, as for every other run."""
    await _draft(world, "child", _says("draft"))
    await world.publish("parent", trigger_step("child"))
    run_id = await world.begin("parent", source=REHEARSAL)
    await world.walk(run_id)
    assert not await world.runs_of("child")
