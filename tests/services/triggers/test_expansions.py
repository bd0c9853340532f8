"""A trigger for an object runs for it and for everybody who follows it, two steps deep."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import Rollback

from domain.contract.fan_outs import ChunkPlan, TriggerFanoutInput
from domain.kit.errors import Unavailable
from domain.recipients.refs import RecipientRef
from domain.recipients.subscriptions import UnsubscribeIn
from domain.runs.waiting import CancelRunsRequest
from domain.triggers.requests import REHEARSAL, parse_trigger_request
from services.bulk.departures import delete_recipient
from services.recipients.subscriptions import unsubscribe
from services.triggers import expansions, open_runs, triggering
from services.triggers.expansions import expand
from services.triggers.fan_outs import plan_trigger
from tests.support.builders import T0
from tests.support.interruptions import InterruptedDatabase
from tests.support.steps import feed_step, trigger_step
from tests.support.subscribers import follow, make_object, project
from tests.support.temporal_recorder import TemporalRecorder
from tests.support.waiting import until_blocked
from tests.support.world import World, batch_step, channel_step, delay_step, when

P, Q, TEAM = map(project, ("p", "q", "team"))
ACME = {"collection": "$tenants", "id": "acme"}


@pytest.fixture(autouse=True)
async def workflow(world: World) -> None:
    """Publish the workflow that the tests trigger, and store the objects."""
    await world.publish("flow", channel_step("feed"))
    for each in (P, Q, TEAM, ACME):
        await make_object(world, each)


async def reach(world: World, *recipients: Any, key: str = "flow", **body: Any) -> UUID:
    """Trigger, and make all runs."""
    trigger = await world.trigger(key, *recipients, **body)
    assert await expand(world.engine, world.environment.id, trigger)
    return trigger


async def people(world: World, trigger: UUID) -> list[str]:
    """Return who has a run, in the order of ids."""
    return [run["recipient_id"] for run in await world.runs(trigger)]


async def ways(world: World, trigger: UUID) -> dict[str, str | None]:
    """Return through which object each recipient was reached."""
    rows = await world.make.rows(
        "SELECT r.recipient_id, f.object_id FROM recipient_runs r"
        " LEFT JOIN followed_objects f ON f.id = r.through_id WHERE r.workflow_run_id = %s",
        trigger,
    )
    return {row["recipient_id"]: row["object_id"] for row in rows}


async def test_the_object_and_its_followers(world: World) -> None:
    """An object has a run, and so has everybody who follows it; users lead no further."""
    await follow(world, P, "a", "b", TEAM, ACME)
    trigger = await reach(world, P)
    assert await people(world, trigger) == ["a", "acme", "b", "p", "team"]
    assert {run["status"] for run in await world.runs(trigger)} == {"queued"}
    assert await ways(world, trigger) == {
        "p": None,
        **dict.fromkeys(("a", "b", "acme", "team"), "p"),
    }


async def test_two_steps_deep(world: World) -> None:
    """Those who follow a follower are reached, and those who follow them are not."""
    await follow(world, P, TEAM)
    await follow(world, TEAM, "a", Q)
    await follow(world, Q, "too deep")
    assert await people(world, await reach(world, P)) == ["a", "p", "q", "team"]


async def test_a_tenant_is_followed_too(world: World) -> None:
    """A tenant as a recipient reaches those who follow it."""
    await follow(world, ACME, "a")
    assert await people(world, await reach(world, ACME)) == ["a", "acme"]


async def test_a_circle_ends(world: World) -> None:
    """Objects that follow each other have one run each."""
    await follow(world, P, Q)
    await follow(world, Q, P, "a")
    assert await people(world, await reach(world, P)) == ["a", "p", "q"]


async def test_nobody_follows(world: World, temporal: TemporalRecorder) -> None:
    """An object that nobody follows is started like a user, without a fan-out."""
    trigger = await world.trigger("flow", P)
    assert [start[0].split("/")[0] for start in temporal.starts] == ["run"]
    assert await _expansion(world, trigger) is None


async def test_a_fan_out_makes_them(world: World, temporal: TemporalRecorder) -> None:
    """However few they are: the request makes the runs that it names, the rest is the fan-out's."""
    await follow(world, P, "a")
    trigger = await world.trigger("flow", P)
    assert await people(world, trigger) == ["p"]
    assert [start[0].split("/")[0] for start in temporal.starts] == ["fan-out"]
    order = TriggerFanoutInput(str(trigger), str(world.environment.id))
    assert len((await plan_trigger(world.engine, order)).chunks) == 1
    assert await people(world, trigger) == ["a", "p"]


