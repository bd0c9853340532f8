"""Links and images in messages that tell us of them, from the walk that makes them to the click."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from domain.contract.runs import Finished
from domain.kit.clock import utc_now
from domain.kit.json_types import JsonObject
from domain.tracking.rows import Sighting, TrackedLink
from models.queries.jobs.retention import pass_rows
from models.queries.tracking.sightings import store_sighting
from runtime.database import Connection, Database
from services.engine import Engine
from services.tracking import recording
from services.tracking.addresses import MOST_LINKS, read_link
from services.tracking.recording import close_recording
from tests.support.application import application
from tests.support.steps import message_event, wait_step
from tests.support.waiting import until_blocked
from tests.support.webhooks import hooked
from tests.support.world import World, channel_step, when

TARGET = "https://shop.example/orders/1?a=1&b=ä"
HTML = f'<body><a href="{TARGET.replace("&", "&amp;")}">Go</a></body>'
TRACKED = {"link_tracking": True, "open_tracking": True}


def mail(html: str = HTML, overrides: JsonObject = TRACKED, **changes: Any) -> JsonObject:
    """Write an e-mail step whose links and opening are tracked."""
    template = {"subject": "Hi", "html_body": html, "settings": {"layout_key": None}}
    return channel_step("mail", "email", template=template, channel_overrides=overrides, **changes)


async def sent(world: World, *steps: JsonObject, **body: Any) -> JsonObject:
    """Send a message; answers its row."""
    run_id, _ = await world.send(*steps, **body)
    return (await world.messages(run_id))[0]


def path_in(text: str, kind: str) -> str:
    """Return the path of the first address of ours in a text: `c`, `l` or `o`."""
    found = re.search(rf"http://127\.0\.0\.1:8000(/{kind}/[\w.-]+)", text)
    assert found is not None, text
    return found[1]


async def stored(world: World) -> None:
    """Wait until all that was seen is stored; an answer does not wait for it for long."""
    await asyncio.gather(*world.engine.sightings_under_way.tasks)


async def happened(world: World, message: JsonObject) -> list[tuple[str, Any]]:
    """Return what is told of a message, oldest first."""
    await stored(world)
    rows = await world.make.rows(
        "SELECT event_type, data FROM message_events WHERE message_id = %s ORDER BY id",
        message["id"],
    )
    return [(row["event_type"].removeprefix("message."), row["data"]) for row in rows]


async def again(world: World, message: JsonObject) -> JsonObject:
    """Return the row of a message as it is now."""
    await stored(world)
    (row,) = await world.make.rows("SELECT * FROM messages WHERE id = %s", message["id"])
    return row


_PAST, _FUTURE = "00000000", "ffffffff"


async def shift(world: World, message: JsonObject, when: str) -> None:
    """Let what was told of a message lie far from now; its ids carry the time."""
    await world.make.rows(
        "UPDATE message_events SET id = overlay(id::text placing %s from 1 for 8)::uuid"
        " WHERE message_id = %s RETURNING 1",
        when,
        message["id"],
    )


async def test_a_click(anonymous: httpx.AsyncClient, world: World) -> None:
    """It leads to the link at once, each one is told, and the latest is kept."""
    message = await sent(world, mail())
    path = path_in(message["content"]["html_body"], "c")
    assert TARGET not in message["content"]["html_body"]
    for number in (1, 2):
        followed = await anonymous.get(path)
        assert followed.status_code == 302
        assert followed.headers["location"] == "https://shop.example/orders/1?a=1&b=%C3%A4"
        assert followed.headers["cache-control"] == "no-store"
        assert await happened(world, message) == [("link_clicked", {"url": TARGET})] * number
        await shift(world, message, _PAST)
    row = await again(world, message)
    assert row["link_clicked_at"] is not None
    assert row["read_at"] is None


async def test_what_is_fetched_twice_is_told_once(
    anonymous: httpx.AsyncClient, world: World
) -> None:
    """The same link within a second is one click; another link is another one."""
    html = HTML + '<a href="https://shop.example/other">Other</a>'
    message = await sent(world, mail(html))
    paths = re.findall(r"8000(/c/[\w-]+)", message["content"]["html_body"])
    for _ in range(2):
        for path in paths:
            await anonymous.get(path)
        urls = {data["url"] for _, data in await happened(world, message)}
        assert urls == {TARGET, "https://shop.example/other"}
        assert len(await happened(world, message)) == 2
        await shift(world, message, _FUTURE)  # as if no time passed until the next one


@pytest.mark.parametrize("url", [TARGET, None])
async def test_what_two_processes_see_at_once_is_told_once(world: World, url: str | None) -> None:
    """One waits for the other, and then sees what that has stored."""
    message = await sent(world, mail())

    async def store() -> None:
        async with world.engine.unit() as unit:
            await store_sighting(unit.connection, Sighting(message["id"], utc_now(), url))

    async with world.engine.unit() as unit:
        await unit.connection.execute(
            "SELECT FROM messages WHERE id = %s FOR UPDATE", (message["id"],)
        )
        stores = [asyncio.create_task(store()) for _ in range(2)]
        await until_blocked(world.make, by=2)
    await asyncio.gather(*stores)
    assert len(await happened(world, message)) == 1


async def test_what_is_stored_late_turns_no_time_back(world: World) -> None:
    """A process may keep something for an hour; what others have seen since is the latest."""
    message = await sent(world, mail())
    now = utc_now()
    for url, column in (("https://shop.example/late", "link_clicked_at"), (None, "read_at")):
        async with world.engine.unit() as unit:
            for at in (now, now - timedelta(minutes=30)):
                seen = Sighting(message["id"], at, url and f"{url}/{at.minute}")
                await store_sighting(unit.connection, seen)
                await unit.connection.execute(
                    "UPDATE message_events SET id = overlay(id::text placing %s from 1 for 8)::uuid"
                    " WHERE message_id = %s AND event_type = 'read'",
                    (_PAST, message["id"]),
                )
        row = await again(world, message)
        assert (row[column], row["updated_at"]) == (now, now)


async def test_what_is_being_stored_is_not_stored_beside_it(world: World) -> None:
    """One address that is asked for in parallel takes one connection, and no more memory."""
    message = await sent(world, mail())
    engine = world.at(utc_now()).engine
    async with world.engine.unit() as unit:
        await unit.connection.execute(
            "SELECT FROM messages WHERE id = %s FOR UPDATE", (message["id"],)
        )
        link = TrackedLink(message["id"], TARGET)
        clicks = [recording.record_click(engine, link) for _ in range(30)]
        openings = [recording.record_opening(engine, message["id"]) for _ in range(30)]
        await asyncio.gather(*clicks, *openings)
        assert len(world.engine.sightings_under_way.tasks) == 2
    assert len(await happened(world, message)) == 2
    assert not world.engine.sightings_under_way.last


async def test_few_connections_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses are asked for; each is stored in its turn."""
    message = await sent(world, mail())
    stored_now, most = 0, 0

    async def store(connection: Connection, sighting: Sighting) -> None:
        nonlocal stored_now, most
        stored_now += 1
        most = max(most, stored_now)
        await asyncio.sleep(0.01)
        await store_sighting(connection, sighting)
        stored_now -= 1

    monkeypatch.setattr(recording, "store_sighting", store)
    links = [TrackedLink(message["id"], f"https://shop.example/{number}") for number in range(12)]
    await asyncio.gather(*(recording.record_click(world.engine, link) for link in links))
    assert len(await happened(world, message)) == len(links)
    assert most == 4


