"""Chat by Discord (Discord docs: "Create message", "Execute webhook", "Rate limits")."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, SecretStr

from domain.deliveries.delivery import Delivery, Misconfigured, Outcome, Refused, Retry
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.chat.api import ChatApi, connection_of, webhook_of, webhook_request
from providers.rest import RestSettings, object_of, text_at

_API = "https://discord.com"
# Discord asks every client to say what it is in this form, and blocks those that do not.
_AGENT = "DiscordBot (Carillon, 1)"
_OVERLOADED = "130000"
_NONCE_CHARACTERS = 25


class DiscordSettings(RestSettings):
    """What an operator sets: the bot's token, which incoming webhooks do without."""

    bot_token: SecretStr | None = None


class Discord(ChatApi[DiscordSettings]):
    """The `chat_discord` provider."""

    id: ClassVar[str] = "chat_discord"
    service_name: ClassVar[str] = "Discord"
    Settings: ClassVar[type[BaseModel]] = DiscordSettings

    def build_request(self, delivery: Delivery, settings: DiscordSettings) -> httpx.Request:
        """Write the request. Discord drops a bot's message whose nonce it has just seen."""
        document = delivery.content.get("json_content")
        body: JsonObject = (
            document
            if isinstance(document, dict)
            else {"content": str(delivery.content.get("markdown") or "")}
        )
        connection = connection_of(delivery)
        url = webhook_of(connection)
        if url is not None:
            request = webhook_request(url, body)
            request.headers["user-agent"] = _AGENT
            # So that the answer names the message.
            request.url = request.url.copy_set_param("wait", "true")
            return request
        if not connection.get("channel_id"):
            raise Refused("The connection has no channel id.")
        if settings.bot_token is None:
            raise Misconfigured("The channel has no bot token.")
        nonce = delivery.message_id.replace("-", "")[-_NONCE_CHARACTERS:]
        channel = quote(str(connection["channel_id"]), safe="")
        return httpx.Request(
            "POST",
            f"{settings.base_url or _API}/api/v10/channels/{channel}/messages",
            headers={
                "authorization": f"Bot {settings.bot_token.get_secret_value()}",
                "user-agent": _AGENT,
            },
            json={"nonce": nonce, "enforce_nonce": True, **body},
        )

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the id; how long to wait stands in the body."""
        body = object_of(answer)
        if answer.is_success:
            return Outcome(DeliveryStatus.SENT, answer.exchange, text_at(body, "id"))
        now, code = self._context.clock(), text_at(body, "code")
        wish = body.get("retry_after")
        if answer.status_code == 429 and isinstance(wish, (int, float)):
            raise Retry("Discord answered 429.", answer.exchange, after=max(float(wish), 0.0))
        if code == _OVERLOADED:
            raise retry_of(answer, now=now)
        is_bot = webhook_of(connection_of(delivery)) is None
        if answer.status_code == httpx.codes.UNAUTHORIZED and is_bot:
            raise Misconfigured("Discord rejected the bot token.", answer.exchange)
        failure = failure_of(answer, now=now)
        if isinstance(failure, Refused) and code is not None:
            told = f"Discord answered {answer.status_code} (error {code})."
            raise Refused(told, answer.exchange)
        raise failure
