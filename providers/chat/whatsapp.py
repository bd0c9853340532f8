"""Chat by WhatsApp's Cloud API (Meta docs: "Messages", "Error codes"; Knock docs: "WhatsApp")."""

from __future__ import annotations

from typing import Annotated, ClassVar

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Outcome, Refused
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.chat.api import ChatApi, connection_of
from providers.phone_numbers import read_number
from providers.rest import RestSettings, object_of, text_at

_API = "https://graph.facebook.com"
# Members of a message, each named as the type that has it.
_TYPES = (
    "template",
    "text",
    "interactive",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "reaction",
)
# Meta says what became of a message by numbers; those of HTTP say little.
_TRANSIENT_CODES = frozenset(
    {"1", "2"}  # a fault of Meta's
    | {"4", "80007", "130429", "131056"}  # too many requests
    | {"131000", "131016", "131057", "133004"}  # away for a while
)
_UNREACHABLE = frozenset({"131026", "131030"})
_MISCONFIGURED_CODES = frozenset(
    {"0", "3", "10", "190", "131005"}  # the token, and what it allows
    | {"33", "133010"}  # the number that messages come from
    | {"368", "131031", "131042"}  # the account
)


class WhatsAppSettings(RestSettings):
    """What an operator sets: a token of the business, and the id of the number it sends from."""

    access_token: SecretStr
    phone_number_id: Annotated[str, Field(pattern=r"^[0-9]+$")]
    api_version: Annotated[str, Field(pattern=r"^v[0-9]+\.[0-9]+$")] = "v24.0"


class WhatsApp(ChatApi[WhatsAppSettings]):
    """The `chat_whatsapp` provider."""

    id: ClassVar[str] = "chat_whatsapp"
    service_name: ClassVar[str] = "WhatsApp"
    Settings: ClassVar[type[BaseModel]] = WhatsAppSettings

    def build_request(self, delivery: Delivery, settings: WhatsAppSettings) -> httpx.Request:
        """Write the request to the recipient's phone number."""
        number = read_number(connection_of(delivery).get("phone_number"))
        base = f"{settings.base_url or _API}/{settings.api_version}"
        return httpx.Request(
            "POST",
            f"{base}/{settings.phone_number_id}/messages",
            headers={"authorization": f"Bearer {settings.access_token.get_secret_value()}"},
            json={
                "recipient_type": "individual",
                **_message(delivery),
                "messaging_product": "whatsapp",
                "to": number,
            },
        )

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id of the message, or the number of the error."""
        body, now = object_of(answer), self._context.clock()
        if answer.is_success:
            external_id = text_at(body, "messages", 0, "id")
            return Outcome(DeliveryStatus.SENT, answer.exchange, external_id)
        code = text_at(body, "error", "code")
        if code is None:
            raise failure_of(answer, now=now)
        if code in _TRANSIENT_CODES:
            raise retry_of(answer, now=now)
        reason = f"WhatsApp answered {answer.status_code} (error {code})."
        if code in _UNREACHABLE:
            raise Bounced(reason, answer.exchange)
        if code in _MISCONFIGURED_CODES or _is_permission(code):
            raise Misconfigured(reason, answer.exchange)
        failure = failure_of(answer, now=now)
        raise Refused(reason, answer.exchange) if isinstance(failure, Refused) else failure


def _message(delivery: Delivery) -> JsonObject:
    """Write what is said: a JSON document, which names an approved template mostly, or text.

    Raises:
        Refused: nothing in the document is a message.
    """
    document = delivery.content.get("json_content")
    if not isinstance(document, dict):
        text = str(delivery.content.get("markdown") or "")
        return {"type": "text", "text": {"body": text, "preview_url": True}}
    if "type" in document:
        return document
    kind = next((name for name in _TYPES if name in document), None)
    if kind is None:
        raise Refused("The json_body contains no message, such as a template.")
    return {"type": kind, **document}


def _is_permission(code: str) -> bool:
    return len(code) == len("200") and code.isdecimal() and code.startswith("2")
