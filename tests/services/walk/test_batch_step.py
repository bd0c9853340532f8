"""The batch step within a run: what the steps behind it see, and what its story says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.kit.filters import DataFilter
from domain.kit.pages import PageRequest
from domain.messages.filters import MessageFilters
from models.queries.messages.messages import list_messages
from services.batches.windows import close_early
from services.triggers.expansions import expand
from temporal_workflows.signals import BATCH_CLOSED
from tests.support.steps import trigger_step
from tests.support.subscribers import follow, make_object, project
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.world import World, batch_step, channel_step, delay_step

KEY = "gather"
NOW = datetime.now(UTC)


def shown(text: str) -> dict[str, Any]:
    """Write an in-app step that says something."""
    return channel_step("feed", template={"markdown_body": text})


async def bring(world: World, **body: Any) -> str:
    """Bring one item; answers its run."""
    run_id = await world.begin(KEY, **body)
    await world.walk(run_id)
    return run_id


async def close(world: World) -> str:
    """Close the only open batch, let its carrier go on, and return that run."""
    (batch,) = await world.make.rows(
        "SELECT * FROM batches WHERE environment_id = %s AND closed_at IS NULL",
        world.environment.id,
    )
    await close_early(world.engine, world.environment.id, batch["id"])
    run_id = str(batch["carrier_run_id"])
    await world.walk(run_id, f"{batch['step_ref']}/resume")
    return run_id


async def text_of(world: World, run_id: str) -> str:
    """Return what the only message of a run says."""
    (message,) = await world.messages(run_id)
    return str(message["content"]["blocks"][0]["rendered"])


async def gathered(world: World, text: str, *items: dict[str, Any], **settings: Any) -> str:
    """Gather items, and return what a template makes of them."""
    await world.publish(KEY, batch_step(**settings), shown(text))
    for body in items:
        await bring(world, **body)
    return await text_of(world, await close(world))


def person(name: str) -> dict[str, Any]:
    """Write an actor."""
    return {"id": name.lower(), "name": name}


async def test_both_ways_to_read_an_activity(world: World) -> None:
    """The data of an activity is at `activity.data` and beside it, nested values included."""
    text = "{% for a in activities %}{{ a.x }}{{ a.data.x }}{{ a.data.alert.title }} {% endfor %}"
    items = [{"data": {"x": n, "alert": {"title": f"t{n}"}}} for n in (1, 2)]

    assert "11t1 22t2" in await gathered(world, text, *items)


async def test_totals_and_actors(world: World) -> None:
    """Totals count all; `actors` are different people, in the order in which they first acted."""
    text = (
        "{{ total_activities }} {{ total_actors }} {{ actors | size }} "
        "{{ actors | map: 'name' | join: '+' }} {{ run.total_activities }}"
        "{% for a in activities %} {{ a.actor.name }}{% endfor %}"
    )
    items = [{"actor": person(name)} for name in ("Ann", "Bob", "Ann")]

    assert "3 2 2 Ann+Bob 3 Ann Bob Ann" in await gathered(world, text, *items)


@pytest.mark.parametrize(
    ("order", "limit", "shown_actors", "named"),
    [
        ("asc", 2, "Ann+Bob", ["ann", "bob"]),
        ("asc", 3, "Ann+Bob+Cid", ["ann", "bob", "cid"]),
        ("desc", 2, "Bob+Cid", ["bob", "cid"]),
        ("desc", 3, "Ann+Bob+Cid", ["ann", "bob", "cid"]),
    ],
)
async def test_actors_are_those_of_all_items(
    world: World, order: str, limit: int, shown_actors: str, named: list[str]
) -> None:
    """Who caused only items that are not rendered is shown and named by the message as well."""
    text = "{{ actors | map: 'name' | join: '+' }} of {{ total_actors }}"
    names = [*("Ann" for _ in range(4)), "Bob", *("Cid" for _ in range(4))]
    items = [{"actor": person(name)} for name in names]
    settings = {"batch_order": order, "batch_items_render_limit": limit}

    assert f"{shown_actors} of 3" in await gathered(world, text, *items, **settings)
    (message,) = [row for run in await world.runs() for row in await world.messages(str(run["id"]))]
    assert message["actors"] == named


@pytest.mark.parametrize(("order", "named"), [("asc", range(10)), ("desc", range(2, 12))])
async def test_a_message_names_ten_actors(world: World, order: str, named: range) -> None:
    """However many the templates see: the first or the last ones."""
    items = [{"actor": person(f"A{n}")} for n in range(12)]
    settings = {"batch_order": order, "batch_items_render_limit": 12}

    assert "12" in await gathered(world, "{{ actors | size }}", *items, **settings)
    (message,) = [row for run in await world.runs() for row in await world.messages(str(run["id"]))]
    assert message["actors"] == [f"a{n}" for n in named]


@pytest.mark.parametrize(("order", "expected"), [("asc", "5: 1 2"), ("desc", "5: 4 5")])
async def test_order_and_render_limit(world: World, order: str, expected: str) -> None:
    """Too many items are cut to the first or the last ones; either way the oldest comes first."""
    text = "{{ total_activities }}:{% for a in activities %} {{ a.n }}{% endfor %}"
    items = [{"data": {"n": n}} for n in range(1, 6)]
    limits = {"batch_order": order, "batch_items_render_limit": 2}

    assert expected in await gathered(world, text, *items, **limits)


async def test_a_1_data_is_combined(world: World) -> None:
    """A.1: of equal keys the newest item's value stays; strings are cut, nested values left out."""
    text = "{{ data.page }} {{ only }} {{ data.long | size }} {{ data.nested.n }}"
    items = [
        {"data": {"page": "A", "only": "first", "nested": {"n": 1}}},
        {"data": {"page": "B", "long": "x" * 300, "nested": {"n": 2}}},
    ]

    assert "B first 256 1" in await gathered(world, text, *items)
    (message,) = [row for run in await world.runs() for row in await world.messages(str(run["id"]))]
    assert message["data"] == {"page": "B", "only": "first", "long": "x" * 256}
    assert [await _listed(world, page) for page in "AB"] == [0, 1]