async def test_3_one_run_for_each(world: World) -> None:
    """Who is named and reached in several ways has one run."""
    await follow(world, P, "a", "b", TEAM)
    await follow(world, Q, "b", "c", TEAM)
    await follow(world, TEAM, "a", "c", "d")
    trigger = await reach(world, P, Q, "a", TEAM)
    assert await people(world, trigger) == ["a", "b", "c", "d", "p", "q", "team"]


@pytest.mark.parametrize(("page", "objects"), [(1, 2), (2, 64), (1000, 2), (1000, 64)])
async def test_which_way_counts(
    world: World, monkeypatch: pytest.MonkeyPatch, page: int, objects: int
) -> None:
    """Named comes first, then the shorter way, then the older subscription; pages do not matter."""
    monkeypatch.setattr(expansions, "PAGE", page)
    monkeypatch.setattr(expansions, "OBJECTS", objects)
    await follow(world, P, "a", "b", TEAM, minute=2)
    await follow(world, Q, "b", "c", minute=1)
    await follow(world, TEAM, "a", "c", "d", "e", minute=0)
    await follow(world, P, "c", minute=3)
    await follow(world, Q, "a", minute=3)
    trigger = await reach(world, Q, P, "e")
    assert await ways(world, trigger) == {
        **dict.fromkeys(("p", "q", "e")),
        "a": "p",
        "b": "q",
        "c": "q",
        "team": "p",
        "d": "team",
    }


async def test_the_actor_is_left_out(world: World) -> None:
    """The actor has no run as a follower, but has one when it is named."""
    await follow(world, P, "a", "ann")
    assert await people(world, await reach(world, P, actor="ann")) == ["a", "p"]
    assert await people(world, await reach(world, P, "ann", actor="ann")) == ["a", "ann", "p"]


async def test_an_object_that_acts_leads_nowhere(world: World) -> None:
    """What a team does itself is no news to those who follow the team."""
    await follow(world, P, "a", TEAM)
    await follow(world, TEAM, "member")
    assert await people(world, await reach(world, P, actor=TEAM)) == ["a", "p"]
    named = await reach(world, P, TEAM, actor=TEAM)
    assert await people(world, named) == ["a", "member", "p", "team"]


async def test_what_the_run_sees_of_the_subscription(world: World) -> None:
    """`recipient.subscription` has the properties and the object, in conditions and in Liquid."""
    text = "{{ recipient.subscription.role }} of {{ recipient.subscription.object.name }}"
    await world.publish(
        "flow",
        feed_step(text, conditions=when("recipient.subscription.role", "equal_to", "owner")),
    )
    await follow(world, P, "a", role="owner", object="hidden")
    await follow(world, P, "b", role="guest")
    trigger = await reach(world, P)
    runs = {run["recipient_id"]: run["id"] for run in await world.runs(trigger)}
    for run in runs.values():
        await world.walk(run)
    (message,) = await world.messages(runs["a"])
    assert "owner of P" in str(message["content"])
    assert await world.messages(runs["b"]) == await world.messages(runs["p"]) == []


async def test_a_property_of_that_name(world: World) -> None:
    """Who is named keeps a property called `subscription`."""
    await world.publish("flow", feed_step("{{ recipient.subscription }}"))
    run_id = await world.begin("flow", {"id": "a", "subscription": "gold"})
    await world.walk(run_id)
    assert "gold" in str((await world.messages(run_id))[0]["content"])


