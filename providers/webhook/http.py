"""Sends the rendered request of a webhook step (Knock docs: "Webhook channels")."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, cast

import httpx
from pydantic import BaseModel, Field, SecretStr

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery, Misconfigured, Outcome, Refused
from domain.kit.http_requests import HttpContent
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, call, failure_of, retry_of
from outbound.requests import sign, write_request
from providers.base import ProviderContext, ProviderSettings, host_of, read_settings
from providers.secrets import secret_values

SERVICE_NAME = "Webhook"
SIGNATURE_HEADER = "x-webhook-signature"
# Every other failure is retried, the remaining 4xx and redirects too.
FATAL_STATUS_CODES = frozenset({401, 403, 404, 405})

# A host as it stands in a URL, or all hosts below one.
_Host = Annotated[str, Field(pattern=r"^(\*\.)?[^\s/@:*?#]+$")]


class WebhookSettings(ProviderSettings):
    """What an operator sets.

    Attributes:
        signing_key: signs every request; without one nothing is signed.
        allowed_hosts: the only hosts that are called, such as `api.example.com` or, for all names
            below one, `*.example.com`; without any, a template chooses freely.
    """

    signing_key: SecretStr | None = None
    allowed_hosts: list[_Host] | None = None


class HttpWebhook:
    """The `http_knock_webhook` provider."""

    id: ClassVar[str] = "http_knock_webhook"
    channel_type: ClassVar[ChannelType] = ChannelType.HTTP
    service_name: ClassVar[str] = SERVICE_NAME
    Settings: ClassVar[type[BaseModel]] = WebhookSettings

    def __init__(self, context: ProviderContext) -> None:
        self._context = context

    async def send(self, delivery: Delivery) -> Outcome:
        """Send the request; any 2xx is `delivered`."""
        settings = read_settings(WebhookSettings, delivery)
        now = self._context.clock()
        request = build_request(delivery, settings, now)
        answer = await call(
            self._context.http,
            request,
            service_name=SERVICE_NAME,
            timeout=self._context.timeouts.webhook,
            connect=self._context.timeouts.connect,
            secrets=[*secret_values(settings), *delivery.content.get("secrets", ())],
        )
        return parse_response(answer, self._context.clock())

    def server(self, delivery: Delivery) -> str:
        """Name the host of the URL: deliveries to it are limited together."""
        return host_of(str(delivery.content.get("url")), self.id)

    async def aclose(self) -> None:
        """Do nothing: the connections are the shared client's."""


def build_request(delivery: Delivery, settings: WebhookSettings, now: datetime) -> httpx.Request:
    """Write the request.

    Raises:
        Refused: the URL is malformed, or leads to a host that is not allowed.
        Misconfigured: the signing key is empty.
    """
    content = cast(HttpContent, delivery.content)
    request = write_request(content, {"idempotency-key": delivery.message_id})
    if settings.signing_key is not None:
        key = settings.signing_key.get_secret_value()
        if not key.strip():
            # A reference that rendered to nothing: unsigned is not what the owner asked for.
            raise Misconfigured("The signing key is empty.")
        request.headers[SIGNATURE_HEADER] = sign(key, request.content, now)
    # In lower case, as httpx writes the host of a URL.
    called = request.url.host
    allowed = [host.lower() for host in settings.allowed_hosts or ()]
    if allowed and not any(
        called.endswith(host[1:]) if host.startswith("*.") else called == host for host in allowed
    ):
        raise Refused("The host of the URL is not among the channel's allowed_hosts.")
    return request


def parse_response(answer: Answer, now: datetime) -> Outcome:
    """Read the answer. Raises Refused for the codes that stay, and Retry for all others."""
    if answer.is_success:
        return Outcome(status=DeliveryStatus.DELIVERED, exchange=answer.exchange)
    if answer.status_code in FATAL_STATUS_CODES:
        raise failure_of(answer, now=now, fatal=FATAL_STATUS_CODES)
    raise retry_of(answer, now=now)