async def _listed(world: World, page: str) -> int:
    """Return how many messages a list filtered by the page holds."""
    wanted = MessageFilters(trigger_data=DataFilter.of_json({"page": page}))
    async with world.engine.connection() as connection:
        found = await list_messages(connection, world.environment.id, wanted, PageRequest())
    return len(found.rows)


@pytest.mark.parametrize(
    ("key", "expected"), [(None, ["6 of AAABBB"]), ("page_id", ["3 of AAA", "3 of BBB"])]
)
async def test_a_1_six_items_of_two_pages(
    world: World, key: str | None, expected: list[str]
) -> None:
    """A.1: without a key there is one notification of six, with the page as key two of three."""
    text = "{{ total_activities }} of {% for a in activities %}{{ a.page_id }}{% endfor %}"
    await world.publish(KEY, batch_step(batch_key=key), shown(text))
    for page in "AAABBB":
        await bring(world, data={"page_id": page})
    told = []
    for batch in await world.make.rows(
        "SELECT * FROM batches WHERE environment_id = %s ORDER BY id", world.environment.id
    ):
        await close_early(world.engine, world.environment.id, batch["id"])
        await world.walk(str(batch["carrier_run_id"]), f"{batch['step_ref']}/resume")
        told.append(await text_of(world, str(batch["carrier_run_id"])))
    assert [
        text.removeprefix("<p>").removesuffix("</p>") for text in map(str.strip, told)
    ] == expected


async def test_later_walks_see_the_batch_too(world: World) -> None:
    """What was gathered is there after a wait behind the batch, in another walk."""
    wait = {"type": "delay", "ref": "wait", "settings": {"delay_for": {"unit": "days", "value": 1}}}
    await world.publish(KEY, batch_step(), wait, shown("{{ total_activities }} {{ data.n }}"))
    for n in (1, 2):
        await bring(world, data={"n": n})
    run_id = await close(world)
    await world.walk(run_id, "wait/resume")

    assert "2 2" in await text_of(world, run_id)


async def test_activities_have_their_own_data(world: World) -> None:
    """The item of the run that goes on shows what it brought, not what was combined."""
    text = "{% for a in activities %}{{ a.n }} {% endfor %}"
    await world.publish(
        KEY, batch_step(), channel_step("first", template={"markdown_body": text}), shown(text)
    )
    for n in (1, 2):
        await bring(world, data={"n": n})
    run_id = await close(world)
    first, second = await world.messages(run_id)

    assert "1 2" in first["content"]["blocks"][0]["rendered"]
    assert first["content"] == second["content"]


