"""Vendors that tell of messages without our id: SES by a name of its own, Twilio by our address."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode
from uuid import UUID, uuid4

import httpx
import pytest

from domain.deliveries.reports import Callback
from domain.kit.clock import iso
from domain.kit.errors import Unauthenticated, Unavailable
from providers.email.ses import Ses
from services.deliveries.reports import callback_id, take_callback
from services.deliveries.retries import retry_message
from tests.providers.contract import NOW, open_context
from tests.providers.servers import HttpServer, reply, serving
from tests.support.sns import CERTIFICATE_PATH, TOPIC, NearAmazon, Sns
from tests.support.steps import channel_step
from tests.support.world import World

FROM = {"from_address": "hello@acme.example"}
PUBLIC = "https://notify.acme.example"
_SNS = Sns()


class OfSes:
    """A channel of SES, and messages on it."""

    def __init__(self, world: World, key: str, server: HttpServer) -> None:
        self.world = world
        self.key = key
        self.server = server

    async def send(self, name: str) -> UUID:
        """Make a message that SES has taken under a name."""
        run_id, _ = await self.world.send(channel_step("mail", "email", channel_key=self.key))
        (message,) = await self.world.messages(run_id)
        await self.deliver(message["id"], name)
        return UUID(str(message["id"]))

    async def deliver(self, message_id: Any, name: str, *, retry: int = 0) -> None:
        """Have SES take a message under a name."""
        taken = reply(200, json.dumps({"MessageId": name}).encode())
        self.server.replies["/v2/email/outbound-emails"] = taken
        assert await self.world.deliver(message_id, retry=retry) == "sent"

    async def tell(self, name: str, **of_mail: str) -> int:
        """Tell of a bounce as feedback of the identity, without a tag."""
        boxes = [{"emailAddress": "ellie@example.com"}]
        of_bounce = {"bounceType": "Permanent", "bouncedRecipients": boxes}
        mail = {"messageId": name, **of_mail}
        event = {"notificationType": "Bounce", "mail": mail, "bounce": of_bounce}
        return await self.take(_SNS.notify(event))

    async def take(self, body: Any) -> int:
        """Take a request of SNS."""
        engine = self.world.engine
        address = await callback_id(engine, self.world.environment.scope, self.key)
        return await take_callback(engine, address, Callback(json.dumps(body).encode(), {}))


@pytest.fixture
async def ses(world: World) -> AsyncIterator[OfSes]:
    """Bring a channel whose vendor is on this machine."""
    near = world.with_parts()
    async with serving(HttpServer({})) as server:
        _SNS.serve(server, NOW)
        client = httpx.AsyncClient(transport=NearAmazon(server))
        async with open_context(client=client) as context:
            near.engine.providers.install("aws_ses", Ses(context))
            key = f"ses-{uuid4().hex[:6]}"
            line = OfSes(near, key, server)
            await _channel_of_ses(line)
            yield line


async def _channel_of_ses(line: OfSes, **more: str) -> None:
    secrets = {"region": "eu-west-1", "access_key_id": "k", "secret_access_key": "s", **more}
    secrets["base_url"] = line.server.url
    await line.world.channel(
        "email", line.key, provider="aws_ses", secrets=secrets, channel_settings=FROM
    )


async def test_feedback_finds_its_message_by_the_name_of_ses(ses: OfSes) -> None:
    """Once, and never another one."""
    message_id, other = await ses.send("e-1"), await ses.send("e-2")
    assert await ses.tell("e-1") == 1
    assert await ses.tell("e-1") == 0
    assert await ses.tell("e-unknown") == 0
    assert (await ses.world.message(message_id))["delivery_status"] == "bounced"
    assert (await ses.world.message(other))["delivery_status"] == "sent"


async def test_a_name_is_of_the_newest_mail_of_its_message(ses: OfSes) -> None:
    """What is told late of the one before is nobody's."""
    message_id = await ses.send("e-1")
    await ses.tell("e-1")
    await retry_message(ses.world.engine, ses.world.environment.scope, message_id)
    assert await ses.tell("e-1") == 0
    await ses.deliver(message_id, "e-2", retry=1)
    assert await ses.tell("e-1") == 0
    assert (await ses.world.message(message_id))["delivery_status"] == "sent"
    assert await ses.tell("e-2") == 1


async def test_a_report_that_overtakes_the_name_of_its_message_comes_back(ses: OfSes) -> None:
    """The record of SES's answer waits for a database that is away; its feedback may not."""
    sent_at = ses.world.engine.clock()
    with pytest.raises(Unavailable):
        await ses.tell("e-1", timestamp=iso(sent_at))
    message_id = await ses.send("e-1")
    assert await ses.tell("e-1", timestamp=iso(sent_at)) == 1
    assert (await ses.world.message(message_id))["delivery_status"] == "bounced"


async def test_mail_that_is_not_ours_is_taken_for_it_for_two_minutes(ses: OfSes) -> None:
    """An identity may send other e-mails too, and SNS must not repeat those without end."""
    for minutes in (-3, 3):
        other = ses.world.engine.clock() - timedelta(minutes=minutes)
        assert await ses.tell("e-other", timestamp=iso(other)) == 0
    assert await ses.tell("e-other", timestamp="yesterday") == 0