async def test_an_opening(anonymous: httpx.AsyncClient, world: World) -> None:
    """The image of an e-mail tells that it was read, each time that it is loaded."""
    message = await sent(world, mail())
    path = path_in(message["content"]["html_body"], "o")
    for number in (1, 2):
        shown = await anonymous.get(path)
        assert shown.headers["content-type"] == "image/png"
        assert shown.content.startswith(b"\x89PNG")
        assert await happened(world, message) == [("read", None)] * number
        await shift(world, message, _FUTURE)
        await anonymous.get(path)
        assert len(await happened(world, message)) == number
        await shift(world, message, _PAST)
    row = await again(world, message)
    assert row["read_at"] is not None
    assert row["seen_at"] is None


@pytest.mark.parametrize(
    "headers",
    [{"user-agent": "Slackbot-LinkExpanding 1.0"}, {"sec-purpose": "prefetch"}],
)
async def test_programs_are_led_and_not_counted(
    anonymous: httpx.AsyncClient, world: World, headers: dict[str, str]
) -> None:
    """Previews, prefetches and HEAD get the same answer, and are nobody's click or opening."""
    message = await sent(world, mail())
    link, image = (path_in(message["content"]["html_body"], kind) for kind in "co")
    assert (await anonymous.get(link, headers=headers)).status_code == 302
    assert (await anonymous.get(image, headers=headers)).status_code == 200
    assert (await anonymous.head(link)).status_code == 302
    assert (await anonymous.head(image)).status_code == 200
    assert await happened(world, message) == []


