"""Chat by Microsoft Teams: as a bot, which reaches people and channels, or by incoming webhooks.

Source: Microsoft docs, "Send and receive messages with the Bot Connector API", "Create incoming
webhooks"; Knock docs, "Microsoft Teams".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import httpx
from pydantic import BaseModel, SecretStr

from domain.deliveries.delivery import Delivery, Misconfigured, Outcome, Refused
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.base import ProviderContext, read_settings
from providers.chat.api import ChatApi, connection_of, webhook_of, webhook_request
from providers.chat.ms_teams_bot import Bot, Bots, Place
from providers.chat.ms_teams_text import to_teams_markdown
from providers.rest import RestSettings, ServerAddress

_CARD = "application/vnd.microsoft.card.adaptive"
# Older webhooks answer 200, and the error of what is behind them as text.
_FAILED = re.compile(rb"HTTP error (\d{3})")


class MsTeamsSettings(RestSettings):
    """What an operator sets: the bot, and the application that asks about customers' tenants.

    Incoming webhooks need none of it: each connection brings its own address. `base_url` leads to
    another server than the Bot Connector's own.
    """

    bot_type: Literal["single_tenant", "multi_tenant"] = "single_tenant"
    bot_id: str | None = None
    bot_password: SecretStr | None = None
    entra_tenant_id: str | None = None
    graph_client_id: str | None = None
    graph_client_secret: SecretStr | None = None
    graph_base_url: ServerAddress = None
    login_base_url: ServerAddress = None

    @classmethod
    def conflicts(cls, given: Mapping[str, Any]) -> Mapping[str, str]:
        """A bot has an id and a password; one of a single tenant says which tenant that is."""
        if not (given.get("bot_id") or given.get("bot_password")):
            return {}
        return {name: f"is required for {whom}" for name, whom in _missing(given)}

    def bot(self) -> Bot:
        """Return the bot. Raises Misconfigured when there is none, or it is not whole."""
        password = self.bot_password.get_secret_value() if self.bot_password else ""
        missing = _missing({**dict(self), "bot_password": password})
        if self.bot_id is None or self.bot_password is None or missing:
            names = ", ".join(name for name, _ in missing)
            raise Misconfigured(f"The bot is not fully configured; missing: {names}.")
        return Bot(
            id=self.bot_id,
            password=self.bot_password,
            tenant_id=None if self.bot_type == "multi_tenant" else self.entra_tenant_id,
            connector=self.base_url,
            login=self.login_base_url,
        )


def _missing(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return which settings a bot lacks, each with what kind of bot needs it."""
    needed = {"bot_id": "a bot", "bot_password": "a bot"}
    if given.get("bot_type", "single_tenant") == "single_tenant":
        needed["entra_tenant_id"] = "a single-tenant bot"
    return [(name, whom) for name, whom in needed.items() if not given.get(name)]


class MsTeams(ChatApi[MsTeamsSettings]):
    """The `chat_ms_teams` provider."""

    id: ClassVar[str] = "chat_ms_teams"
    service_name: ClassVar[str] = "Microsoft Teams"
    Settings: ClassVar[type[BaseModel]] = MsTeamsSettings

    def __init__(self, context: ProviderContext) -> None:
        super().__init__(context)
        self._bots = Bots(context, self.service_name)

    async def send(self, delivery: Delivery) -> Outcome:
        """Send by an incoming webhook, or as the bot to whom else the connection names."""
        connection = connection_of(delivery)
        if webhook_of(connection) is not None:
            return await super().send(delivery)
        settings, activity = read_settings(MsTeamsSettings, delivery), _activity(delivery)
        place = Place.of(connection, activity)
        return await self._bots.send(settings.bot(), place, activity)

    def build_request(self, delivery: Delivery, settings: MsTeamsSettings) -> httpx.Request:
        """Write the request to a webhook: a JSON document as it is, else a card with Markdown."""
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


def _activity(delivery: Delivery) -> JsonObject:
    """Write what a bot says: a JSON document as it is, else the Markdown."""
    document = delivery.content.get("json_content")
    if not isinstance(document, dict):
        document = {"textFormat": "markdown", "text": _markdown(delivery)}
    return _with_summary({"type": "message", **document}, delivery)


def _card(delivery: Delivery) -> JsonObject:
    card: JsonObject = {
        "type": "AdaptiveCard",
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "version": "1.4",
        "body": [{"type": "TextBlock", "text": _markdown(delivery), "wrap": True}],
    }
    message: JsonObject = {
        "type": "message",
        "attachments": [{"contentType": _CARD, "contentUrl": None, "content": card}],
    }
    return _with_summary(message, delivery)


def _with_summary(message: JsonObject, delivery: Delivery) -> JsonObject:
    """Add what notifications show, unless the message says it itself."""
    summary = delivery.content.get("summary")
    return {"summary": summary, **message} if summary else message


def _markdown(delivery: Delivery) -> str:
    return to_teams_markdown(str(delivery.content.get("markdown") or ""))