async def test_the_subscription_as_it_is_now(world: World) -> None:
    """A later step sees new properties; of a subscription that has ended, only the object."""
    await world.publish(
        "flow",
        delay_step(),
        feed_step("{{ recipient.subscription.role }}/{{ recipient.subscription.object.id }}"),
    )
    await follow(world, P, "a", "b", role="guest")
    trigger = await reach(world, P)
    a, b, _ = await world.runs(trigger)
    first = [await world.walk(run["id"]) for run in (a, b)]
    await follow(world, P, "a", role="owner")
    gone = UnsubscribeIn(recipients=["b"])
    await unsubscribe(world.engine, world.environment.scope, RecipientRef("projects", "p"), gone)
    late = world.at(T0 + timedelta(days=400))
    for run, advanced in zip((a, b), first, strict=True):
        await late.walk(run["id"], advanced.cursor)
    said = [(await world.messages(run["id"]))[0]["content"] for run in (a, b)]
    assert "owner/p" in str(said[0])
    assert "/p" in str(said[1])
    assert "guest" not in str(said[1])


async def test_the_data_of_the_object_is_inherited(world: World) -> None:
    """`$trigger_data` of an object holds for all that it leads to, however deep."""
    await world.publish("flow", feed_step("{{ data.x }}/{{ data.y }}"))
    await follow(world, P, "a", TEAM)
    await follow(world, TEAM, "b")
    own = {"$trigger_data": {"x": "p's"}}
    trigger = await reach(world, {**P, **own}, Q, data={"x": "all's", "y": "1"})
    said = {}
    for run in await world.runs(trigger):
        await world.walk(run["id"])
        (message,) = await world.messages(run["id"])
        said[run["recipient_id"]] = message
    for who in ("a", "b", "p", "team"):
        assert "p&#39;s/1" in str(said[who]["content"]) or "p's/1" in str(said[who]["content"])
    assert "all" in str(said["q"]["content"])


async def test_inherited_data_in_a_batch(world: World) -> None:
    """What a batch gathers of a follower has the data of the object, too."""
    await world.publish("flow", batch_step(), feed_step("{{ activities[0].x }}", "said"))
    await follow(world, P, "a")
    trigger = await reach(world, {**P, "$trigger_data": {"x": "inherited"}})
    run = (await world.runs(trigger))[0]
    first = await world.walk(run["id"])
    late = world.at(T0 + timedelta(days=400))
    await late.walk(run["id"], first.cursor)
    (message,) = await world.messages(run["id"])
    assert "inherited" in str(message["content"])


async def test_large_data_is_read_once(world: World) -> None:
    """The data of a trigger for one object is decoded once for all its followers."""
    await follow(world, P, *(f"u{n}" for n in range(3)))
    trigger = await reach(world, P, data={"x": "y" * 100_000, "z": list(range(5000))})
    runs = await world.runs(trigger)
    for run in runs:
        await world.walk(run["id"])
    assert world.engine.trigger_data._recent.get(trigger) is not None


async def test_a_schedule_runs_for_the_object_alone(world: World) -> None:
    """What does not reach followers makes no run of theirs."""
    await follow(world, P, "a")
    request = replace(parse_trigger_request("flow", {"recipients": [P]}), reaches_followers=False)
    alone = await triggering.trigger(world.engine, world.environment.scope, request)
    assert await expand(world.engine, world.environment.id, alone.workflow_run_id)
    assert await people(world, alone.workflow_run_id) == ["p"]


async def test_a_step_reaches_followers(world: World) -> None:
    """A workflow that a step triggers for an object runs for those who follow it."""
    await follow(world, P, "a")
    await world.send(trigger_step("flow", recipients=json.dumps(P)))
    (child,) = await world.make.rows(
        "SELECT id FROM workflow_runs WHERE environment_id = %s AND workflow_key = 'flow'",
        world.environment.id,
    )
    assert await expand(world.engine, world.environment.id, child["id"])
    assert await people(world, child["id"]) == ["a", "p"]


