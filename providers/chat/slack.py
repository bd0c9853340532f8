"""Chat by Slack (Slack docs: "chat.postMessage", "users.lookupByEmail", "Incoming webhooks")."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import httpx
from pydantic import BaseModel, SecretStr

from domain.deliveries.delivery import (
    Delivery,
    DeliveryFailure,
    Misconfigured,
    Outcome,
    Refused,
)
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, failure_of, retry_of
from providers.base import read_settings
from providers.chat.api import ChatApi, connection_of, secrets_of, webhook_of, webhook_request
from providers.chat.mrkdwn import to_mrkdwn
from providers.rest import RestSettings, object_of, text_at

_API = "https://slack.com"
# Slack answers 200 whatever became of the message, and says it in words.
_TRANSIENT_CODES = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "service_unavailable", "fatal_error"}
    | {"request_timeout", "team_added_to_org"}
)
_BAD_TOKEN = frozenset(
    {"invalid_auth", "not_authed", "token_revoked", "token_expired", "account_inactive"}
    | {"missing_scope"}
)
_HINTS = {"not_in_channel": ": invite the app, or give it the scope chat:write.public"}


class SlackSettings(RestSettings):
    """What an operator sets of the Slack app, for whoever connects workspaces to it.

    Messages are sent with the token of the connection, or of the tenant.
    """

    app_id: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None


class Slack(ChatApi[SlackSettings]):
    """The `chat_slack` provider."""

    id: ClassVar[str] = "chat_slack"
    service_name: ClassVar[str] = "Slack"
    Settings: ClassVar[type[BaseModel]] = SlackSettings

    async def send(self, delivery: Delivery) -> Outcome:
        """Send a message; who is known by an e-mail address only is looked up before, once."""
        settings = read_settings(SlackSettings, delivery)
        connection = connection_of(delivery)
        secrets = secrets_of(connection)
        found: JsonObject | None = None
        if _is_known_by_email(connection):
            request = _lookup(connection, settings)
            told = await self._call(request, settings, more_secrets=secrets)
            user_id = text_at(self._checked(told), "user", "id")
            found = {"user_id": user_id} if user_id else None
            connection = {**connection, "user_id": user_id}
        request = self._written(delivery, connection, settings)
        answer = await self._call(request, settings, more_secrets=secrets)
        return replace(self._read(answer, connection), found=found)

    def build_request(self, delivery: Delivery, settings: SlackSettings) -> httpx.Request:
        """Write the request of a message whose connection says where it goes."""
        return self._written(delivery, connection_of(delivery), settings)

    def parse_response(self, answer: Answer, delivery: Delivery) -> Outcome:
        """Read the time stamp, which names the message, also for replies to it."""
        return self._read(answer, connection_of(delivery))

    def _written(
        self, delivery: Delivery, connection: JsonObject, settings: SlackSettings
    ) -> httpx.Request:
        body = _body(delivery)
        url = webhook_of(connection)
        if url is not None:
            return webhook_request(url, body)
        target = connection.get("channel_id") or connection.get("user_id")
        if not target:
            raise Refused("The connection has neither a channel nor a user id.")
        return httpx.Request(
            "POST",
            f"{settings.base_url or _API}/api/chat.postMessage",
            headers=_authorised(connection),
            json={**body, "channel": target},
        )

    def _read(self, answer: Answer, connection: JsonObject) -> Outcome:
        if webhook_of(connection) is not None:
            if answer.is_success:
                return Outcome(DeliveryStatus.SENT, answer.exchange)
            raise self._refusal_of_webhook(answer)
        external_id = text_at(self._checked(answer), "ts")
        return Outcome(DeliveryStatus.SENT, answer.exchange, external_id)

    def _refusal_of_webhook(self, answer: Answer) -> DeliveryFailure:
        now = self._context.clock()
        return failure_of(answer, now=now, fatal=frozenset({400, 401, 403, 404, 410}))

    def _checked(self, answer: Answer) -> JsonObject:
        """Return the body of an answer that says ok."""
        now = self._context.clock()
        if not answer.is_success:
            raise failure_of(answer, now=now)
        body = object_of(answer)
        if body.get("ok") is True:
            return body
        error = text_at(body, "error") or "no reason"
        if error in _TRANSIENT_CODES:
            raise retry_of(answer, now=now)
        needed = text_at(body, "needed")
        hint = f": {needed}" if needed else _HINTS.get(error, "")
        reason = f"Slack answered {error}{hint}."
        if error in _BAD_TOKEN:
            raise Misconfigured(reason, answer.exchange)
        raise Refused(reason, answer.exchange)


def _is_known_by_email(connection: JsonObject) -> bool:
    named = ("channel_id", "user_id", "incoming_webhook")
    return bool(connection.get("email")) and not any(connection.get(name) for name in named)


def _lookup(connection: JsonObject, settings: SlackSettings) -> httpx.Request:
    return httpx.Request(
        "GET",
        f"{settings.base_url or _API}/api/users.lookupByEmail",
        headers=_authorised(connection),
        params={"email": str(connection["email"])},
    )


def _authorised(connection: JsonObject) -> dict[str, str]:
    token = connection.get("access_token")
    if not isinstance(token, str) or not token:
        raise Misconfigured("Neither the connection nor its tenant has a token.")
    return {"authorization": f"Bearer {token}"}


def _body(delivery: Delivery) -> JsonObject:
    """Write what is said: a JSON document as it is, else the Markdown in Slack's markup."""
    content = delivery.content
    summary = content.get("summary")
    document = content.get("json_content")
    if isinstance(document, dict):
        return {"text": summary, **document} if summary else document
    text = to_mrkdwn(str(content.get("markdown") or ""))
    if not summary:
        return {"text": text}
    # With blocks the text is what notifications show.
    section = {"type": "section", "text": {"type": "mrkdwn", "text": text}}
    return {"text": summary, "blocks": [section]}
