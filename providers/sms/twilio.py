"""Text messages by Twilio (Twilio docs: "Messages resource", "Error and warning dictionary")."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.messages.delivery import Bounced, Delivery, Outcome
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.rest import RestSettings, form_request, merged, object_of, text_at
from providers.sms.api import SmsApi, number_of

_API = "https://api.twilio.com"
# Not a number, not one for text messages, or of somebody who has replied STOP.
_BAD_NUMBER = frozenset({"21211", "21614", "21610"})
_TOO_MANY = "20429"


class TwilioSettings(RestSettings):
    """What an operator sets.

    `from_number` is a phone number, a short code, an alphanumeric sender, or the SID of a messaging
    service, which begins with MG.
    """

    account_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")]
    auth_token: SecretStr
    from_number: str


class Twilio(SmsApi[TwilioSettings]):
    """The `twilio` provider."""

    id: ClassVar[str] = "twilio"
    service_name: ClassVar[str] = "Twilio"
    Settings: ClassVar[type[BaseModel]] = TwilioSettings

    def build_request(self, delivery: Delivery, settings: TwilioSettings) -> httpx.Request:
        """Write the request, a form."""
        sender = "MessagingServiceSid" if settings.from_number.startswith("MG") else "From"
        fields = {
            "To": number_of(delivery),
            sender: settings.from_number,
            "Body": delivery.content.get("body") or "",
        }
        form: dict[str, Any] = merged(fields, delivery.content.get("overrides"))
        account = settings.account_id
        url = f"{settings.base_url or _API}/2010-04-01/Accounts/{account}/Messages.json"
        return form_request(url, form, user=account, password=settings.auth_token)

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the SID."""
        body = object_of(answer)
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange, text_at(body, "sid"))
        code = text_at(body, "code")
        if code in _BAD_NUMBER:
            raise Bounced(f"Twilio does not take the number (error {code}).", answer.exchange)
        if code == _TOO_MANY:
            raise retry_of(answer, now=self._context.clock())
        raise failure_of(answer, now=self._context.clock())