@pytest.mark.parametrize(
    ("channel_type", "template", "member"),
    [
        ("sms", {"text_body": f"Go: {TARGET}"}, "body"),
        ("chat", {"markdown_body": f"[Go]({TARGET})"}, "markdown"),
    ],
)
async def test_a_click_in_a_text_message_or_chat(
    anonymous: httpx.AsyncClient,
    world: World,
    channel_type: str,
    template: JsonObject,
    member: str,
) -> None:
    """The link is short, and following it reads the message, which nothing else can tell."""
    channel_id = await world.channel(channel_type, channel_settings={"link_tracking": True})
    connections = {"connections": [{"incoming_webhook": {"url": "https://x.example"}}]}
    recipient = {"id": "u", "phone_number": "+1555", "channel_data": {str(channel_id): connections}}
    if channel_type == "sms":
        del recipient["channel_data"]
    step = channel_step("one", channel_type, template=template)
    message = await sent(world, step, recipients=[recipient])
    path = path_in(message["content"][member], "l")
    assert len(path) == len("/l/") + 10
    followed = await anonymous.get(path)
    assert followed.headers["location"] == "https://shop.example/orders/1?a=1&b=%C3%A4"
    assert await happened(world, message) == [("link_clicked", {"url": TARGET}), ("read", None)]
    await shift(world, message, _PAST)
    await anonymous.get(path)
    assert [name for name, _ in await happened(world, message)].count("read") == 1
    row = await again(world, message)
    assert row["read_at"] is not None


async def test_a_step_switches_tracking_off(world: World) -> None:
    """What the step says wins over its channel; null says nothing."""
    for key, overrides, is_tracked in (
        ("one", {"link_tracking": False, "open_tracking": False}, False),
        ("two", {"link_tracking": None}, True),
    ):
        await world.channel(
            "email", key, channel_settings={"from_address": "a@example.com", **TRACKED}
        )
        message = await sent(world, mail(overrides=overrides, channel_key=key))
        html = message["content"]["html_body"]
        assert ("/c/" in html, "/o/" in html) == (is_tracked, is_tracked)


async def test_links_of_our_own_pages_stay(world: World) -> None:
    """Whoever unsubscribes or sets preferences is not counted as following a link."""
    html = (
        '<a href="{{ vars.manage_preferences_url }}">x</a> '
        '<a href="{{ vars.commercial_unsubscribe_url }}">y</a>'
    )
    near = world.with_parts(
        settings=world.engine.settings.model_copy(update={"public_url": "https://own.example"})
    )
    await near.publish("offers", mail(html), settings={"is_commercial": True})
    run_id = await near.begin("offers")
    await near.walk(run_id)
    content = (await near.messages(run_id))[0]["content"]
    assert 'href="https://own.example/p/' in content["html_body"]
    assert 'href="https://own.example/unsubscribe/' in content["html_body"]
    assert "/unsubscribe/" in content["headers"]["List-Unsubscribe"]
    assert "https://own.example/o/" in content["html_body"]
    assert "/c/" not in content["html_body"] + content["text_body"]


async def test_a_message_with_very_many_links(engine: Engine, world: World) -> None:
    """The first thousand are tracked, the rest leads where it says; a long one is stored."""
    long = f"https://shop.example/{'x' * 5_000}"
    html = f'<a href="{long}">x</a>' + "".join(
        f'<a href="https://shop.example/{number}">x</a>' for number in range(MOST_LINKS)
    )
    message = await sent(world, mail(html, {"link_tracking": True}))
    html = message["content"]["html_body"]
    tokens = re.findall(r'"http://127\.0\.0\.1:8000/c/([\w-]+)"', html)
    assert len(tokens) == MOST_LINKS - 1
    assert f'href="https://shop.example/{MOST_LINKS - 1}"' in html
    assert read_link(engine, tokens[7]).url == "https://shop.example/7"
    stored = await world.make.rows(
        "SELECT url FROM short_links WHERE message_id = %s", message["id"]
    )
    assert [row["url"] for row in stored] == [long]


async def test_forged_links_lead_nowhere(
    anonymous: httpx.AsyncClient, engine: Engine, world: World
) -> None:
    """Nobody makes, changes or guesses a link, or uses one for something else."""
    message = await sent(world, mail())
    token = path_in(message["content"]["html_body"], "c").removeprefix("/c/")
    image = path_in(message["content"]["html_body"], "o").removeprefix("/o/")
    middle = "A" if token[40] != "A" else "B"
    for path in (
        f"/c/{token[:40]}{middle}{token[41:]}",
        f"/c/{token[:-3]}",
        f"/c/{image.removesuffix('.png')}",
        "/c/x",
        "/c/%00",
        "/c/ä",
        "/l/abcdefghij",
        "/l/abcdefghi%00",
        "/l/abcdefghi'",
        "/l/short",
    ):
        answered = await anonymous.get(path)
        assert answered.status_code == 404, path
        assert "location" not in answered.headers
        assert "This link is not valid" in answered.text
    for name in (f"{token}.png", "x.png", f"{image[:-6]}AA.png"):
        answered = await anonymous.get(f"/o/{name}")
        assert (answered.status_code, answered.json()["code"]) == (404, "resource_missing")
    assert await happened(world, message) == []