async def test_once_for_each_follower(world: World) -> None:
    """Who has had a run gets none by another way, and an object that has none leads on."""
    await world.publish("once", channel_step("feed"), trigger_frequency="once_per_recipient")
    await follow(world, P, "a", TEAM)
    assert await people(world, await reach(world, P, key="once")) == ["a", "p", "team"]
    await follow(world, P, "b")
    await follow(world, TEAM, "c", "a")
    assert await people(world, await reach(world, P, "a", key="once")) == ["b", "c"]
    request = parse_trigger_request("once", {"recipients": [P]}, source_type=REHEARSAL)
    tried = await triggering.trigger(world.engine, world.environment.scope, request)
    assert await expand(world.engine, world.environment.id, tried.workflow_run_id)
    assert await people(world, tried.workflow_run_id) == ["a", "b", "c", "p", "team"]


async def test_followers_in_sandbox_mode_count_apart(world: World) -> None:
    """Who follows an object enters once for real, and once in sandbox mode."""
    await world.publish("once", channel_step("feed"), trigger_frequency="once_per_recipient")
    await follow(world, P, "a")
    sandbox = {"settings": {"sandbox_mode": True}}
    for mode, reached in ((sandbox, ["a", "p"]), ({}, ["a", "p"]), (sandbox, []), ({}, [])):
        trigger = await world.trigger("once", P, **mode)
        assert await expand(world.engine, world.environment.id, trigger)
        assert await people(world, trigger) == reached


async def test_once_among_fan_outs_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of fan-outs that meet, each follower has a run in exactly one."""
    monkeypatch.setattr(expansions, "PAGE", 7)
    await world.publish("once", channel_step("feed"), trigger_frequency="once_per_recipient")
    await follow(world, P, *(f"u{n}" for n in range(40)), minute=0)
    await follow(world, Q, *(f"u{n}" for n in range(40)[::-1]), minute=1)
    triggers = await asyncio.gather(*(world.trigger("once", p) for p in (P, Q) * 4))
    await asyncio.gather(*(expand(world.engine, world.environment.id, each) for each in triggers))
    runs = [run["recipient_id"] for run in await world.runs()]
    assert sorted(runs) == sorted(["p", "q", *(f"u{n}" for n in range(40))])


async def _expansion(world: World, trigger: UUID) -> dict[str, Any] | None:
    rows = await world.make.rows(
        "SELECT * FROM trigger_expansions WHERE workflow_run_id = %s", trigger
    )
    return rows[0] if rows else None


@pytest.mark.parametrize("works", [0, 1, 2, 3, 4])
async def test_it_goes_on_where_it_was_killed(
    world: World, monkeypatch: pytest.MonkeyPatch, works: int
) -> None:
    """Whichever page a process dies in, another one makes the rest, and everybody has one run."""
    monkeypatch.setattr(expansions, "PAGE", 3)
    await follow(world, P, TEAM, *(f"u{n}" for n in range(7)))
    await follow(world, TEAM, *(f"u{n}" for n in range(4, 12)))
    trigger = await world.trigger("flow", P)
    flaky = InterruptedDatabase(world.engine.database, away=1, works=works)
    killed = world.with_parts(database=flaky)
    with pytest.raises(Unavailable):
        await expand(killed.engine, world.environment.id, trigger)
    assert len(await world.runs(trigger)) < 14
    assert await expand(world.with_parts().engine, world.environment.id, trigger)
    assert await people(world, trigger) == sorted(["p", "team", *(f"u{n}" for n in range(12))])
    assert await _expansion(world, trigger) is None


async def test_two_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fan-out that was taken for dead beside its successor makes nothing twice."""
    monkeypatch.setattr(expansions, "PAGE", 3)
    await follow(world, P, *(f"u{n:02}" for n in range(20)))
    trigger = await world.trigger("flow", P)
    both = (expand(world.engine, world.environment.id, trigger) for _ in range(2))
    await asyncio.gather(*both)
    assert await people(world, trigger) == ["p", *(f"u{n:02}" for n in range(20))]


