"""What a try finds: the messages that content would add, drop or change, and nothing stored."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from api.admin.schemas.what_if import DifferenceOut
from domain.content.email_layout import EMAIL_LAYOUT
from domain.content.partial import PARTIAL
from domain.content.rows import Selection
from domain.kit.errors import InvalidParams, NotFound
from domain.kit.ids import new_id
from domain.kit.json_types import JsonObject, encoded_size
from domain.recipients.refs import RecipientRef
from domain.what_if.differences import Kind, Walked, WalkedRun
from domain.what_if.findings import Findings
from domain.what_if.samples import Sample
from models.queries.runs.rehearsals import newest_runs
from services.content.commits import promote_all
from tests.support.account import note
from tests.support.content import save_content
from tests.support.steps import (
    branch,
    branch_step,
    email_step,
    feed_step,
    throttle_step,
    update_step,
)
from tests.support.what_if import KEY, PEOPLE, draft, only, send, tried
from tests.support.world import World, batch_step, channel_step, delay_step, when


async def counts(world: World) -> dict[str, int]:
    """Return how many rows each table has."""
    tables = await world.make.rows(
        "SELECT relname AS name FROM pg_stat_user_tables WHERE schemaname = 'public'"
    )
    found = {}
    for table in tables:
        (row,) = await world.make.rows(f"SELECT count(*) AS n FROM {table['name']}")
        found[table["name"]] = row["n"]
    return found


# Every step that decides something, with waits, and with one that acts outside the run.
EVERYTHING = (
    update_step("{\"greeting\": \"Hi {{ recipient.name }} at {{ 'now' | date: '%s%L' }}\"}"),
    throttle_step(throttle_limit=2),
    branch_step(
        "plans",
        branch(
            "pro",
            feed_step("{{ greeting }} {{ data.greeting }}"),
            conditions=when("recipient.plan", "equal_to", "pro"),
        ),
        branch("free", email_step("{{ total_activities }} {{ vars.app_name }}")),
    ),
    delay_step(seconds=3600),
    batch_step(seconds=60),
    channel_step(
        "mail",
        "email",
        conditions=when("refs.feed_1.delivery_status", "not_equal_to", "$message.delivered"),
    ),
    channel_step(
        "last", template={"markdown_body": "{{ activities | size }} {{ 'now' | date: '%L' }}"}
    ),
)


async def test_the_same_content_makes_no_difference(world: World) -> None:
    """However a workflow decides, walking it twice gives the same; and no table has a row more."""
    await send(world, *EVERYTHING)
    await send(world, *EVERYTHING)
    await world.publish("other", feed_step("{{ vars.x }}"))
    await world.begin("other")
    # Another name alone, so that both walks are made.
    await draft(world, *EVERYTHING, name="The same")
    before = await counts(world)

    found = await tried(world)

    assert await counts(world) == before
    assert (found.findings.runs, found.findings.total) == (13, 0)
    assert found.findings.before == found.findings.after == 13
    assert [each.key for each in found.content] == [KEY]


async def test_what_the_content_does_not_concern_is_counted_alike(world: World) -> None:
    """Runs of other workflows stand on both sides, beside those that change."""
    await send(world, feed_step())
    await world.publish(
        "other", feed_step("{{ vars.x }}"), throttle_step(), feed_step(ref="feed_2")
    )
    await world.begin("other")
    await draft(world, feed_step(), feed_step(ref="feed_2"))

    found = await tried(world)

    assert found.findings.kinds == {Kind.ADDED: 6}
    assert (found.findings.runs, found.findings.runs_changed) == (7, 6)
    assert (found.findings.before, found.findings.after) == (8, 14)


async def test_links_make_no_difference(world: World) -> None:
    """The links of a commercial message are others each time; a try finds no difference in that."""
    links = "{{ vars.manage_preferences_url }} {{ vars.commercial_unsubscribe_url }}"
    steps = (email_step(links), feed_step(links))
    await world.publish(KEY, *steps, settings={"is_commercial": True})
    for run in await world.runs(await world.trigger(KEY, {"id": "ada", "email": "a@x.test"})):
        await world.walk(run["id"])

    found = await tried(world)

    assert (found.findings.before, found.findings.total) == (2, 0)


async def test_tracked_links_make_no_difference(world: World) -> None:
    """Short links are others each time, and are stored; a try shows and stores none of them."""
    await world.channel("sms", channel_settings={"link_tracking": True})
    text = channel_step("sms", "sms", template={"text_body": "https://x.test/1"})
    template = {**email_step()["template"], "html_body": '<a href="https://x.test/1">x</a>'}
    overrides = {"link_tracking": True, "open_tracking": True}
    await world.publish(KEY, text, email_step(template=template, channel_overrides=overrides))
    person = {"id": "ada", "email": "a@x.test", "phone_number": "+1555"}
    for run in await world.runs(await world.trigger(KEY, person)):
        await world.walk(run["id"])
    before = await counts(world)

    found = await tried(world)

    assert await counts(world) == before
    assert (found.findings.before, found.findings.total) == (2, 0)


async def test_a_draft_is_tried_without_a_trace(world: World) -> None:
    """A try of changed content leaves every row as it is, of runs that wait as well."""
    await send(world, delay_step(), feed_step())
    await draft(world, batch_step(), feed_step("{{ total_activities }}"))
    before = await counts(world), await world.runs()

    assert (await tried(world)).findings.total

    assert (await counts(world), await world.runs()) == before


async def test_a_changed_template(world: World) -> None:
    """What differs is told by its place in the content, before and after."""
    await send(world, feed_step("Hello {{ recipient.name }}"))
    await draft(world, feed_step("Bye {{ recipient.name }}"))

    found = only(await tried(world), Kind.CHANGED)

    changes = {change.place: (change.before, change.after) for change in found.changes}
    name = found.run.recipient.id.replace("user-", "N")
    assert changes["blocks[0].rendered"] == (f"<p>Hello {name}</p>\n", f"<p>Bye {name}</p>\n")
    assert found.message.step_ref == "feed_1"


async def test_an_added_and_a_removed_step(world: World) -> None:
    """More and fewer messages are told with the reason why the other walk has none."""
    await send(world, feed_step())
    await draft(world, email_step(conditions=when("recipient.email", "empty")))

    found = await tried(world)

    assert found.findings.kinds == {Kind.DROPPED: 6}
    reasons = {(each.message.step_ref, each.reason) for each in found.findings.differences}
    assert reasons == {("feed_1", "the run does not reach such a step")}
    for person in PEOPLE:
        await world.identify(person["id"], email=f"{person['id']}@example.com")
    await draft(world, feed_step(), email_step())
    added = only(await tried(world), Kind.ADDED)
    assert added.after is not None
    assert added.message.step_ref == "email_1"
    assert added.after.shown
    assert added.after.shown["to"] == f"{added.run.recipient.id}@example.com"


async def test_another_channel(world: World) -> None:
    """A step that sends by another channel drops a message and adds one, and says so."""
    await world.channel("in_app_feed", "second-feed")
    await send(world, feed_step())
    await draft(world, feed_step(channel_key="second-feed"))

    found = await tried(world)

    assert found.findings.kinds == {Kind.ADDED: 6, Kind.DROPPED: 6}
    reasons = {(each.kind, each.reason) for each in found.findings.differences}
    assert reasons == {
        (Kind.DROPPED, "the step sends through second-feed"),
        (Kind.ADDED, "the step sends through in-app"),
    }


async def test_a_condition_that_drops_people(world: World) -> None:
    """Those who would get nothing any more are told, and why."""
    await send(world, feed_step())
    await draft(world, feed_step(conditions=when("recipient.plan", "equal_to", "pro")))

    found = await tried(world)

    dropped = found.findings.differences
    assert {each.run.recipient.id for each in dropped} == {"user-0", "user-2", "user-4"}
    assert only(found, Kind.DROPPED, times=3).reason == "conditions not met"


async def test_conditions_of_the_workflow(world: World) -> None:
    """A run that would not begin says so."""
    await send(world, feed_step())
    await draft(world, feed_step(), conditions=when("recipient.plan", "equal_to", "pro"))

    assert only(await tried(world), Kind.DROPPED, times=3).reason == "trigger_conditions_not_met"


async def test_a_changed_delay(world: World) -> None:
    """The same message at another time is a change of its time alone, counted from the trigger."""
    await send(world, delay_step(seconds=60), feed_step())
    await draft(world, delay_step(seconds=7200), feed_step())

    found = only(await tried(world), Kind.CHANGED)

    assert found.before is not None
    assert found.after is not None
    assert (found.after.at - found.before.at).total_seconds() == 7140
    assert not found.changes


async def test_an_added_batch(world: World) -> None:
    """Ten items in one window make one message instead of ten, which tells of all of them."""
    await world.publish(KEY, feed_step("{{ total_activities }}"))
    for n in range(10):
        await world.walk(await world.begin(KEY, data={"n": n}))
    await draft(
        world,
        batch_step(seconds=600),
        feed_step("{{ total_activities }}:{% for a in activities %} {{ a.n }}{% endfor %}"),
    )

    found = await tried(world)

    assert (found.findings.before, found.findings.after) == (10, 1)
    assert found.findings.kinds == {Kind.CHANGED: 1, Kind.DROPPED: 9}
    changed = next(each for each in found.findings.differences if each.kind is Kind.CHANGED)
    rendered = {change.place: change.after for change in changed.changes}["blocks[0].rendered"]
    assert "10: 0 1 2 3 4 5 6 7 8 9" in str(rendered)
    assert {each.reason for each in found.findings.differences if each.reason} == {"batched"}


@pytest.mark.parametrize(
    ("batch", "texts"),
    [
        ({"batch_items_max_limit": 4}, ["4", "4", "2"]),
        ({"batch_execution_mode": "flush_leading"}, ["1", "9"]),
        ({"batch_key": "data.key"}, ["5", "5"]),
    ],
)
async def test_batches_close_as_real_ones(
    world: World, batch: JsonObject, texts: list[str]
) -> None:
    """Full windows close at once, a leading item goes through, and keys gather apart."""
    await world.publish(KEY, feed_step("-"))
    for n in range(10):
        await world.walk(await world.begin(KEY, data={"key": n % 2}))
    await draft(world, batch_step(seconds=600, **batch), feed_step("{{ total_activities }}"))

    found = await tried(world)

    seen = [
        str(change.after)
        for each in found.findings.differences
        for change in each.changes
        if change.place == "blocks[0].rendered"
    ]
    assert sorted(seen) == sorted(f"<p>{text}</p>\n" for text in texts)


@pytest.mark.parametrize(("order", "names"), [("asc", "Ann+Bob"), ("desc", "Bob+Cid")])
async def test_the_actors_of_a_batch_as_in_real_ones(world: World, order: str, names: str) -> None:
    """They are those of all items, whichever are rendered."""
    await world.publish(KEY, feed_step("-"))
    for name in ("Ann", "Ann", "Bob", "Cid", "Cid"):
        await world.walk(await world.begin(KEY, actor={"id": name, "name": name}))
    shown = batch_step(seconds=600, batch_order=order, batch_items_render_limit=2)
    await draft(world, shown, feed_step("{{ actors | map: 'name' | join: '+' }}"))

    found = await tried(world)

    changed = next(each for each in found.findings.differences if each.kind is Kind.CHANGED)
    assert {each.place: each.after for each in changed.changes}["blocks[0].rendered"] == (
        f"<p>{names}</p>\n"
    )


async def test_an_added_throttle(world: World) -> None:
    """Of several runs of a recipient within the window only so many pass."""
    await world.publish(KEY, feed_step())
    for _ in range(5):
        await world.walk(await world.begin(KEY))
    await draft(world, throttle_step(throttle_limit=2), feed_step())

    assert only(await tried(world), Kind.DROPPED, times=3).reason == "throttled"


async def test_a_layout_and_a_partial(world: World) -> None:
    """Content that a workflow uses is tried as well as the workflow itself."""
    slug = world.environment.scope.slug
    await world.layout("brand", "<html><body>old {{ content }}</body></html>")
    partial = {"name": "Sign", "type": "text", "content": "Yours"}
    note_of = {"force": True}
    await save_content(world.engine, slug, PARTIAL, "sign", partial, **note_of)
    template = {"subject": "S", "html_body": "x", "settings": {"layout_key": "brand"}}
    await world.publish(KEY, channel_step("email_1", "email", template=template))
    await world.walk(await world.begin(KEY))
    html = "<html><body>new {% render 'sign' %} {{ content }}</body></html>"
    layout = {"name": "brand", "html_layout": html, "text_layout": "{{ content }}"}
    await save_content(world.engine, slug, EMAIL_LAYOUT, "brand", layout, **note_of)

    found = await tried(world)

    changed = only(found, Kind.CHANGED, times=1)
    (text,) = {str(each.after) for each in changed.changes if "html" in each.place}
    assert "new Yours" in text
    assert {each.resource_type for each in found.content} == {"email_layout", "partial"}


async def test_a_broken_draft_fails_as_it_would(world: World) -> None:
    """A template that breaks for some data is told as a step that fails, after its attempts."""
    await send(world, feed_step())
    await draft(world, feed_step("{% for i in (1..20000) %}{% endfor %}"))

    assert only(await tried(world), Kind.DROPPED).reason == "the step fails"


async def test_only_so_many_differences_are_kept(world: World) -> None:
    """All are counted, and the figures do not depend on how many are shown."""
    await send(world, feed_step())
    await draft(world, feed_step("Other"))

    found = await tried(world, differences=2, runs=4)

    assert (len(found.findings.differences), found.findings.total) == (2, 4)
    assert (found.findings.runs, found.has_older_runs) == (4, True)


async def test_of_each_step_some_differences_are_kept(world: World) -> None:
    """One step that differs for everybody does not push aside the few that another has."""
    await send(world, feed_step(), email_step("{{ recipient.name }}"))
    await world.identify("user-5", email="five@example.com")
    await draft(world, feed_step("Other"), email_step("Bye {{ recipient.name }}"))

    found = await tried(world, differences=3)

    # The runs of one trigger are in no order.
    assert sorted(each.message.step_ref for each in found.findings.differences) == [
        "email_1",
        "feed_1",
        "feed_1",
    ]
    assert found.findings.total == 7


async def test_what_another_environment_has_published(world: World, make: Any) -> None:
    """A promotion is tried with the content of the one environment and the runs of the other."""
    await world.publish(KEY, feed_step("Promoted"))
    other = World(world.engine, make, await make.environment())
    await other.channel("in_app_feed")
    await send(other, feed_step("Hello"))

    found = await tried(other, from_environment=world.environment.scope.slug)

    changes = {each.place: each.after for each in only(found, Kind.CHANGED).changes}
    assert changes["blocks[0].rendered"] == "<p>Promoted</p>\n"


async def test_what_was_promoted_already_is_not_tried(world: World, make: Any) -> None:
    """A promotion brings nothing over what was written here since."""
    await world.publish(KEY, feed_step("Promoted"))
    other = World(world.engine, make, await make.environment())
    await promote_all(world.engine, other.environment.scope.slug, Selection(), note().author)
    await other.channel("in_app_feed")
    await send(other, feed_step("Written here"))

    assert not (await tried(other, from_environment=world.environment.scope.slug)).content


async def test_only_the_environment_before_is_promoted(world: World, make: Any) -> None:
    """Content comes neither from the environment itself nor from a later one."""
    other = World(world.engine, make, await make.environment())
    for target, source in ((world, world), (other, other), (world, other)):
        with pytest.raises(InvalidParams, match="nothing is promoted from"):
            await tried(target, from_environment=source.environment.scope.slug)


async def test_what_a_branch_has_committed(world: World) -> None:
    """A merge is tried on the runs of the environment; those of the branch are left out."""
    await world.publish(KEY, feed_step("Hello"))
    branch = await world.branch()
    await branch.publish(KEY, feed_step("Merged"))
    await send(world, feed_step("Hello"))
    await branch.begin(KEY, PEOPLE[0])

    found = await tried(world, from_branch="feature")

    changes = {each.place: each.after for each in only(found, Kind.CHANGED).changes}
    assert changes["blocks[0].rendered"] == "<p>Merged</p>\n"
    assert found.findings.runs == len(PEOPLE)
    with pytest.raises(NotFound):
        await tried(world, from_branch="nowhere")
    with pytest.raises(InvalidParams):
        await tried(world, from_branch="feature", from_environment="development")


async def test_runs_of_broadcasts_are_passed_over(world: World) -> None:
    """However many a broadcast has made, the runs before and after it are found; and no more."""
    await world.publish(KEY, feed_step())
    first = await world.begin(KEY)
    trigger = await world.trigger(KEY, *PEOPLE)
    await world.make.rows(
        'UPDATE workflow_runs SET source = \'{"type": "broadcast"}\' WHERE id = %s RETURNING id',
        trigger,
    )
    await asyncio.sleep(0.002)  # ids of one millisecond are passed over together
    last = await world.begin(KEY)

    async def newest(limit: int) -> list[str]:
        async with world.engine.database.reading() as connection:
            found = await newest_runs(connection, world.environment.id, KEY, limit)
        assert found.cut == []
        return list(map(str, found.ids))

    assert await newest(1) == [last]
    assert await newest(2) == [first, last]
    assert await newest(50) == [first, last]


async def test_an_answer_has_an_end(world: World) -> None:
    """What has no room is left out of the differences and told; figures and other facts stay."""
    await send(world, feed_step())
    await draft(world, feed_step(), feed_step("{{ recipient.name }}", "feed_2"))
    whole = await tried(world)
    size = encoded_size(whole.findings.differences[0].message.shown)
    run = WalkedRun(id=new_id(), workflow_key=KEY, recipient=RecipientRef.user("u"), tenant_id=None)

    findings = Findings(Sample(10, 2 * size))
    for each in whole.findings.differences:
        findings.add(run, Walked(), Walked(), [each])

    assert (whole.findings.cut, findings.cut, findings.total) == (0, 4, 6)
    assert [each.is_cut for each in findings.differences] == [False] * 2 + [True] * 4
    cut = DifferenceOut.of(findings.differences[-1])
    assert cut.content_left_out
    assert cut.after is not None
    assert cut.after.content is None


async def test_a_change_without_room_tells_no_half_of_it(world: World) -> None:
    """Of a changed message either all changes are shown or none."""
    await send(world, feed_step())
    await draft(world, feed_step("Other"))
    whole = only(await tried(world), Kind.CHANGED)

    findings = Findings(Sample(10, 1))
    findings.add(whole.run, Walked(), Walked(), [whole])

    assert whole.changes
    assert not findings.differences[0].changes
    assert findings.differences[0].is_cut


async def test_runs_that_wait_have_an_end(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A try gives up when the messages of runs that are not over say too much; it tells so."""
    await send(world, feed_step(), delay_step(seconds=3600))
    await draft(world, feed_step("Other"), delay_step(seconds=3600))
    whole = await tried(world)
    monkeypatch.setattr("services.what_if.journals._MOST_CHARACTERS", 500)

    found = await tried(world)

    assert (whole.findings.runs, whole.runs_unfinished) == (6, 0)
    assert found.runs_unfinished
    assert found.findings.runs + found.runs_unfinished == 6


async def test_a_step_that_writes_is_a_fault_of_ours(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as what it is, and not as a database that takes no writes at the moment."""
    await send(world, feed_step(), email_step())
    await draft(world, feed_step("Other"))

    async def write(walk: Any, *_: Any) -> bool:
        await walk.unit.connection.execute("DELETE FROM messages WHERE false")
        return True

    monkeypatch.setattr("services.what_if.walks.RehearsedWalk.judge", write)
    with pytest.raises(RuntimeError, match="would have written"):
        await tried(world)
