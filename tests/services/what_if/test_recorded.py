"""Steps that act outside their run: the recorded outcome counts, and what nobody knows is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.content.reusable_request import REUSABLE_REQUEST
from domain.contract.runs import Fetch
from domain.kit.json_types import JsonObject
from domain.messages.engagement import Engagement, StatusChange
from domain.what_if.differences import Kind
from services.messages.messages import engage_many
from services.runs.fetches import make_attempt
from tests.providers.servers import HttpServer, reply, serving
from tests.support.content import note, save_content
from tests.support.fetching import fetching_in
from tests.support.guides import CHANNEL_KEY, publish_guide
from tests.support.steps import (
    feed_step,
    fetch_step,
    message_event,
    reusable_request,
    shared_fetch_step,
    trigger_step,
    update_recipient_step,
    wait_step,
)
from tests.support.what_if import KEY, draft, only, tried
from tests.support.world import World, delay_step, when

READ = when("refs.feed_1.engagement_status", "contains", "$message.read")


@pytest.fixture
async def fetched(world: World) -> AsyncIterator[World]:
    """Return a world with a run that has fetched a name; the server answers once."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    async with serving(HttpServer({"/x": reply(200, b'{"name": "Ada"}')})) as server:
        world = world.with_parts(settings=settings)
        await world.publish(KEY, fetch_step(), feed_step("Hello {{ name }}"))
        run_id = await world.begin(KEY, data={"url": f"{server.url}/x"})
        advanced = await world.walk(run_id)
        assert isinstance(advanced.next, Fetch)
        await make_attempt(world.engine, advanced.next.attempt)
        await world.walk(run_id, advanced.cursor)
        requests = len(server.seen)
        yield world
        assert len(server.seen) == requests
        await world.engine.providers.close()


def texts(found: Any) -> list[tuple[str, str]]:
    """Return what the texts of messages were, and become."""
    return [
        (str(change.before).strip(), str(change.after).strip())
        for each in found.findings.differences
        for change in each.changes
        if change.place == "blocks[0].rendered"
    ]


async def test_a_recorded_answer_is_used(fetched: World) -> None:
    """The answer of then joins the data, and nobody is asked again."""
    await draft(fetched, fetch_step(), feed_step("Bye {{ name }}"))

    assert texts(await tried(fetched)) == [("<p>Hello Ada</p>", "<p>Bye Ada</p>")]


async def test_another_request_has_no_recorded_answer(fetched: World) -> None:
    """The messages behind a request that nobody has made are unknown, and none is dropped."""
    await draft(fetched, fetch_step(method="post"), feed_step("Bye {{ name }}"))

    found = await tried(fetched)

    assert "settings have changed" in str(only(found, Kind.UNKNOWN, times=1).reason)
    assert [(place[1], runs) for place, runs in found.findings.unknown.items()] == [("fetch", 1)]


@pytest.fixture
async def shared(world: World) -> AsyncIterator[World]:
    """Return a world with a run that has fetched a name by a reusable request."""
    async with fetching_in(world) as fetching:
        await fetching.publish_request("find", reusable_request())
        await world.publish(KEY, shared_fetch_step("find", a="x"), feed_step("Hello {{ name }}"))
        fetching.server.replies["/x"] = reply(200, b'{"name": "Ada"}')
        data = {"url": f"{fetching.server.url}/x"}
        run_id = await fetching.world.begin(KEY, data=data)
        await fetching.attempt(run_id, await fetching.world.walk(run_id))
        yield fetching.world
        assert len(fetching.server.seen) == 1


async def draft_request(world: World, document: JsonObject) -> None:
    """Save a draft of the reusable request, uncommitted."""
    slug = world.environment.scope.slug
    await save_content(world.engine, slug, REUSABLE_REQUEST, "find", document, force=True)


async def test_the_answer_to_a_reusable_request_is_used(shared: World) -> None:
    """The request is the one that was sent then, though it was committed again since."""
    await draft(shared, shared_fetch_step("find", a="x"), feed_step("Bye {{ name }}"))
    assert texts(await tried(shared)) == [("<p>Hello Ada</p>", "<p>Bye Ada</p>")]

    slug = shared.environment.scope.slug
    await save_content(
        shared.engine,
        slug,
        REUSABLE_REQUEST,
        "find",
        {**reusable_request(data_input_values_str='{"a": "shown"}'), "name": "Other"},
        commit=note(),
        force=True,
    )
    assert texts(await tried(shared)) == [("<p>Hello Ada</p>", "<p>Bye Ada</p>")]


async def test_a_draft_of_a_reusable_request_reaches_its_workflows(shared: World) -> None:
    """Nobody knows what another request would be answered; the workflow itself is unchanged."""
    await draft_request(shared, reusable_request(method="post"))

    found = await tried(shared)

    reason = str(only(found, Kind.UNKNOWN, times=1).reason)
    assert "the reusable request 'find' may have been different then" in reason


async def test_conditions_of_a_reusable_request_are_tried(shared: World) -> None:
    """A run that would not send it any more goes on without its answer."""
    document = {**reusable_request(), "conditions": when("inputs.a", "equal_to", "y")}
    await draft_request(shared, document)

    assert texts(await tried(shared)) == [("<p>Hello Ada</p>", "<p>Hello</p>")]


