"""Chat by Microsoft Teams' incoming webhooks (Microsoft docs: "Create incoming webhooks").

Bots, which reach people and channels by their ids, are not here yet.
"""

from __future__ import annotations

import re
from typing import ClassVar

import httpx
from pydantic import BaseModel, SecretStr

from domain.kit.json_types import JsonObject
from domain.messages.delivery import Delivery, Outcome, Refused
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.chat.api import ChatApi, connection_of, webhook_of, webhook_request
from providers.rest import RestSettings, ServerAddress

_CARD = "application/vnd.microsoft.card.adaptive"
# Older webhooks answer 200, and the error of what is behind them as text.
_FAILED = re.compile(rb"HTTP error (\d{3})")


class MsTeamsSettings(RestSettings):
    """What an operator sets of the application that asks Microsoft about customers' tenants.

    Messages need none of it: each connection brings its own address.
    """

    graph_client_id: str | None = None
    graph_client_secret: SecretStr | None = None
    graph_base_url: ServerAddress = None
    login_base_url: ServerAddress = None


class MsTeams(ChatApi[MsTeamsSettings]):
    """The `chat_ms_teams` provider."""

    id: ClassVar[str] = "chat_ms_teams"
    service_name: ClassVar[str] = "Microsoft Teams"
    Settings: ClassVar[type[BaseModel]] = MsTeamsSettings

    def build_request(self, delivery: Delivery, settings: MsTeamsSettings) -> httpx.Request:
        """Write the request: a JSON document as it is, else a card with the Markdown."""
        url = webhook_of(connection_of(delivery))
        if url is None:
            raise Refused("The connection is not an incoming webhook.")
        document = delivery.content.get("json_content")
        return webhook_request(url, document if isinstance(document, dict) else _card(delivery))

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Judge the code; a webhook names no message."""
        now = self._context.clock()
        if not answer.is_success:
            raise failure_of(answer, now=now)
        hidden = _FAILED.search(answer.body)
        if hidden is None:
            return Outcome(DeliveryStatus.SENT, answer.exchange)
        code = int(hidden[1])
        if code == 429 or code >= 500:
            raise retry_of(answer, now=now)
        raise Refused(f"Microsoft Teams answered {code}.", answer.exchange)


def _card(delivery: Delivery) -> JsonObject:
    content = delivery.content
    text = str(content.get("markdown") or "")
    card: JsonObject = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": text, "wrap": True}],
    }
    message: JsonObject = {
        "type": "message",
        "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}],
    }
    summary = content.get("summary")
    return {**message, "summary": summary} if summary else message