async def test_links_outlive_their_message_and_go_with_the_user(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, database: Database, world: World
) -> None:
    """Retention deletes a message and not where its links lead; deleting the user takes them."""
    await world.channel("sms", channel_settings={"link_tracking": True})
    step = channel_step("sms", "sms", template={"text_body": f"Go: {TARGET}"})
    message = await sent(world, step, recipients=[{"id": "u", "phone_number": "+1555"}])
    path = path_in(message["content"]["body"], "l")
    await world.make.rows("DELETE FROM deliveries WHERE message_id = %s RETURNING 1", message["id"])
    async with database.transaction() as connection:
        _passed, deleted = await pass_rows(
            connection,
            "messages",
            after=message["id"].__class__(int=message["id"].int - 1),
            cutoff=utc_now() + timedelta(days=1),
            limit=1,
        )
    assert deleted == 1
    assert (await anonymous.get(path)).status_code == 302
    assert await happened(world, message) == []
    assert (await client.delete("/v1/users/u")).status_code == 204
    assert (await anonymous.get(path)).status_code == 404


async def test_links_move_with_a_merged_user(client: httpx.AsyncClient, world: World) -> None:
    """The links of somebody who is merged work on."""
    await world.channel("sms", channel_settings={"link_tracking": True})
    step = channel_step("sms", "sms", template={"text_body": f"Go: {TARGET}"})
    message = await sent(world, step, recipients=[{"id": "old", "phone_number": "+1555"}])
    await client.put("/v1/users/new", json={})
    merged = await client.post("/v1/users/new/merge", json={"from_user_id": "old"})
    assert merged.status_code == 200
    path = path_in(message["content"]["body"], "l")
    assert (await client.get(path)).status_code == 302
    assert await happened(world, message) == [("link_clicked", {"url": TARGET}), ("read", None)]


async def test_steps_and_waits_react(anonymous: httpx.AsyncClient, world: World) -> None:
    """A step's condition sees the click, and a run that waits for it goes on."""
    await world.publish(
        "flow",
        mail(),
        wait_step(
            message_event("link_clicked", "flow"), when("event.step_ref", "equal_to", "mail")
        ),
        channel_step(
            "after",
            conditions=when("refs.mail.engagement_status", "contains", "$message.link_clicked"),
        ),
    )
    run_id = await world.begin("flow")
    await world.walk(run_id)
    (message,) = await world.messages(run_id)
    await anonymous.get(path_in(message["content"]["html_body"], "c"))
    await stored(world)
    advanced = await world.walk(run_id, "wait_1/resume")
    assert isinstance(advanced.next, Finished)
    assert [row["step_ref"] for row in await world.messages(run_id)] == ["mail", "after"]


async def test_endpoints_are_told(anonymous: httpx.AsyncClient, world: World) -> None:
    """Webhooks hear of the click with its link, and of the opening."""
    message = await sent(world, mail())
    html = message["content"]["html_body"]
    async with hooked(world, "message.link_clicked", "message.read") as hook:
        for kind in "co":
            await anonymous.get(path_in(html, kind))
        await stored(world)
        calls = {call.json["type"]: call.json for call in await hook.tell()}
    clicked = calls["message.link_clicked"]
    assert clicked["event_data"] == {"__typename": "EventData", "url": TARGET}
    assert clicked["data"]["link_clicked_at"] is not None
    assert calls["message.read"]["data"]["read_at"] is not None


async def test_sandboxes_show_what_would_be_sent(world: World) -> None:
    """A message that is not sent has the links that it would have had."""
    message = await sent(world, mail(), settings={"sandbox_mode": True})
    assert message["delivery_status"] == "not_sent"
    assert "/c/" in message["content"]["html_body"]


@pytest.fixture
async def waiting(engine: Engine) -> AsyncIterator[httpx.AsyncClient]:
    """Call an application whose database is away."""
    away = Database("postgresql://nobody@127.0.0.1:1/none", size=1)
    await away.open()
    transport = httpx.ASGITransport(application(engine.__class__(**_parts(engine, away))))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client
    await away.close()


def _parts(engine: Engine, database: Database) -> dict[str, Any]:
    names = Engine.__dataclass_fields__
    return {name: getattr(engine, name) for name in names} | {"database": database}


async def test_a_database_that_is_away_keeps_nobody_from_a_link(
    waiting: httpx.AsyncClient, engine: Engine, world: World
) -> None:
    """The link says itself where it leads; the click is kept for when the database is back."""
    message = await sent(world, mail())
    followed = await waiting.get(path_in(message["content"]["html_body"], "c"))
    assert followed.status_code == 302
    (task,) = engine.sightings_under_way.tasks
    assert not task.done()
    task.cancel()
    await close_recording(engine.sightings_under_way)
    assert await happened(world, message) == []