async def test_a_new_request_hides_only_what_follows(world: World) -> None:
    """What comes before the step is known."""
    await world.publish(KEY, feed_step("Hello"), feed_step(ref="feed_2"))
    await world.walk(await world.begin(KEY))
    await draft(world, feed_step("Bye"), fetch_step(url="http://x.test"), feed_step(ref="feed_2"))

    found = await tried(world)

    assert found.findings.kinds == {Kind.CHANGED: 1, Kind.UNKNOWN: 1}


@pytest.mark.parametrize("step", [update_recipient_step("user", '{"plan": "pro"}')])
async def test_an_update_that_was_made_is_passed(world: World, step: JsonObject) -> None:
    """What a recorded run has changed is in what is stored; a new change is unknown."""
    await world.publish(KEY, step, feed_step("{{ recipient.plan }}"))
    await world.walk(await world.begin(KEY))
    await draft(world, step, feed_step("now {{ recipient.plan }}"))
    before = await world.make.rows("SELECT * FROM recipients ORDER BY id")

    assert texts(await tried(world)) == [("<p>pro</p>", "<p>now pro</p>")]

    other = {**step, "settings": {**step["settings"], "update_properties": '{"plan": "free"}'}}
    await draft(world, other, feed_step("now {{ recipient.plan }}"))
    only(await tried(world), Kind.UNKNOWN, times=1)
    assert await world.make.rows("SELECT * FROM recipients ORDER BY id") == before


async def test_a_trigger_is_noted_and_not_made(world: World) -> None:
    """How often another workflow would be triggered is told; the run goes on."""
    await world.publish("other", feed_step())
    await world.publish(KEY, feed_step("Hello"))
    await world.walk(await world.begin(KEY))
    await draft(world, trigger_step("other"), feed_step("Bye"))

    found = await tried(world)

    assert found.findings.effects == {(KEY, "trigger", "trigger_workflow"): [0, 1]}
    assert texts(found) == [("<p>Hello</p>", "<p>Bye</p>")]
    assert len(await world.runs()) == 1


async def _read(world: World, run_id: str) -> None:
    message_id = (await world.messages(run_id))[0]["id"]
    change = StatusChange(Engagement.READ)
    await engage_many(world.engine, world.environment.scope, [message_id], [message_id], change)


async def test_a_recorded_event_ends_the_wait(world: World) -> None:
    """The event that came comes at the same instant again, with its variables."""
    wait = wait_step(message_event("read", KEY), when("event.step_ref", "equal_to", "feed_1"))
    await world.publish(KEY, feed_step(), wait, feed_step("Seen", ref="feed_2"))
    run_id = await world.begin(KEY)
    await world.walk(run_id)
    await _read(world, run_id)
    await world.walk(run_id, "wait_1/resume")
    text = "{{ refs.wait_1.matched }} {{ refs.wait_1.signal_variables.step_ref }}"
    await draft(world, feed_step(), wait, feed_step(text, ref="feed_2"))

    assert texts(await tried(world)) == [("<p>Seen</p>", "<p>true feed_1</p>")]

    await draft(world, feed_step(), delay_step(), wait, feed_step(text, ref="feed_2"))
    assert "came before" in str(only(await tried(world), Kind.UNKNOWN, times=1).reason)


async def test_what_became_of_messages_counts(world: World) -> None:
    """Conditions see what the recipient had done with the recorded message by that instant."""
    steps = (feed_step(), delay_step(seconds=3600))
    await world.publish(KEY, *steps, feed_step(ref="feed_2"))
    for reads in (True, False):
        run_id = await world.begin(KEY)
        await world.walk(run_id)
        if reads:
            await _read(world, run_id)
    await draft(world, *steps, feed_step(ref="feed_2", conditions=READ))

    assert only(await tried(world), Kind.DROPPED, times=1).reason == "conditions not met"


async def test_nobody_knows_what_becomes_of_new_messages(world: World) -> None:
    """A condition on a message that was never sent makes what follows unknown."""
    await world.publish(KEY, delay_step(), feed_step(ref="feed_2"))
    await world.walk(await world.begin(KEY))
    await draft(world, feed_step(), delay_step(), feed_step(ref="feed_2", conditions=READ))

    found = await tried(world)

    assert found.findings.kinds == {Kind.ADDED: 1, Kind.UNKNOWN: 1}


async def test_a_cancelled_run_ends_when_it_was_cancelled(world: World) -> None:
    """What comes after the cancel comes in neither walk."""
    await world.publish(KEY, delay_step(seconds=3600), feed_step())
    await world.begin(KEY, cancellation_key="c")
    await world.cancel(KEY, "c")
    await draft(world, feed_step("At once"), delay_step(seconds=3600), feed_step(ref="feed_2"))

    found = await tried(world)

    assert found.findings.kinds == {Kind.ADDED: 1}
    assert found.findings.before == 0


async def test_a_guide_is_shown_to_nobody(world: World) -> None:
    """A step that names a guide is told as an effect, and what comes after it is walked."""
    await world.channel("in_app_guide", CHANNEL_KEY)
    await world.audience("invited")
    await publish_guide(world, "tour", target_audience_key="invited")
    step = {"type": "channel", "ref": "guide_1", "guide_key": "tour"}
    step |= {"channel_type": "in_app_guide", "channel_key": CHANNEL_KEY}
    await world.publish(KEY, step, feed_step("Hello"))
    await world.walk(await world.begin(KEY))
    await draft(world, step, feed_step("Bye"))

    found = await tried(world)

    assert only(found, Kind.CHANGED, times=1).message.step_ref == "feed_1"
    assert found.findings.effects == {(KEY, "guide_1", "channel"): [1, 1]}
