"""Callbacks of vendors: what they make of a message, once, and never of another one."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from domain.deliveries.reports import Callback
from domain.kit.errors import InvalidParams, NotFound, Unauthenticated, Unavailable, Unprocessable
from models.queries.channels.channels import channels_by_key
from runtime.vault import Vault
from services.deliveries.reports import callback_id, take_callback
from services.deliveries.retries import retry_message
from tests.support.outbox import listening
from tests.support.postmark_line import Line, postmark_line
from tests.support.steps import channel_step
from tests.support.world import World


@pytest.fixture
async def line(world: World) -> AsyncIterator[Line]:
    """Bring a channel whose vendor is on this machine."""
    async with postmark_line(world) as line:
        yield line


async def test_a_delivery_is_told_once(line: Line) -> None:
    """Status and story say it, whoever listens hears of it, and a repetition changes nothing."""
    world, told = line.world, ("message.delivered", "message.bounced")
    async with listening(world.engine, world.environment.id, *told) as listener:
        message_id = await line.send()
        assert await line.tell("Delivery", message_id) == 1
        assert await line.tell("Delivery", message_id) == 0
        heard = await listener.listen()
    assert await line.status(message_id) == "delivered"
    assert await line.world.message_story(message_id) == ["created", "queued", "sent", "delivered"]
    assert heard == ["message.delivered"]


async def test_a_bounce_is_the_last_word(line: Line) -> None:
    """It may come after a delivery, and nothing comes after it."""
    message_id = await line.send()
    await line.tell("Delivery", message_id)
    assert await line.tell("Bounce", message_id, Description="No such mailbox") == 1
    assert await line.tell("Delivery", message_id) == 0
    assert await line.tell("Bounce", message_id) == 0
    assert await line.status(message_id) == "bounced"
    *_, last = await line.world.message_events(message_id)
    assert last["event_type"] == "bounced"
    assert last["data"]["failure_details"] == "No such mailbox"


async def test_what_was_told_of_an_earlier_mail_is_not_of_this_one(line: Line) -> None:
    """A message that was sent again has another name at its vendor."""
    message_id = await line.send("p-1")
    await line.tell("Bounce", message_id)
    await retry_message(line.world.engine, line.world.environment.scope, message_id)
    assert await line.tell("Bounce", message_id) == 0
    assert await line.status(message_id) == "queued"
    await line.deliver(message_id, "p-2", retry=1)
    assert await line.tell("Bounce", message_id, "p-1") == 0
    assert await line.status(message_id) == "sent"
    assert await line.tell("Delivery", message_id, "p-2") == 1


async def test_a_report_that_comes_early_is_asked_for_again(line: Line) -> None:
    """The vendor may be quicker than our own record of its answer."""
    message_id = await line.make()
    with pytest.raises(Unavailable):
        await line.tell("Delivery", message_id)
    assert await line.status(message_id) == "queued"


async def test_nobody_elses_message_is_touched(line: Line) -> None:
    """An address is for its channel; what names no message of it is passed over."""
    run_id, _ = await line.world.send(channel_step("mail", "email"))
    (other,) = await line.world.messages(run_id)
    await line.world.deliver(other["id"])
    for message_id in (other["id"], uuid4(), "no id", "a\x00b"):
        assert await line.tell("Bounce", message_id) == 0
    assert await line.status(other["id"]) == "sent"


async def test_words_that_cannot_be_stored_are_mended(line: Line) -> None:
    """A vendor's text is not ours to choose."""
    message_id = await line.send()
    assert await line.tell("Bounce", message_id, Description="nul \x00 \ud800" + "x" * 5_000) == 1
    *_, last = await line.world.message_events(message_id)
    assert len(last["data"]["failure_details"]) <= 1_000


async def test_a_key_has_to_be_used(line: Line) -> None:
    """Where a channel has one, its vendor has to prove itself."""
    key = f"postmark-{uuid4().hex[:6]}"
    secrets = {"api_key": "key", "webhook_signing_key": "s3cret"}
    await line.world.channel("email", key, provider="postmark", secrets=secrets)
    line.key = key
    with pytest.raises(Unauthenticated) as refused:
        await line.tell("Delivery", uuid4())
    assert refused.value.code == "signature_invalid"


async def test_what_is_no_address(line: Line) -> None:
    """Nor one of a channel whose vendor tells nothing, nor one that another key has sealed."""
    engine, scope = line.world.engine, line.world.environment.scope
    address = await callback_id(engine, scope, line.key)
    callback = Callback(b"{}", {})
    assert await take_callback(engine, address, callback) == 0
    stranger = line.world.with_parts(vault=Vault(["another-key-that-is-long-enough"])).engine
    made_up = urlsafe_b64encode(b"\x01" + b"x" * 80).decode()  # as if a key had sealed it
    for text in ("nowhere", address[:-4], "", "é", made_up):
        with pytest.raises(NotFound):
            await take_callback(engine, text, callback)
    with pytest.raises(NotFound):
        await take_callback(stranger, address, callback)
    with pytest.raises(InvalidParams):
        await take_callback(engine, address, Callback(b"no json", {}))
    with pytest.raises(NotFound):
        await callback_id(engine, scope, "nothing")
    with pytest.raises(Unprocessable):
        await callback_id(engine, scope, "smtp")
    async with engine.unit() as unit:
        found = await channels_by_key(unit.connection, [line.key])
        await unit.connection.execute(
            "UPDATE channels SET archived_at = now() WHERE id = %s", (found[line.key].id,)
        )
    with pytest.raises(NotFound):
        await take_callback(engine, address, callback)


async def test_what_becomes_of_a_copy_is_not_told_of_the_message(line: Line) -> None:
    """However its address is written; one that the message does not name is its recipient's."""
    cc = "The Boss <boss@EXAMPLE.com>; it@büro.example"
    message_id = await line.make(cc_address=cc, bcc_address="log@x.example")
    await line.deliver(message_id, "p-1")
    for copy in ("Boss@example.com", "it@xn--bro-hoa.example", "log@x.example"):
        assert await line.tell("Bounce", message_id, Email=copy) == 0
        assert await line.tell("Delivery", message_id, Recipient=copy) == 0
    assert await line.status(message_id) == "sent"
    assert await line.tell("Delivery", message_id, Recipient="elsewhere@example.com") == 1
    assert await line.status(message_id) == "delivered"
