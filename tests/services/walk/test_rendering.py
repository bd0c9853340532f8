"""Rendering in a walk: what it may hold up, and what it may not."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from domain.recipients.refs import RecipientRef
from services import off_loop
from tests.support.world import World, batch_step, channel_step


@pytest.fixture
def in_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the threads that rendered, one for each rendering off the loop."""
    names: list[str] = []
    threads = off_loop._threads()
    submit = threads.submit

    def recorded(work: Any, *args: Any) -> Any:
        def run() -> Any:
            names.append(threading.current_thread().name)
            return work(*args)

        return submit(run)

    monkeypatch.setattr(threads, "submit", recorded)
    return names


@pytest.mark.parametrize(
    ("body", "data", "is_long"),
    [
        ("{{ data.x }}", "short", False),
        ("{{ data.x }}", "long " * 2_000, True),
        ("{%  for a in data.x %}{{ a }}{% endfor %}", ["a"], True),
        ("{% tablerow a in data.x %}{{ a }}{% endtablerow %}", ["a"], True),
    ],
)
async def test_what_may_take_long_leaves_the_loop(
    world: World, in_threads: list[str], body: str, data: Any, *, is_long: bool
) -> None:
    """Loops and much data are rendered in a thread; a short message is not worth the way."""
    await world.publish("flow", channel_step("feed", template={"markdown_body": body}))
    await world.walk(await world.begin("flow", data={"x": data}))  # compiles it
    in_threads.clear()
    await world.walk(await world.begin("flow", data={"x": data}))
    assert [name.split("_")[0] for name in in_threads] == ["rendering"] * is_long


async def test_a_batch_key_over_much_data_leaves_the_loop(
    world: World, in_threads: list[str]
) -> None:
    """What a batch gathers by is no different from a message."""
    for text, threads in (("short", 0), ("long " * 2_000, 1)):
        await world.publish("flow", batch_step(batch_key="{{ data.x }}"))
        in_threads.clear()
        await world.walk(await world.begin("flow", data={"x": text}))
        assert len(in_threads) == threads


async def test_mails_leave_the_loop(world: World, in_threads: list[str]) -> None:
    """A mail has styles to inline and a text part to make, so it is always rendered in a thread."""
    await world.publish("flow", channel_step("mail", "email"))
    in_threads.clear()
    await world.walk(await world.begin("flow", data={"x": "now"}))
    assert len(in_threads) == 1


async def test_a_deadly_document_is_one_mail(world: World) -> None:
    """HTML that overflows the stack of the library for styles is sent with its style tags."""
    html = "<style>p{color:red}</style><p>{{ data.x }}</p>"
    step = channel_step("mail", "email", template={"subject": "s", "html_body": html})
    run_id, _ = await world.send(step, data={"x": "<b>" * 11_000})
    (message,) = await world.messages(run_id)
    assert message["content"]["html_body"].startswith("<style>")


@pytest.mark.parametrize("channel", ["feed", "mail"])
async def test_odd_characters_do_not_stick_a_run(world: World, channel: str) -> None:
    """NUL and half an emoji, out of base64 and JSON, leave a message that can be stored."""
    source = """a{{ 'AA==' | base64_decode }}{{ '"\\ud83d"' | from_json }}b"""
    kind = "email" if channel == "mail" else "in_app_feed"
    body = {"subject": source, "html_body": source, "markdown_body": source}
    run_id, _ = await world.send(channel_step("one", kind, template=body), data={})
    (message,) = await world.messages(run_id)
    assert "a\ufffdb" in str(message["content"])


async def test_templates_look_up_users_objects_and_tenants(world: World) -> None:
    """Entities named by id are fetched, also those that only another one names."""
    for ref, properties in (
        (RecipientRef.user("ada"), {"name": "Ada", "boss": "grace"}),
        (RecipientRef.user("grace"), {"name": "Grace"}),
        (RecipientRef("projects", "p1"), {"name": "Carillon"}),
        (RecipientRef("$tenants", "acme"), {"name": "Acme"}),
    ):
        await world.make.recipient(world.environment, ref.collection, ref.id, **properties)
    body = (
        "{% assign a = data.who | user %}{% assign b = a.boss | user %}"
        "{% assign p = 'p1' | object: 'projects' %}{% assign t = 'acme' | tenant %}"
        "{{ a.name }} {{ b.name }} {{ b.id }} {{ p.name }} {{ t.name }} {{ 'x' | user }}"
    )
    step = channel_step("feed", template={"markdown_body": body})
    run_id, _ = await world.send(step, data={"who": "ada"})
    (message,) = await world.messages(run_id)
    rendered = message["content"]["blocks"][0]["rendered"]
    assert rendered == "<p>Ada Grace grace Carillon Acme</p>\n"


async def _follows(world: World, user_id: str, target: RecipientRef, properties: object) -> None:
    now = world.engine.clock()
    await world.make.insert(
        "subscriptions",
        environment_id=world.environment.id,
        object_collection=target.collection,
        object_id=target.id,
        recipient_collection="$users",
        recipient_id=user_id,
        properties=Jsonb(properties),
        inserted_at=now,
        updated_at=now,
    )


async def test_templates_list_what_a_user_follows(world: World) -> None:
    """The newest 25 objects that a user follows, whole, each with the properties of that."""
    for number in range(1, 28):
        target = RecipientRef("topics", f"t{number}")
        await world.make.recipient(world.environment, target.collection, target.id, n=number)
        await _follows(world, "ada", target, {"role": f"r{number}"})
    body = (
        "{% assign subs = 'ada' | subscriptions %}{{ subs | size }}:"
        "{% for s in subs limit: 2 %} {{ s.object.id }} {{ s.object.n }} {{ s.properties.role }}"
        "{% endfor %}{% assign none = 'bob' | subscriptions %} {{ none | size }}"
    )
    run_id, _ = await world.send(channel_step("feed", template={"markdown_body": body}), data={})
    (message,) = await world.messages(run_id)
    rendered = message["content"]["blocks"][0]["rendered"]
    assert rendered == "<p>25: t27 27 r27 t26 26 r26 0</p>\n"


async def test_large_subscriptions_are_left_out(world: World) -> None:
    """What one look-up brings has a megabyte at most, the newest first."""
    for number in range(1, 7):
        target = RecipientRef("topics", f"t{number}")
        await world.make.recipient(
            world.environment, target.collection, target.id, text="x" * 200_000
        )
        await _follows(world, "ada", target, {})
    body = "{% assign subs = 'ada' | subscriptions %}{{ subs | map: 'object' | map: 'id' | join }}"
    run_id, _ = await world.send(channel_step("feed", template={"markdown_body": body}), data={})
    (message,) = await world.messages(run_id)
    assert message["content"]["blocks"][0]["rendered"] == "<p>t6 t5 t4 t3 t2</p>\n"


async def test_look_ups_without_end_fail_the_step(world: World) -> None:
    """A chain in which every entity names the next is followed a few times only."""
    for number in range(9):
        ref = RecipientRef.user(f"chain-{number}")
        await world.make.recipient(
            world.environment, ref.collection, ref.id, next=f"chain-{number + 1}"
        )
    body = "{% assign id = 'chain-0' %}" + (
        "{% assign found = id | user %}{% assign id = found.next %}" * 8
    )
    step = channel_step("feed", template={"markdown_body": body})
    run_id, _ = await world.send(step, data={})
    story = await world.events(run_id)
    assert "build on each other" in str(story)
