"""Text messages by Vonage (Vonage docs: "SMS API", "Error codes")."""

from __future__ import annotations

from typing import ClassVar

import httpx
from pydantic import BaseModel, SecretStr

from domain.channels.overrides import merged
from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Outcome, Refused
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.rest import RestSettings, object_of, text_at
from providers.sms.api import SmsApi, number_of

_API = "https://rest.nexmo.com"
# Vonage answers 200 whatever became of the message, and says it in a status.
_TAKEN = "0"
_TRANSIENT_CODES = frozenset({"1", "5"})  # throttled, an internal error
_BARRED = "7"
_BAD_CREDENTIALS = frozenset({"4", "14"})
# The basic alphabet of GSM 03.38; anything else has to be sent as Unicode.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡"
    "ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà^{}\\[~]|€"
)


class VonageSettings(RestSettings):
    """What an operator sets; `from_number` is a number or an alphanumeric sender."""

    api_key: str
    api_secret: SecretStr
    from_number: str


class Vonage(SmsApi[VonageSettings]):
    """The `vonage` provider."""

    id: ClassVar[str] = "vonage"
    service_name: ClassVar[str] = "Vonage"
    Settings: ClassVar[type[BaseModel]] = VonageSettings

    def build_request(self, delivery: Delivery, settings: VonageSettings) -> httpx.Request:
        """Write the request; numbers go without their plus."""
        text = str(delivery.content.get("body") or "")
        body: JsonObject = {
            "api_key": settings.api_key,
            "api_secret": settings.api_secret.get_secret_value(),
            "from": settings.from_number.removeprefix("+"),
            "to": number_of(delivery).removeprefix("+"),
            "text": text,
            "client-ref": delivery.message_id,
        }
        if not set(text) <= _GSM:
            body["type"] = "unicode"
        body = merged(body, delivery.content.get("overrides"))
        return httpx.Request("POST", f"{settings.base_url or _API}/sms/json", json=body)

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the status of the first part: a long text has several."""
        now = self._context.clock()
        if not answer.is_success:
            raise failure_of(answer, now=now)
        body = object_of(answer)
        status = text_at(body, "messages", 0, "status")
        if status == _TAKEN:
            external_id = text_at(body, "messages", 0, "message-id")
            return Outcome(DeliveryStatus.SENT, answer.exchange, external_id)
        if status in _TRANSIENT_CODES:
            raise retry_of(answer, now=now)
        reason = f"Vonage answered status {status}."
        if status == _BARRED:
            raise Bounced(reason, answer.exchange)
        if status in _BAD_CREDENTIALS:
            raise Misconfigured(reason, answer.exchange)
        raise Refused(reason, answer.exchange)
