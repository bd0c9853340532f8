"""Text messages by MessageBird (MessageBird docs: "SMS Messaging API")."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr

from domain.channels.overrides import merged
from domain.deliveries.delivery import Bounced, Delivery, Outcome
from domain.deliveries.reports import ReportedStatus
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of
from providers.asking import AskedProvider, AskedSettings, Told
from providers.rest import object_of, text_at
from providers.sms.api import SmsApi, number_of

_API = "https://rest.messagebird.com"
_STATUSES: dict[str, ReportedStatus] = {
    "delivered": DeliveryStatus.DELIVERED,
    "delivery_failed": DeliveryStatus.UNDELIVERED,
    "expired": DeliveryStatus.UNDELIVERED,
}


class MessageBirdSettings(AskedSettings):
    """What an operator sets; `from_number` is a number or an alphanumeric sender."""

    api_key: SecretStr
    from_number: str


class MessageBird(SmsApi[MessageBirdSettings], AskedProvider[MessageBirdSettings]):
    """The `messagebird` provider."""

    id: ClassVar[str] = "messagebird"
    service_name: ClassVar[str] = "MessageBird"
    Settings: ClassVar[type[BaseModel]] = MessageBirdSettings

    def build_request(self, delivery: Delivery, settings: MessageBirdSettings) -> httpx.Request:
        """Write the request."""
        body: JsonObject = {
            "originator": settings.from_number,
            "recipients": [number_of(delivery)],
            "body": delivery.content.get("body") or "",
            "reference": delivery.message_id,
            # The vendor chooses Unicode where the text needs it.
            "datacoding": "auto",
        }
        url = f"{settings.base_url or _API}/messages"
        body = merged(body, delivery.content.get("overrides"))
        return httpx.Request("POST", url, headers=_authorization(settings), json=body)

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id; an error names the parameter that is wrong."""
        body = object_of(answer)
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange, text_at(body, "id"))
        if answer.status_code == 422 and text_at(body, "errors", 0, "parameter") == "recipients":
            raise Bounced("MessageBird rejected the number.", answer.exchange)
        raise failure_of(answer, now=self._context.clock())

    def build_check(
        self, delivery: Delivery, settings: MessageBirdSettings, external_id: str
    ) -> httpx.Request:
        """Ask for the message."""
        url = f"{settings.base_url or _API}/messages/{quote(external_id, safe='')}"
        return httpx.Request("GET", url, headers=_authorization(settings))

    def parse_check(self, body: JsonObject, delivery: Delivery) -> Told:
        """Read how its one recipient stands; MessageBird does not say that a number is wrong."""
        place = ("recipients", "items", 0)
        status = text_at(body, *place, "status") or ""
        why = text_at(body, *place, "statusReason") or text_at(body, *place, "statusErrorCode")
        words = f"MessageBird says: {status}" + (f" ({why})." if why else ".")
        return _STATUSES.get(status), words


def _authorization(settings: MessageBirdSettings) -> dict[str, str]:
    return {"authorization": f"AccessKey {settings.api_key.get_secret_value()}"}