@pytest.mark.parametrize("name", ["e\x00", "e\ud800"])
async def test_a_name_that_no_message_can_have_is_nobodys(ses: OfSes, name: str) -> None:
    """PostgreSQL is not asked for what it cannot store."""
    assert await ses.tell(name, timestamp=iso(ses.world.engine.clock())) == 0


async def test_a_name_is_of_its_channel(ses: OfSes) -> None:
    """The address of another channel tells nothing of it."""
    message_id = await ses.send("e-1")
    ses.key = f"ses-{uuid4().hex[:6]}"
    await _channel_of_ses(ses)
    assert await ses.tell("e-1") == 0
    assert (await ses.world.message(message_id))["delivery_status"] == "sent"


async def test_a_channel_may_listen_to_one_topic(ses: OfSes) -> None:
    """What comes from another one is a 401, as it is without a signature."""
    ses.key = f"ses-{uuid4().hex[:6]}"
    await _channel_of_ses(ses, topic_arn=f"{TOPIC}-other")
    for body in (_SNS.notify({}), {"Type": "Notification"}):
        with pytest.raises(Unauthenticated):
            await ses.take(body)


async def test_sns_comes_back_when_its_certificate_cannot_be_read(ses: OfSes) -> None:
    """Nothing is lost because Amazon is slow."""
    message_id = await ses.send("e-1")
    ses.server.replies[CERTIFICATE_PATH] = reply(503)
    with pytest.raises(Unavailable):
        await ses.tell("e-1")
    _SNS.serve(ses.server, NOW)
    assert await ses.tell("e-1") == 1
    assert (await ses.world.message(message_id))["delivery_status"] == "bounced"


async def test_names_are_kept_for_few_vendors(world: World) -> None:
    """An index entry more for each e-mail would be paid by everybody."""
    run_id, _ = await world.send(channel_step("mail", "email"))
    (message,) = await world.messages(run_id)
    await world.deliver(message["id"])
    assert (await world.message(message["id"]))["known_as"] is None


async def test_twilio_tells_at_the_address_of_its_message(world: World) -> None:
    """It is given one that only we can have made, and signs what it tells there."""
    changes = {"allow_private_egress": True, "public_url": PUBLIC}
    near = world.with_parts(settings=world.engine.settings.model_copy(update=changes))
    key, path = f"twilio-{uuid4().hex[:6]}", "/2010-04-01/Accounts/AC1/Messages.json"
    async with serving(HttpServer({path: reply(201, b'{"sid": "SM1"}')})) as server:
        secrets = {"account_id": "AC1", "auth_token": "t0ken", "from_number": "+15550100"}
        secrets["base_url"] = server.url
        await near.channel("sms", key, provider="twilio", secrets=secrets)
        run_id, _ = await near.send(
            channel_step("text", "sms", channel_key=key),
            recipients=[{"id": "ellie", "phone_number": "+15550101"}],
        )
        (message,) = await near.messages(run_id)
        assert await near.deliver(message["id"]) == "sent"
        (url,) = parse_qs(server.seen[-1].body.decode())["StatusCallback"]
        address = url.partition("?")[0].removeprefix(f"{PUBLIC}/v1/integrations/callbacks/")

        def told(token: str, **fields: str) -> Callback:
            text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
            made = hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()
            signature = base64.b64encode(made).decode()
            return Callback(urlencode(fields).encode(), {"x-twilio-signature": signature}, url)

        failed = {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30007"}
        with pytest.raises(Unauthenticated):
            await take_callback(near.engine, address, told("other", **failed))
        assert await take_callback(near.engine, address, told("t0ken", **failed)) == 1
        assert await take_callback(near.engine, address, told("t0ken", **failed)) == 0
        *_, last = await near.message_events(message["id"])
        assert (last["event_type"], last["data"]) == (
            "undelivered",
            {
                "failure_reason": "fatal_error",
                "failure_details": "Twilio says: undelivered, error 30007.",
            },
        )
        arrived = {"MessageSid": "SM1", "MessageStatus": "delivered"}
        assert await take_callback(near.engine, address, told("t0ken", **arrived)) == 1
        assert await take_callback(near.engine, address, told("t0ken", **failed)) == 0
        assert (await near.message(message["id"]))["delivery_status"] == "delivered"
        await near.engine.providers.close()


async def test_twilio_is_given_no_address_that_it_cannot_reach(world: World) -> None:
    """Without a public address it would refuse the message."""
    settings = world.engine.settings.model_copy(update={"allow_private_egress": True})
    near = world.with_parts(settings=settings)
    key, path = f"twilio-{uuid4().hex[:6]}", "/2010-04-01/Accounts/AC1/Messages.json"
    async with serving(HttpServer({path: reply(201, b'{"sid": "SM1"}')})) as server:
        secrets = {"account_id": "AC1", "auth_token": "t0ken", "from_number": "+15550100"}
        secrets["base_url"] = server.url
        await near.channel("sms", key, provider="twilio", secrets=secrets)
        run_id, _ = await near.send(
            channel_step("text", "sms", channel_key=key),
            recipients=[{"id": "ellie", "phone_number": "+15550101"}],
        )
        (message,) = await near.messages(run_id)
        assert await near.deliver(message["id"]) == "sent"
        assert b"StatusCallback" not in server.seen[-1].body
        await near.engine.providers.close()