async def test_a_1_flush_leading(world: World) -> None:
    """A.1: the first item goes through at once, alone; the second carries all others."""
    await world.publish(
        KEY,
        batch_step(batch_execution_mode="flush_leading"),
        shown("{{ total_activities }}:{% for a in activities %} {{ a.n }}{% endfor %}"),
    )
    first = await bring(world, data={"n": 1})
    assert "1: 1" in await text_of(world, first)
    assert (await world.run(first))["status"] == "completed"
    second = await bring(world, data={"n": 2})
    assert (await world.run(second))["status"] == "paused"
    await bring(world, data={"n": 3})

    assert await close(world) == second
    assert "2: 2 3" in await text_of(world, second)


async def test_a_1_flush_leading_alone(world: World, temporal: TemporalRecorder) -> None:
    """A.1: with only the leading item nothing happens at the end."""
    await world.publish(KEY, batch_step(batch_execution_mode="flush_leading"), shown("x"))
    await bring(world)
    (batch,) = await world.make.rows(
        "SELECT * FROM batches WHERE environment_id = %s", world.environment.id
    )
    await close_early(world.engine, world.environment.id, batch["id"])

    assert len([row for run in await world.runs() for row in await world.messages(run["id"])]) == 1
    words = [signal for _, signal, _ in temporal.signals if signal == BATCH_CLOSED]
    assert words == []


@pytest.mark.parametrize("value", [None, "soon", "2001-01-01T00:00:00Z"])
async def test_a_4_unusable_window_skips_with_an_error(world: World, value: Any) -> None:
    """An item without a usable window is not batched: its run goes on with its own data."""
    step = batch_step(seconds=None, batch_until_field_path="alert.batchWindow")
    await world.publish(KEY, step, shown("{{ total_activities }}"))
    run_id = await bring(world, data={"alert": {"batchWindow": value}})

    assert "1" in await text_of(world, run_id)
    assert (await world.run(run_id))["error_count"] == 1
    assert "data.alert.batchWindow" in await world.reason(run_id)


async def test_window_rule_in_the_recipients_zone(world: World) -> None:
    """A rule such as weekdays at five is by the clock of the recipient."""
    step = batch_step(seconds=None, batch_until_field_path="data.window")
    await world.publish(KEY, step, shown("x"))
    monday = datetime(2026, 6, 15, 12, tzinfo=UTC)
    rule = {"frequency": "daily", "days": "weekdays", "hours": 17}
    run_id = await world.begin(
        KEY, {"id": "ann", "timezone": "America/New_York"}, data={"window": rule}
    )
    await world.at(monday).walk(run_id)

    assert (await world.run(run_id))["resumes_at"] == monday + timedelta(hours=9)


@pytest.mark.parametrize("zone", [None, "Mars/Olympus"])
async def test_window_rule_of_a_recipient_without_a_zone(world: World, zone: str | None) -> None:
    """A rule is by the clock of the default zone for whoever has none, or none that exists."""
    settings = world.engine.settings.model_copy(update={"default_timezone": "Asia/Tokyo"})
    tokyo = world.with_parts(settings=settings).at(datetime(2026, 6, 15, 12, tzinfo=UTC))
    await tokyo.publish(
        KEY, batch_step(seconds=None, batch_until_field_path="data.window"), shown("x")
    )
    rule = {"frequency": "daily", "hours": 9}
    run_id = await tokyo.begin(KEY, {"id": "ann", "timezone": zone}, data={"window": rule})
    await tokyo.walk(run_id)

    assert (await tokyo.run(run_id))["resumes_at"] == datetime(2026, 6, 16, tzinfo=UTC)


@pytest.mark.parametrize(("plan", "status"), [("pro", "paused"), ("free", "completed")])
async def test_batch_has_conditions(world: World, plan: str, status: str) -> None:
    """An item whose conditions do not hold goes on at once, without an error."""
    conditions = {"all": [{"variable": "data.plan", "operator": "equal_to", "argument": "pro"}]}
    await world.publish(KEY, {**batch_step(), "conditions": conditions}, shown("x"))
    run_id = await bring(world, data={"plan": plan})
    run = await world.run(run_id)

    assert (run["status"], run["error_count"]) == (status, 0)


async def test_key_by_liquid(world: World) -> None:
    """A key may be put together by Liquid; broken Liquid fails the step, and no item is kept."""
    await world.publish(KEY, batch_step(batch_key="{{ tenant.id }}/{{ data.page }}"), shown("x"))
    await bring(world, tenant="acme", data={"page": 7})
    (batch,) = await world.make.rows(
        "SELECT batch_key FROM batches WHERE environment_id = %s", world.environment.id
    )

    assert batch["batch_key"] == "acme/7"