async def test_a_plan_that_takes_too_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that there is more to come, starts nobody yet, and goes on when it is asked again."""
    monkeypatch.setattr(expansions, "PAGE", 1)
    monkeypatch.setattr(expansions, "SECONDS", 0.0)
    await follow(world, P, "a", "b")
    order = TriggerFanoutInput(str(await world.trigger("flow", P)), str(world.environment.id))
    plans = [await plan_trigger(world.engine, order) for _ in range(4)]
    assert plans[:3] == [ChunkPlan(more=True)] * 3
    assert (len(plans[3].chunks), plans[3].more) == (1, False)


async def test_who_follows_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who begins or ceases to follow while runs are made has one or none."""
    monkeypatch.setattr(expansions, "PAGE", 2)
    monkeypatch.setattr(expansions, "SECONDS", 0.0)
    await follow(world, P, "a", "b", "c")
    trigger = await world.trigger("flow", P)
    assert not await expand(world.engine, world.environment.id, trigger)
    await follow(world, P, "late", minute=1)
    await delete_recipient(world.engine, world.environment.scope, RecipientRef.user("c"))
    monkeypatch.setattr(expansions, "SECONDS", 9.0)
    assert await expand(world.engine, world.environment.id, trigger)
    assert await people(world, trigger) == ["a", "b", "late", "p"]


# Cancels


async def cancellable(world: World) -> UUID:
    """Trigger for an object with followers, with a key, and make no run of theirs yet."""
    await follow(world, P, TEAM, *(f"u{n}" for n in range(6)))
    await follow(world, TEAM, "u5", "u6", "u7")
    return await world.trigger("flow", P, cancellation_key="ck")


async def statuses(world: World, trigger: UUID) -> dict[str, str]:
    """Return the status of each run."""
    return {run["recipient_id"]: run["status"] for run in await world.runs(trigger)}


async def test_a_cancel_of_runs_that_are_not_made_yet(world: World) -> None:
    """They are not made; a trigger of the same key after the cancel makes its own."""
    trigger = await cancellable(world)
    await world.cancel("flow", "ck")
    assert await expand(world.engine, world.environment.id, trigger)
    assert await statuses(world, trigger) == {"p": "cancelled"}
    later = await reach(world, P, cancellation_key="ck")
    assert set((await statuses(world, later)).values()) == {"queued"}
    assert len(await world.runs(later)) == 10


