"""Push notifications by Expo (Expo docs: "Send notifications with the Expo Push Service")."""

from __future__ import annotations

from typing import ClassVar

import httpx
from pydantic import BaseModel, SecretStr

from domain.channels.overrides import merged
from domain.channels.types import ChannelType
from domain.deliveries.delivery import Bounced, Delivery, Misconfigured, Outcome, Refused, Retry
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of
from providers.push.payloads import carried, device_of, shown
from providers.rest import RestProvider, RestSettings, object_of, text_at

_API = "https://exp.host"
# The keys of Apple or Google that the project has left with Expo.
_MISCONFIGURED_CODES = frozenset({"InvalidCredentials", "MismatchSenderId", "DeveloperError"})
_TRANSIENT_CODES = frozenset({"MessageRateExceeded", "ProviderError", "ExpoError"})


class ExpoSettings(RestSettings):
    """What an operator sets: an access token, where the project demands one."""

    access_token: SecretStr | None = None


class Expo(RestProvider[ExpoSettings]):
    """The `push_expo` provider."""

    id: ClassVar[str] = "push_expo"
    channel_type: ClassVar[ChannelType] = ChannelType.PUSH
    service_name: ClassVar[str] = "Expo"
    Settings: ClassVar[type[BaseModel]] = ExpoSettings

    def build_request(self, delivery: Delivery, settings: ExpoSettings) -> httpx.Request:
        """Write the request."""
        message = {"to": device_of(delivery), **shown(delivery), "data": carried(delivery)}
        if delivery.content.get("silent"):
            message["_contentAvailable"] = True
        headers = {}
        if settings.access_token is not None and settings.access_token.get_secret_value():
            headers["authorization"] = f"Bearer {settings.access_token.get_secret_value()}"
        return httpx.Request(
            "POST",
            f"{settings.base_url or _API}/--/api/v2/push/send",
            headers=headers,
            json=merged(message, delivery.content.get("overrides")),
        )

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the ticket of the message; one that is refused is so with status 200."""
        if not answer.is_success:
            raise failure_of(answer, now=self._context.clock())
        ticket = _ticket(object_of(answer))
        if ticket.get("status") != "error":
            return Outcome(DeliveryStatus.SENT, answer.exchange, text_at(ticket, "id"))
        error = text_at(ticket, "details", "error")
        told = f"Expo rejected the message ({error or 'it does not say why'})."
        if error == "DeviceNotRegistered":
            raise Bounced(told, answer.exchange, token=str(delivery.content.get("token")))
        if error in _MISCONFIGURED_CODES:
            raise Misconfigured(told, answer.exchange)
        if error in _TRANSIENT_CODES:
            raise Retry(told, answer.exchange)
        raise Refused(told, answer.exchange)


def _ticket(body: JsonObject) -> JsonObject:
    """Return the ticket of the only message, which may stand in a list."""
    data = body.get("data")
    first = data[0] if isinstance(data, list) and data else data
    return first if isinstance(first, dict) else {}