@pytest.mark.parametrize("key", ["data.page", "{{ data.page }}"])
@pytest.mark.parametrize(
    ("mode", "first"), [("accumulate", "batch_opened"), ("flush_leading", "batch_flushed")]
)
async def test_the_story_tells_the_key(world: World, key: str, mode: str, first: str) -> None:
    """Also that it came to nothing, so that everything of the recipient is gathered."""
    await world.publish(KEY, batch_step(batch_key=key, batch_execution_mode=mode), shown("x"))
    told = []
    for data in ({"page": "A"}, {}, {"other": 1}):
        run_id = await bring(world, data=data)
        told += [row for row in await world.events(run_id) if row["event"].startswith("batch_")]

    assert [row["data"]["batch_key"] for row in told] == ["A", None, None]
    assert [row["event"] for row in told] == [first, first, "batch_joined"]


async def test_14_the_newest_version_goes_on(world: World) -> None:
    """In `latest` mode runs of all versions gather together, and the newest one goes on."""
    step = batch_step(workflow_version_mode="latest")
    await world.publish(KEY, step, shown("old"))
    await bring(world)
    newest = await world.publish(KEY, step, shown("new {{ total_activities }}"))
    await bring(world)
    run_id = await close(world)

    assert "new 2" in await text_of(world, run_id)
    assert (await world.run(run_id))["version_id"] == newest
    (message,) = await world.messages(run_id)
    assert message["version_id"] == newest


@pytest.mark.parametrize(
    "newer",
    [
        pytest.param([], id="the step is gone"),
        pytest.param([batch_step()], id="the step is pinned now"),
    ],
)
async def test_14_a_version_that_does_not_gather_is_passed_over(
    world: World, newer: list[dict[str, Any]]
) -> None:
    """A run stays on its own version when the newest one has no such step in this mode."""
    await world.publish(KEY, batch_step(workflow_version_mode="latest"), shown("old"))
    await bring(world)
    await world.publish(KEY, *newer, shown("new"))

    assert "old" in await text_of(world, await close(world))


async def test_a_test_run_goes_on_with_what_it_tries(world: World) -> None:
    """What is published meanwhile is nothing to it: it may run what was never committed."""
    step = batch_step(workflow_version_mode="latest")
    await world.publish(KEY, step, shown("tried"))
    await bring(world, source="rehearsal")
    await world.publish(KEY, step, shown("newer"))

    assert "tried" in await text_of(world, await close(world))


async def test_what_a_test_run_triggers_gathers_as_any_other(world: World) -> None:
    """It runs what is published, and goes on with what is published when its window ends."""
    step = batch_step(workflow_version_mode="latest")
    await world.publish(KEY, step, shown("older"))
    await world.publish("parent", trigger_step(KEY))
    await world.walk(await world.begin("parent", source="rehearsal"))
    (run,) = await world.runs_of(KEY)
    await world.walk(run["id"])
    await world.publish(KEY, step, shown("newer"))

    assert "newer" in await text_of(world, await close(world))


async def test_14_pinned_versions_gather_apart(world: World) -> None:
    """In `pinned` mode a run of a newer version opens a batch of its own."""
    await world.publish(KEY, batch_step(), shown("old"))
    await bring(world)
    await world.publish(KEY, batch_step(), shown("new"))
    await bring(world)
    rows = await world.make.rows(
        "SELECT item_count FROM batches WHERE environment_id = %s", world.environment.id
    )

    assert [row["item_count"] for row in rows] == [1, 1]


async def test_inactive_at_the_close(world: World) -> None:
    """A window that closes while its workflow is off ends the run; turned on before, it goes on."""
    await world.publish(KEY, batch_step(), shown("x"))
    run_id = await bring(world)
    await world.activate(KEY, active=False)
    await close(world)

    run = await world.run(run_id)
    assert (run["status"], run["end_reason"]) == ("completed", "workflow_inactive")
    assert await world.messages(run_id) == []


async def test_22_a_recipient_who_is_deleted_while_it_gathers(world: World) -> None:
    """The run ends at the close, and makes no message."""
    await world.publish(KEY, batch_step(), shown("x"))
    run_id = await bring(world)
    await world.make.rows(
        "DELETE FROM recipients WHERE environment_id = %s AND id = 'ellie' RETURNING 1",
        world.environment.id,
    )
    await close(world)

    assert (await world.run(run_id))["end_reason"] == "recipient_missing"


