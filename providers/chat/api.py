"""What the vendors of chat have in common: connections, and incoming webhooks among them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, TypeVar
from urllib.parse import urlsplit

import httpx

from domain.channels.types import ChannelType
from domain.deliveries.delivery import Delivery, Refused
from domain.kit.json_types import JsonObject
from providers.base import host_of
from providers.rest import RestProvider, RestSettings

S = TypeVar("S", bound=RestSettings)


class ChatApi(RestProvider[S]):
    """A vendor of chat."""

    channel_type: ClassVar[ChannelType] = ChannelType.CHAT

    def server(self, delivery: Delivery) -> str:
        """Name the host of an incoming webhook, which anybody may run; else the vendor's."""
        url = webhook_of(connection_of(delivery))
        return super().server(delivery) if url is None else host_of(url, self.id)

    def secrets_of(self, delivery: Delivery) -> Iterable[str]:
        """Return those of the connection."""
        return secrets_of(connection_of(delivery))


def connection_of(delivery: Delivery) -> JsonObject:
    """Return where a message goes; empty when it was made without."""
    connection = delivery.content.get("connection")
    return connection if isinstance(connection, dict) else {}


def webhook_of(connection: JsonObject) -> str | None:
    """Return the address of a connection that is an incoming webhook."""
    webhook = connection.get("incoming_webhook")
    url = webhook.get("url") if isinstance(webhook, dict) else None
    return url if isinstance(url, str) and url else None


def webhook_request(url: str, body: JsonObject) -> httpx.Request:
    """Write a request to an incoming webhook. Raises Refused for a malformed address."""
    try:
        request = httpx.Request("POST", url.strip(), json=body)
    except httpx.InvalidURL:
        raise Refused("The address of the incoming webhook is malformed.") from None
    if not request.url.host:
        raise Refused("The address of the incoming webhook is malformed.")
    return request


def secrets_of(connection: JsonObject) -> list[str]:
    """Return what no log may show of a connection: its token, and the path of its webhook."""
    found = [connection.get("access_token")]
    url = webhook_of(connection)
    if url is not None:
        try:
            parts = urlsplit(url)
        except ValueError:
            return [url]
        found += [parts.path.strip("/"), parts.path, parts.query]
    return [each for each in found if isinstance(each, str) and each]
