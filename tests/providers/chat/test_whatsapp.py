"""WhatsApp, against a server that answers like Meta's."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from domain.deliveries.delivery import Bounced, DeliveryFailure, Misconfigured, Refused, Retry
from domain.kit.json_types import JsonObject
from providers.chat.whatsapp import WhatsApp, WhatsAppSettings
from tests.providers.rest import CHAT, RestContract, Vendor, talking_to
from tests.providers.servers import reply

TOKEN = "EAA-very-secret"
PATH = "/v24.0/1060/messages"
TEMPLATE: JsonObject = {"name": "order", "language": {"code": "en_US"}, "components": []}
SETTINGS: JsonObject = {"access_token": TOKEN, "phone_number_id": "1060"}
WHATSAPP = Vendor(
    WhatsApp,
    PATH,
    reply(200, b'{"messaging_product": "whatsapp", "messages": [{"id": "wamid.1"}]}'),
    SETTINGS,
    {**CHAT, "connection": {"phone_number": "+1 (555) 010-0001"}},
    [TOKEN],
    reply(400, b'{"error": {"code": 132001, "type": "OAuthException"}}'),
)


def error(http: int, code: Any, **more: Any) -> bytes:
    """Answer an error as Meta does."""
    told = {"message": "(#x) no", "type": "OAuthException", "code": code, **more}
    return reply(http, json.dumps({"error": told}).encode())


class TestWhatsApp(RestContract):
    """The contract."""

    vendor = WHATSAPP


async def test_an_approved_template_is_sent() -> None:
    """The document says which, with what in it; it goes to the recipient's number."""
    async with talking_to(WHATSAPP) as line:
        outcome = await line.send(json_content={"template": TEMPLATE})
        assert outcome.external_id == "wamid.1"
        assert line.seen.headers["authorization"] == f"Bearer {TOKEN}"
        assert line.body() == {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "to": "+15550100001",
            "type": "template",
            "template": TEMPLATE,
        }


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        ({"text": {"body": "Hi"}}, "text"),
        ({"image": {"link": "https://x.example/i.png"}, "context": {"message_id": "w"}}, "image"),
        ({"type": "interactive", "interactive": {"type": "button"}}, "interactive"),
    ],
)
async def test_any_message_may_be_sent(document: JsonObject, kind: str) -> None:
    """Its type is what it has, unless it says so; a reply names its parent by `context`."""
    async with talking_to(WHATSAPP) as line:
        await line.send(json_content=document)
        assert {**line.body(), **document} == line.body()
        assert line.body()["type"] == kind


async def test_text_is_sent_as_it_is() -> None:
    """WhatsApp has no Markdown."""
    async with talking_to(WHATSAPP) as line:
        await line.send()
        assert line.body()["text"] == {"body": "**Hi**", "preview_url": True}
        assert line.body()["type"] == "text"


async def test_the_document_does_not_say_to_whom() -> None:
    """A message goes to its recipient, whatever a template says."""
    async with talking_to(WHATSAPP) as line:
        other = {"template": TEMPLATE, "to": "+4930", "messaging_product": "x"}
        await line.send(json_content=other)
        assert line.body()["to"] == "+15550100001"
        assert line.body()["messaging_product"] == "whatsapp"


@pytest.mark.parametrize("connection", [{}, {"phone_number": None}, {"phone_number": "ada"}])
async def test_what_is_no_number_bounces(connection: JsonObject) -> None:
    """Nobody is called."""
    async with talking_to(WHATSAPP) as line:
        with pytest.raises(Bounced):
            await line.send(connection=connection)
        assert line.server.seen == []


async def test_a_document_without_a_message_is_refused() -> None:
    """Nobody is called."""
    async with talking_to(WHATSAPP) as line:
        with pytest.raises(Refused, match="json_body"):
            await line.send(json_content={"name": "order"})
        assert line.server.seen == []


@pytest.mark.parametrize(
    ("answer", "failure", "after"),
    [
        (error(400, 131026), Bounced, None),
        (error(400, 131030), Bounced, None),
        (error(400, 4), Retry, None),
        (error(400, 80007, is_transient=True), Retry, None),
        (reply(429, b'{"error": {"code": 130429}}', retry_after="6"), Retry, 6.0),
        (error(400, 131056), Retry, None),
        (error(500, 131000), Retry, None),
        (error(503, 2), Retry, None),
        (error(503, 999_999), Retry, None),
        (reply(502, b"<html>"), Retry, None),
        (error(401, 0), Misconfigured, None),
        (error(401, 190), Misconfigured, None),
        (error(403, 10), Misconfigured, None),
        (error(403, 200), Misconfigured, None),
        (error(400, 133010), Misconfigured, None),
        (error(403, 131031), Misconfigured, None),
        (error(400, 100), Refused, None),
        (error(400, 131047), Refused, None),
        (error(404, 132001), Refused, None),
        (error(400, "odd"), Refused, None),
        (reply(404, b"<html>"), Refused, None),
    ],
)
async def test_answers_of_meta(
    answer: bytes, failure: type[DeliveryFailure], after: float | None
) -> None:
    """Its own numbers say more than those of HTTP."""
    async with talking_to(WHATSAPP) as line:
        line.answer(answer)
        with pytest.raises(failure) as caught:
            await line.send()
        assert getattr(caught.value, "after", None) == after


async def test_another_version_of_the_api() -> None:
    """Meta ends each version after some years."""
    later = replace(WHATSAPP, path=PATH.replace("v24.0", "v31.0"))
    async with talking_to(later) as line:
        await line.send_with({"api_version": "v31.0"})
        assert line.seen.target == "/v31.0/1060/messages"


def test_every_fault_of_the_settings_is_named() -> None:
    """Each at its place, and the token is not shown."""
    given = {"phone_number_id": "+1 555", "api_version": "24"}
    with pytest.raises(ValidationError) as caught:
        WhatsAppSettings.model_validate(given)
    places = [fault["loc"] for fault in caught.value.errors()]
    assert places == [("access_token",), ("phone_number_id",), ("api_version",)]