async def test_a_cancel_halfway(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are made are cancelled, the others are not made."""
    monkeypatch.setattr(expansions, "PAGE", 4)
    monkeypatch.setattr(expansions, "SECONDS", 0.0)
    trigger = await cancellable(world)
    assert not await expand(world.engine, world.environment.id, trigger)
    await world.cancel("flow", "ck")
    assert await expand(world.engine, world.environment.id, trigger)
    found = await statuses(world, trigger)
    assert len(found) == 5
    assert set(found.values()) == {"cancelled"}


async def test_a_cancel_of_some_that_are_not_made_yet(world: World) -> None:
    """Those who are named have no run; an object that is named leads on all the same."""
    trigger = await cancellable(world)
    await world.cancel("flow", "ck", "u1", TEAM)
    await world.cancel("flow", "ck", "u6", "stranger", P)
    assert await expand(world.engine, world.environment.id, trigger)
    assert await statuses(world, trigger) == {
        "p": "cancelled",
        **dict.fromkeys(("u0", "u2", "u3", "u4", "u5", "u7"), "queued"),
    }


async def cancel_as_operator(world: World, **wanted: Any) -> int:
    """Cancel what an operator names; returns how many runs there were."""
    request = CancelRunsRequest.model_validate(wanted)
    done = await open_runs.cancel_open_runs(world.engine, world.environment.scope, request)
    return done.runs


@pytest.mark.parametrize("wanted", [{"workflow": "flow"}, {"tenant": "acme"}])
async def test_an_operators_cancel_of_runs_that_are_not_made_yet(
    world: World, wanted: dict[str, str]
) -> None:
    """They are not made, and count for none; a later trigger makes its own."""
    await follow(world, P, TEAM, *(f"u{n}" for n in range(6)))
    trigger = await world.trigger("flow", P, tenant="acme")
    assert await cancel_as_operator(world, **wanted) == 1
    assert await expand(world.engine, world.environment.id, trigger)
    assert await statuses(world, trigger) == {"p": "cancelled"}
    later = await reach(world, P, tenant="acme")
    assert set((await statuses(world, later)).values()) == {"queued"}


async def test_an_operators_cancel_of_one_who_has_no_run_yet(world: World) -> None:
    """Whoever is named has no run, all others have theirs."""
    trigger = await cancellable(world)
    assert await cancel_as_operator(world, workflow="flow", recipient="u1") == 0
    assert await expand(world.engine, world.environment.id, trigger)
    found = await statuses(world, trigger)
    assert "u1" not in found
    assert len(found) == 9


@pytest.mark.parametrize("wanted", [{"workflow": "other"}, {"tenant": "acme"}])
async def test_an_operators_cancel_of_other_runs(world: World, wanted: dict[str, str]) -> None:
    """Another workflow, another tenant or one run that is made already stop no followers."""
    await world.publish("other", channel_step("feed"))
    trigger = await cancellable(world)
    assert await cancel_as_operator(world, **wanted) == 0
    (made,) = await world.runs(trigger)
    assert await cancel_as_operator(world, run_id=str(made["id"])) == 1
    assert await expand(world.engine, world.environment.id, trigger)
    found = await statuses(world, trigger)
    assert len(found) == 10
    assert {name for name, status in found.items() if status == "cancelled"} == {"p"}


async def test_a_cancel_of_another_key(world: World) -> None:
    """Another key, or the same key of another workflow, stops nobody."""
    await world.publish("other", channel_step("feed"))
    trigger = await cancellable(world)
    await world.cancel("flow", "other")
    await world.cancel("other", "ck")
    assert await expand(world.engine, world.environment.id, trigger)
    assert set((await statuses(world, trigger)).values()) == {"queued"}


@pytest.mark.parametrize("who", [(), ("u0", "u5")])
async def test_a_cancel_waits_for_a_page(world: World, who: tuple[str, ...]) -> None:
    """A cancel that meets a page comes after all of it, and finds what it made."""
    await world.publish("flow", channel_step("feed"), trigger_frequency="once_per_recipient")
    trigger = await cancellable(world)
    async with world.engine.database.transaction() as connection:
        # The page waits in the middle, for another trigger that lets the same recipient in.
        await connection.execute(
            "INSERT INTO first_runs VALUES (%s, '$users', 'u3', 'flow', '', %s)",
            (world.environment.id, UUID(int=1)),
        )
        making = asyncio.create_task(expand(world.engine, world.environment.id, trigger))
        await until_blocked(world.make)
        cancelling = asyncio.create_task(world.cancel("flow", "ck", *who))
        await until_blocked(world.make, by=2)
        raise Rollback
    await asyncio.gather(making, cancelling)
    found = await statuses(world, trigger)
    if who:
        assert {name for name, status in found.items() if status == "cancelled"} == set(who)
        assert len(found) == 10
    else:
        assert set(found.values()) == {"cancelled"}
        assert len(found) >= 8


async def test_6_pages_and_cancels_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever comes first: nobody is left whose run the cancel should have ended."""
    monkeypatch.setattr(expansions, "PAGE", 2)
    await follow(world, P, *(f"u{n:02}" for n in range(16)))
    for turn in range(8):
        trigger = await world.trigger("flow", P, cancellation_key=f"ck{turn}")
        who = () if turn % 2 else ("u03", "u09", "u15")

        async def cancel(key: str = f"ck{turn}", who: Any = who, pause: int = turn) -> None:
            await asyncio.sleep(0.004 * pause)
            await world.cancel("flow", key, *who)

        await asyncio.gather(
            expand(world.engine, world.environment.id, trigger),
            expand(world.engine, world.environment.id, trigger),
            cancel(),
        )
        found = await statuses(world, trigger)
        if who:
            assert {found.get(name, "cancelled") for name in who} == {"cancelled"}
            assert len(found) >= 14
            rest = {status for name, status in found.items() if name not in who}
            assert rest == {"queued"}
        else:
            assert set(found.values()) == {"cancelled"}
