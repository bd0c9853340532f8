"""Attachments on their way: from the data of a trigger, by a kept copy, to a mail server."""

from __future__ import annotations

import email
import email.policy
from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from services.attempts import TryAgain
from services.deliveries.retries import retry_message
from tests.providers.servers import Sink, smtp_sink
from tests.support.deliveries import log_of
from tests.support.steps import channel_step
from tests.support.world import World

INVOICE = b"%PDF invoice of ada"
ENCODED = b64encode(INVOICE).decode()
FILE = {"name": "Rechnung Nº 1.pdf", "content_type": "application/pdf", "content": ENCODED}
MAIL = channel_step("mail", "email")


@pytest.fixture
async def near(world: World) -> AsyncIterator[World]:
    """Let the world reach a mail server on this machine."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    near = world.with_parts(settings=settings)
    yield near
    await near.engine.providers.close()


async def _sent(world: World, sink: Sink, data: Any) -> UUID:
    """Send an e-mail to a mail server, and return its message."""
    async with smtp_sink(sink) as port:
        message_id = await _made(world, port, data)
        await world.deliver(message_id)
    return message_id


async def _made(world: World, port: int, data: Any) -> UUID:
    secrets = {"host": "127.0.0.1", "port": port}
    settings = {"from_address": "hello@acme.example"}
    await world.channel(
        "email", "own-smtp", provider="smtp", secrets=secrets, channel_settings=settings
    )
    run_id, _ = await world.send(channel_step("mail", "email", channel_key="own-smtp"), data=data)
    return UUID(str((await world.messages(run_id))[0]["id"]))


def _files(sink: Sink) -> list[tuple[str | None, str, bytes]]:
    """Return name, type and bytes of the files of the last mail."""
    raw = sink.envelopes[-1].original_content
    assert raw is not None
    message: Any = email.message_from_bytes(raw, policy=email.policy.default)
    return [
        (part.get_filename(), part.get_content_type(), part.get_content())
        for part in message.iter_attachments()
    ]


async def test_attachments_arrive(near: World) -> None:
    """The mail server gets each file with name, type and bytes."""
    sink = Sink()
    await _sent(near, sink, {"attachments": [FILE, {**FILE, "name": "b.pdf"}]})
    assert _files(sink) == [
        ("Rechnung Nº 1.pdf", "application/pdf", INVOICE),
        ("b.pdf", "application/pdf", INVOICE),
    ]


async def test_only_name_and_size_are_told(near: World) -> None:
    """Neither message, story nor delivery log has what is in a file."""
    message_id = await _sent(near, Sink(), {"attachments": FILE})
    message = await near.message(message_id)
    story = await near.events(str(message["recipient_run_id"]))
    (line,) = await log_of(near, message_id)
    told = [row["data"] for row in story if row["event"] == "message_enqueued"]
    assert told[0]["attachments"] == [{"name": FILE["name"], "size": len(INVOICE)}]
    assert line["request"]["body"]["attachments"] == [{"name": FILE["name"], "size": len(INVOICE)}]
    for kept in (message, story, line, await near.message_events(message_id)):
        assert ENCODED not in str(kept)
        assert "invoice of ada" not in str(kept)


async def test_a_retry_sends_the_same(near: World) -> None:
    """Whatever the data of the run has become meanwhile."""
    sink = Sink(DATA="451 later")
    async with smtp_sink(sink) as port:
        message_id = await _made(near, port, {"attachments": FILE})
        with pytest.raises(TryAgain):
            await near.deliver(message_id)
        await near.make.rows("UPDATE workflow_runs SET data = '{}' RETURNING 1")
        await near.change_delivery(message_id, "due_at = now()")
        sink.answers["DATA"] = "554 no"
        assert await near.deliver(message_id) == "undelivered"
        del sink.answers["DATA"]
        await retry_message(near.engine, near.environment.scope, message_id)
        assert await near.deliver(message_id, retry=1) == "sent"
    assert [file[2] for file in _files(sink)] == [INVOICE]


async def test_a_file_is_kept_once_for_a_trigger(world: World) -> None:
    """However many messages and people it is for."""
    await world.publish("flow", MAIL, channel_step("again", "email"))
    people = [{"id": name, "email": f"{name}@example.com"} for name in "ab"]
    trigger = await world.trigger("flow", *people, data={"attachments": [FILE]})
    for run in await world.runs(trigger):
        await world.walk(str(run["id"]))
    rows = await world.make.rows("SELECT * FROM attachments WHERE workflow_run_id = %s", trigger)
    assert [row["content"] for row in rows] == [INVOICE]


async def test_malformed_attachments_fail_the_step(world: World) -> None:
    """No mail goes out without its invoice, and the story says what is wrong and where."""
    data = {"attachments": [{**FILE, "content": "?"}]}
    run_id, _ = await world.send(MAIL, data=data)
    assert await world.messages(run_id) == []
    assert "data.attachments[0].content: is not base64" in str(await world.events(run_id))


async def test_a_file_that_is_gone_ends_the_message(near: World) -> None:
    """It is never sent without."""
    sink = Sink()
    async with smtp_sink(sink) as port:
        message_id = await _made(near, port, {"attachments": FILE})
        await near.make.rows("DELETE FROM attachments RETURNING 1")
        assert await near.deliver(message_id) == "undelivered"
    assert sink.envelopes == []
    events = await near.message_events(message_id)
    assert "is no longer stored" in str(events[-2:])
