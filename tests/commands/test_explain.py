"""`carillon explain` says why each message of a run came or did not."""

from __future__ import annotations

from uuid import UUID

import pytest
from structlog.testing import capture_logs

from commands.explain import explained, written
from domain.kit.clock import in_words
from domain.kit.errors import NotFound
from domain.kit.ids import new_id
from domain.triggers.rows import MOST_HELD_BACK
from services.attempts import TryAgain
from services.deliveries.holds import hold_channel
from services.deliveries.retries import retry_message
from services.runs.explaining import explain_run
from services.triggers.expansions import expand
from tests.support.deliveries import make_mail
from tests.support.steps import when
from tests.support.subscribers import follow, make_object, project
from tests.support.world import World, channel_step

PROJECT, OTHER = project("p"), project("q")
TEAM = {"id": "o", "collection": "teams", "name": "A team"}


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
    assert text.index("The run started.") < text.index("feed: A message was made")
    assert "mail: The step was skipped: conditions not met." in text
    assert "data.total greater than" in text
    assert "Step feed made a message on in-app: it was delivered." in text
    assert str(run_id) in lines[0]
    assert all(" UTC  " in line for line in lines if line.startswith("20"))


async def test_a_message_leads_to_its_run(world: World) -> None:
    """Whoever asks where a message is knows its id, and not that of the run."""
    message_id = await make_mail(world)
    scope = world.environment.scope
    lines = await explained(world.engine, scope, str(message_id), limit=5)
    assert lines[0].startswith("Run ")
    assert lines[-1].startswith("Step mail made a message")


@pytest.mark.parametrize("name", ["nonsense", "01a219e3-2c7d-79df-ae74-1eb14d89914a"])
async def test_what_is_unknown_says_what_may_be_asked(world: World, name: str) -> None:
    """Of an id that is none, and of one that nothing has here: another environment may have it."""
    scope = world.environment.scope
    with pytest.raises(NotFound) as told:
        await explained(world.engine, scope, name, limit=5)
    assert str(told.value) == (
        f"There is no recipient run, trigger or message of a run with the id {name!r} in"
        f" {scope.slug}; --environment names another environment."
    )


async def test_an_unknown_run_is_missing(world: World) -> None:
    """What is not there is told as such."""
    with pytest.raises(NotFound):
        await explain_run(world.engine, world.environment.scope, new_id())


async def _said(world: World, message_id: UUID) -> str:
    """Return the sentence about the one message of a run."""
    message = await world.message(message_id)
    scope = world.environment.scope
    found = await explain_run(world.engine, scope, message["recipient_run_id"])
    ((_, text),) = found.messages
    return text


async def test_a_held_message_says_who_holds_it(world: World) -> None:
    """An operator's hold is told at once, not when the message is looked at next."""
    message_id = await make_mail(world)
    assert "it is on its way" in await _said(world, message_id)
    await hold_channel(world.engine, world.environment.scope, "mail-None")
    held = "it is held back: an operator holds the channel."
    assert held in await _said(world, message_id)
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    assert held in await _said(world, message_id)


async def test_a_message_that_nobody_takes_now_says_why(world: World) -> None:
    """A reason that is not the message's own is told in the words that operators know."""
    message_id = await make_mail(world)
    await world.change_delivery(
        message_id,
        "held_for = 'smtp.example.com does not answer', due_at = now() + interval '1 hour'",
    )
    assert "it is held back: smtp.example.com does not answer." in await _said(world, message_id)
    # A reason may be a sentence of its own, such as that of a missing key.
    await world.change_delivery(message_id, "held_for = 'CARILLON_SECRET_KEY lacks the key 1.'")
    assert (await _said(world, message_id)).endswith("CARILLON_SECRET_KEY lacks the key 1.")
    assert ".." not in await _said(world, message_id)


async def test_a_message_that_was_refused_says_what_was_answered(world: World) -> None:
    """Each attempt is counted, with the last answer and the next instant; then it is given up."""
    message_id = await make_mail(world, "retry")
    with pytest.raises(TryAgain):
        await world.deliver(message_id)
    delivery = await world.delivery(message_id)
    assert delivery is not None
    assert await _said(world, message_id) == (
        "Step mail made a message on mail-retry: it was not accepted, once so far (Sandbox answered"
        f" 503), and will be retried at {in_words(delivery['due_at'])}."
    )
    await world.change_delivery(message_id, "due_at = now(), attempts = 7")
    assert await world.deliver(message_id) == "undelivered"
    given_up = "it was given up after its last attempt: The sandbox is set to retry."
    assert given_up in await _said(world, message_id)


@pytest.mark.parametrize(
    ("fail", "told"),
    [
        ("refuse", "it was given up: The sandbox is set to refuse."),
        ("bounce", "it bounced, because the recipient's address is invalid: The sandbox is set"),
    ],
)
async def test_a_message_that_failed_says_what_its_provider_said(
    world: World, fail: str, told: str
) -> None:
    """The provider's own words are part of the sentence."""
    message_id = await make_mail(world, fail)
    await world.deliver(message_id)
    assert told in await _said(world, message_id)


async def test_a_message_that_is_sent_again_is_on_its_way(world: World) -> None:
    """What its first retry failed of is not said of its second."""
    message_id = await make_mail(world, "refuse")
    await world.deliver(message_id)
    await retry_message(world.engine, world.environment.scope, message_id)
    assert "it is on its way" in await _said(world, message_id)