async def test_two_batches_in_a_row(world: World) -> None:
    """The second one gathers runs that the first has let go on; its item is their combined data."""
    await world.publish(
        KEY, batch_step(), batch_step("batch_2"), shown("{{ total_activities }} {{ data.n }}")
    )
    for n in (1, 2):
        await bring(world, data={"n": n})
    await close(world)
    run_id = await close(world)

    assert "1 2" in await text_of(world, run_id)


async def test_the_story_of_a_batch(world: World) -> None:
    """The run that goes on tells when its batch opened and closed, and with how many items."""
    await world.publish(KEY, batch_step(), shown("x"))
    await bring(world)
    second = await bring(world)
    run_id = await close(world)

    assert await world.story(run_id) == [
        "run_started",
        "batch_opened",
        "batch_closed",
        "message_enqueued",
        "run_completed",
    ]
    assert await world.story(second) == ["run_started", "batch_joined", "run_completed"]
    closed = next(row for row in await world.events(run_id) if row["event"] == "batch_closed")
    assert closed["data"] == {"total_activities": 2}


@pytest.mark.parametrize("others", [[person("Bob"), person("Cid")], [None, person("Cid")]])
async def test_who_caused_a_cancelled_item_has_no_part(
    world: World, others: list[dict[str, Any] | None]
) -> None:
    """The actor of a run whose own item was cancelled is that of the oldest one left, if any."""
    text = shown("by {{ actor.name | default: 'nobody' }}, {{ total_actors }}")
    behind = {**text, "ref": "behind"}
    await world.publish("child", shown("x"))
    await world.publish(KEY, batch_step(), text, delay_step(), behind, trigger_step("child"))
    await bring(world, actor=person("Ann"), cancellation_key="taken back")
    for actor in others:
        await bring(world, actor=actor)
    await world.cancel(KEY, "taken back")
    run_id = await close(world)
    await world.walk(run_id, "wait/resume")

    name = others[0]["name"] if others[0] else "nobody"
    count = len([actor for actor in others if actor])
    rendered = [row["content"]["blocks"][0]["rendered"] for row in await world.messages(run_id)]
    assert [f"by {name}, {count}" in each for each in rendered] == [True, True]
    (run,) = await world.runs_of("child")
    (child,) = await world.make.rows(
        "SELECT actor_id FROM workflow_runs WHERE id = %s", run["workflow_run_id"]
    )
    assert child["actor_id"] == (others[0]["id"] if others[0] else None)


@pytest.mark.parametrize("tenants", [["right", "third"], [None, "third"]])
async def test_the_tenant_of_a_cancelled_item_has_no_part(
    world: World, tenants: list[str | None]
) -> None:
    """Templates, preferences and messages have the tenant of the oldest item left, if any."""
    silent = {"preference_set": {"channel_types": {"in_app_feed": False}}}
    text = shown("for {{ tenant.id | default: 'nobody' }}")
    behind = {**text, "ref": "behind"}
    await world.publish("child", shown("x"))
    await world.publish(KEY, batch_step(), text, delay_step(), behind, trigger_step("child"))
    await bring(world, tenant={"id": "wrong", "settings": silent}, cancellation_key="taken back")
    for tenant in tenants:
        await bring(world, tenant=tenant)
    await world.cancel(KEY, "taken back")
    run_id = await close(world)
    await world.walk(run_id, "wait/resume")

    made = await world.messages(run_id)
    name = tenants[0] or "nobody"
    rendered = [row["content"]["blocks"][0]["rendered"] for row in made]
    assert [f"for {name}" in each for each in rendered] == [True, True]
    assert [row["tenant_id"] for row in made] == [tenants[0], tenants[0]]
    (child,) = await world.runs_of("child")
    assert child["tenant_id"] == tenants[0]


async def test_the_way_of_a_cancelled_item_has_no_part(world: World) -> None:
    """`recipient.subscription` leads to the object by which the oldest item left has come."""
    await world.publish(KEY, batch_step(), shown("by {{ recipient.subscription.object.id }}"))
    for name in ("wrong", "right"):
        await make_object(world, project(name))
        await follow(world, project(name), "ann")
        trigger = await world.trigger(KEY, project(name), cancellation_key=name)
        await expand(world.engine, world.environment.id, trigger)
        (run,) = [run for run in await world.runs(trigger) if run["recipient_id"] == "ann"]
        await world.walk(run["id"])
    await world.cancel(KEY, "wrong")

    assert "by right" in await text_of(world, await close(world))
