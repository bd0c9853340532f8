"""Pushes: what goes to a device, as the delivery log of the sandbox shows it."""

from __future__ import annotations

from typing import Any

from domain.content.translation import TRANSLATION
from domain.kit.json_types import JsonObject
from tests.support.content import note, save_content
from tests.support.deliveries import log_of
from tests.support.steps import update_step
from tests.support.world import World, channel_step


async def pushed(world: World, *steps: JsonObject, **body: Any) -> JsonObject:
    """Send the only push of a run of these steps, and return what its provider was given."""
    channel_id = await world.channel("push", "pushed")
    somebody = {"id": "p", "channel_data": {str(channel_id): {"tokens": ["t"]}}}
    push = channel_step("push", "push", channel_key="pushed")
    run_id, _ = await world.send(*steps, push, recipients=[somebody], **body)
    (message,) = await world.messages(run_id)
    await world.deliver(message["id"])
    (line,) = await log_of(world, message["id"])
    body_sent: JsonObject = line["request"]["body"]
    return body_sent


async def test_a_push_carries_the_data_of_its_run(world: World) -> None:
    """It goes whole, nested and long, and as the steps before have changed it."""
    data = {"foo": {"bar": [21, 13], "baz": False}, "url": "https://x.example/" + "y" * 300}
    sent = await pushed(world, update_step('{"more": [1]}'), data=data)
    assert sent["data"] == {**data, "more": [1]}


async def test_a_device_is_written_to_in_its_language(world: World) -> None:
    """Its locale decides which translation it gets, and the recipient's where it says none."""
    slug, committed = world.environment.scope.slug, {"commit": note(), "force": True}
    for key, text in (("en", "Hello"), ("de", "Hallo"), ("fr", "Bonjour")):
        document = {"format": "json", "content": f'{{"hi": "{text}"}}'}
        await save_content(world.engine, slug, TRANSLATION, key, document, **committed)
    channel_id = await world.channel("push", "spoken")
    devices = [{"token": "a", "locale": "fr-CA"}, {"token": "b"}, {"token": "c", "locale": "xx"}]
    somebody = {
        "id": "p",
        "locale": "de",
        "channel_data": {str(channel_id): {"devices": devices}},
    }
    template = {"title": "{{ 'hi' | t }}", "text_body": "{{ recipient.locale }}"}
    step = channel_step("push", "push", channel_key="spoken", template=template)
    run_id, _ = await world.send(step, recipients=[somebody])
    said = {
        row["content"]["token"]: (row["content"]["title"], row["content"]["body"])
        for row in await world.messages(run_id)
    }
    assert said == {"a": ("Bonjour", "de"), "b": ("Hallo", "de"), "c": ("Hello", "de")}
