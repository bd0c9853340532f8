"""Providers that send nothing: every message is accepted and can be read back from its logs.

For development, demonstrations and rehearsals of failure. They touch no network.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel

from domain.channels.types import ChannelType
from domain.deliveries.delivery import (
    Bounced,
    Delivery,
    DeliveryFailure,
    Exchange,
    Outcome,
    Refused,
    Retry,
)
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from providers.base import ProviderContext, ProviderSettings, read_settings

SERVICE_NAME = "Sandbox"
_FAILURES: dict[str, tuple[type[DeliveryFailure], int]] = {
    "retry": (Retry, 503),
    "refuse": (Refused, 422),
    "bounce": (Bounced, 410),
}


class SandboxSettings(ProviderSettings):
    """`fail` rehearses a failure of every message: one that passes, one that lasts, a bounce."""

    fail: Literal["retry", "refuse", "bounce"] | None = None


class _Sandbox:
    """Accept everything; subclasses say for which channel type."""

    id: ClassVar[str]
    channel_type: ClassVar[ChannelType]
    service_name: ClassVar[str] = SERVICE_NAME
    Settings: ClassVar[type[BaseModel]] = SandboxSettings

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    async def send(self, delivery: Delivery) -> Outcome:
        """Take the message, or fail as the settings say."""
        settings = read_settings(SandboxSettings, delivery)
        if settings.fail is not None:
            failure, code = _FAILURES[settings.fail]
            body: JsonObject = {"error": settings.fail}
            exchange = self._exchange(delivery, code, body)
            reason = f"The sandbox is set to {settings.fail}."
            if failure is Bounced:
                raise Bounced(reason, exchange, token=delivery.content.get("token"))
            raise failure(reason, exchange)
        external_id = f"sandbox-{delivery.message_id}"
        return Outcome(
            status=DeliveryStatus.SENT,
            exchange=self._exchange(delivery, 200, {"id": external_id}),
            external_id=external_id,
        )

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _exchange(self, delivery: Delivery, code: int, body: JsonObject) -> Exchange:
        request: JsonObject = {
            "method": "POST",
            "host": "sandbox",
            "path": f"/{self.channel_type}",
            "query": None,
            "headers": {"idempotency-key": delivery.message_id},
            "body": delivery.content,
        }
        return Exchange(SERVICE_NAME, request, {"status": code, "headers": {}, "body": body})


class SandboxEmail(_Sandbox):
    """The `sandbox_email` provider."""

    id: ClassVar[str] = "sandbox_email"
    channel_type: ClassVar[ChannelType] = ChannelType.EMAIL


class SandboxSms(_Sandbox):
    """The `sandbox_sms` provider."""

    id: ClassVar[str] = "sandbox_sms"
    channel_type: ClassVar[ChannelType] = ChannelType.SMS


class SandboxPush(_Sandbox):
    """The `sandbox_push` provider."""

    id: ClassVar[str] = "sandbox_push"
    channel_type: ClassVar[ChannelType] = ChannelType.PUSH


class SandboxChat(_Sandbox):
    """The `sandbox_chat` provider."""

    id: ClassVar[str] = "sandbox_chat"
    channel_type: ClassVar[ChannelType] = ChannelType.CHAT