async def test_a_message_that_waits_for_its_window_says_until_when(world: World) -> None:
    """A window that has opened is not waited for any more."""
    message_id = await make_mail(world)
    await world.make.rows(
        "UPDATE messages SET scheduled_at = now() + interval '1 hour' WHERE id = %s", message_id
    )
    await world.change_delivery(message_id, "due_at = now() + interval '1 hour'")
    assert "it waits for its send window, which opens at" in await _said(world, message_id)
    await world.change_delivery(message_id, "due_at = now() - interval '1 hour'")
    assert "it is on its way" in await _said(world, message_id)


async def test_a_trigger_is_explained_with_its_runs(world: World) -> None:
    """By the id that it answered; who was never identified is named."""
    await world.publish("flow", channel_step("feed"))
    trigger = await world.trigger("flow", {"id": "ada"}, "bob", TEAM)
    for run in await world.runs(trigger):
        await world.walk(run["id"])
    scope = world.environment.scope
    text = "\n".join(await explained(world.engine, scope, str(trigger), limit=5))

    assert "The workflow 'flow' was triggered (source: api)." in text
    assert "Not stored, but only referred to by id: bob." in text
    assert "of 'flow' for 'ada': completed." in text
    assert "of 'flow' for 'teams/o': completed." in text
    less = await explained(world.engine, scope, str(trigger), limit=1)
    assert "1 of its runs; --limit shows more:" in less


async def test_a_trigger_of_nobody_says_so(world: World) -> None:
    """Nobody is stored whom it names; it has no run to explain."""
    await world.publish("flow", channel_step("feed"))
    trigger = await world.trigger("flow", "bob", {"id": "x", "collection": "teams"})
    scope = world.environment.scope
    lines = await explained(world.engine, scope, str(trigger), limit=5)
    assert "Not stored, but only referred to by id: bob, teams/x." in lines
    assert lines[-1] == "It made no runs."


async def test_who_has_had_a_run_is_held_back(world: World) -> None:
    """A workflow that is entered once says of its second trigger whom that has not reached."""
    await world.publish("flow", channel_step("feed"), trigger_frequency="once_per_recipient")
    await world.trigger("flow", {"id": "ada"})
    again = await world.trigger("flow", {"id": "ada"}, {"id": "ben"})
    text = "\n".join(await explained(world.engine, world.environment.scope, str(again), limit=5))
    assert "they have had their run: ada." in text
    assert "for 'ben': queued." in text


async def test_followers_who_have_had_a_run_are_held_back(world: World) -> None:
    """Beside those whom the trigger names, and each once, whichever page has found them."""
    await world.publish("flow", channel_step("feed"), trigger_frequency="once_per_recipient")
    await make_object(world, PROJECT)
    await make_object(world, OTHER)
    await follow(world, PROJECT, "ada", "ben", OTHER)
    await follow(world, OTHER, "ada", "ben")
    await world.trigger("flow", "ada", "ben", PROJECT)
    again = await world.trigger("flow", PROJECT, "ben")
    assert await expand(world.engine, world.environment.id, again)
    assert await expand(world.engine, world.environment.id, again)
    lines = await explained(world.engine, world.environment.scope, str(again), limit=5)
    (line,) = [each for each in lines if each.startswith("Held back, ")]
    named = line.rpartition(": ")[2].removesuffix(".").split(", ")
    assert sorted(named) == ["ada", "ben", "projects/p"]
    assert any("for 'projects/q': queued." in each for each in lines)


async def test_of_many_who_are_held_back_some_are_named(world: World) -> None:
    """A fan-out may hold back a million."""
    await world.publish("flow", channel_step("feed"), trigger_frequency="once_per_recipient")
    await make_object(world, PROJECT)
    await follow(world, PROJECT, "ada", "ben")
    await world.trigger("flow", "ada", "ben")
    again = await world.trigger("flow", PROJECT)
    await world.make.rows(
        "UPDATE workflow_runs SET held_back_recipients = (SELECT jsonb_agg('u' || n)"
        " FROM generate_series(1, %s) AS n) WHERE id = %s RETURNING 1",
        *(MOST_HELD_BACK, again),
    )
    assert await expand(world.engine, world.environment.id, again)
    (row,) = await world.make.rows(
        "SELECT jsonb_array_length(held_back_recipients) AS many FROM workflow_runs WHERE id = %s",
        again,
    )
    assert row["many"] == MOST_HELD_BACK + 1
    lines = await explained(world.engine, world.environment.scope, str(again), limit=5)
    assert any(each.endswith(f"u{MOST_HELD_BACK}, and others.") for each in lines), lines


async def test_an_entry_that_a_workflow_refuses_is_explained(world: World) -> None:
    """By the id in the log: the schema refuses a trigger without data, and the entry stands."""
    await world.audience("beta")
    await world.publish(
        "strict",
        channel_step("feed"),
        audience_trigger={"audience_key": "beta"},
        trigger_data_json_schema={"type": "object", "required": ["plan"]},
    )
    with capture_logs() as logged:
        await world.enter("beta", "ada", "ben")
    (line,) = [each for each in logged if each["event"] == "audience_entry_not_triggered"]
    trigger = UUID(line["workflow_run_id"])
    lines = await explained(world.engine, world.environment.scope, str(trigger), limit=5)
    assert "The workflow 'strict' was triggered (source: audience)." in lines
    assert any("It was refused, so nobody had a run: " in each and "plan" in each for each in lines)
    assert lines[-1] == "It named: ada, ben."
    assert await world.runs() == []
    assert await world.members("beta") == [("ada", ""), ("ben", "")]


async def test_another_environment_s_trigger_is_missing(world: World) -> None:
    """Nor is an id known that is of nothing."""
    await world.publish("flow", channel_step("feed"))
    trigger = await world.trigger("flow")
    other = (await world.make.environment()).scope
    with pytest.raises(NotFound):
        await explained(world.engine, other, str(trigger), limit=5)
