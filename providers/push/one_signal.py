"""Push notifications by OneSignal (OneSignal API reference: "Create message")."""

from __future__ import annotations

from typing import Annotated, ClassVar

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.channels.overrides import merged
from domain.channels.types import ChannelType
from domain.deliveries.delivery import Bounced, Delivery, Outcome, Refused
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of
from providers.push.payloads import carried, device_of, shown
from providers.rest import RestProvider, RestSettings, object_of, text_at

_API = "https://api.onesignal.com"
# It refuses a message whose data takes more.
_MOST_DATA_BYTES = 2_048
_UNKNOWN = ("invalid_player_ids", "invalid_subscription_ids")
# What it says where nobody is left to send to, as one sentence among its errors.
_NOBODY = "are not subscribed"


class OneSignalSettings(RestSettings):
    """What an operator sets: the app, and an API key of it."""

    app_id: Annotated[str, Field(min_length=1)]
    api_key: SecretStr


class OneSignal(RestProvider[OneSignalSettings]):
    """The `push_one_signal` provider; a device is a player, as OneSignal's older word is."""

    id: ClassVar[str] = "push_one_signal"
    channel_type: ClassVar[ChannelType] = ChannelType.PUSH
    service_name: ClassVar[str] = "OneSignal"
    Settings: ClassVar[type[BaseModel]] = OneSignalSettings

    def build_request(self, delivery: Delivery, settings: OneSignalSettings) -> httpx.Request:
        """Write the request; English is the language that every device falls back to."""
        message: JsonObject = {
            "app_id": settings.app_id,
            "target_channel": "push",
            "include_subscription_ids": [device_of(delivery)],
            "data": carried(delivery, room=_MOST_DATA_BYTES),
            "idempotency_key": delivery.message_id,
        }
        text = shown(delivery)
        if text:
            message["contents"] = {"en": text["body"]}
            if "title" in text:
                message["headings"] = {"en": text["title"]}
        else:
            message["content_available"] = True
        return httpx.Request(
            "POST",
            f"{settings.base_url or _API}/notifications",
            headers={"authorization": f"Key {settings.api_key.get_secret_value()}"},
            json=merged(message, delivery.content.get("overrides")),
        )

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id; without one nobody was sent anything, whatever the status."""
        body = object_of(answer)
        external_id = text_at(body, "id")
        if answer.is_success and external_id:
            return Outcome(DeliveryStatus.SENT, answer.exchange, external_id)
        if _is_unknown(body):
            reason = "OneSignal does not know the device, or it has unsubscribed."
            raise Bounced(reason, answer.exchange, token=str(delivery.content.get("token")))
        if answer.is_success and external_id is not None:
            raise Refused("OneSignal sent the message to no device.", answer.exchange)
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange)
        raise failure_of(answer, now=self._context.clock())


def _is_unknown(body: JsonObject) -> bool:
    """Tell whether the errors of an answer mean the device."""
    errors = body.get("errors")
    if isinstance(errors, dict):
        return any(errors.get(name) for name in _UNKNOWN)
    return isinstance(errors, list) and any(_NOBODY in str(each) for each in errors)
