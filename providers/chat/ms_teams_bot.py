"""Speaks as a bot in Microsoft Teams, by the Bot Connector API.

Source: Microsoft docs, "Send and receive messages with the Bot Connector API", "Send proactive
messages", "Optimize your bot with rate limiting"; Knock docs, "Replying to chat messages".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from urllib.parse import quote

import httpx
from pydantic import SecretStr

from domain.deliveries.delivery import DeliveryFailure, Misconfigured, Outcome, Refused, Retry
from domain.kit.json_types import JsonObject
from domain.messages.statuses import DeliveryStatus
from outbound.http import Answer, call, failure_of, retry_of
from providers.base import ProviderContext
from providers.rest import object_of, text_at
from providers.tokens import Token, Tokens

_CONNECTOR = "https://smba.trafficmanager.net/teams"
_LOGIN = "https://login.microsoftonline.com"
# Where bots that are in many tenants get their tokens.
_EVERYBODY = "botframework.com"
_SCOPE = "https://api.botframework.com/.default"
_LIFE_SECONDS, _LONGEST_LIFE_SECONDS = 3_600.0, 86_400.0
# A token is used until this long before its end.
_MARGIN_SECONDS = 300.0
# The one that is kept, and a new one.
_TOKENS_TRIED = 2
_MOST_CONVERSATIONS = 10_000


@dataclass(frozen=True, slots=True)
class Bot:
    """A bot as an operator has registered it.

    Attributes:
        id: of its application.
        password: of its application.
        tenant_id: the one tenant that it is in; None for one that is in many.
        connector: another server than Microsoft's own.
        login: another server than Microsoft's own.
    """

    id: str
    password: SecretStr
    tenant_id: str | None = None
    connector: str | None = None
    login: str | None = None

    @property
    def account(self) -> JsonObject:
        """Return how Teams names it."""
        return {"id": self.id if self.id.startswith("28:") else f"28:{self.id}"}

    def url(self, path: str) -> str:
        """Return the address of something about conversations."""
        return f"{self.connector or _CONNECTOR}/v3/conversations{path}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message goes: to one of these.

    Attributes:
        tenant_id: of the customer.
        conversation_id: one that there is already, or a thread in it.
        channel_id: of a channel, in which it begins a thread.
        user_id: of a person.
    """

    tenant_id: str | None = None
    conversation_id: str | None = None
    channel_id: str | None = None
    user_id: str | None = None

    @classmethod
    def of(cls, connection: JsonObject, activity: JsonObject) -> Self:
        """Read a connection, and whether the message is a reply.

        A reply names the first message of its thread by `replyToId`, and the conversation by the
        `id` of its `conversation`; in a channel the latter is the channel, unless it is said.

        Raises:
            Refused: there is nobody to send to.
        """
        channel_id = _text(connection, "ms_teams_channel_id")
        conversation = activity.get("conversation")
        named = _text(conversation, "id") if isinstance(conversation, dict) else None
        root = _text(activity, "replyToId")
        base = named or (channel_id if root else None)
        if base is not None and root is not None:
            base = f"{base.partition(';')[0]};messageid={root}"
        place = cls(
            tenant_id=_text(connection, "ms_teams_tenant_id"),
            conversation_id=base,
            channel_id=channel_id,
            user_id=_text(connection, "ms_teams_user_id"),
        )
        if not (place.conversation_id or place.channel_id or place.user_id):
            raise Refused("The connection has neither a channel nor a user id.")
        return place


def _text(given: JsonObject, name: str) -> str | None:
    value = given.get(name)
    return value if isinstance(value, str) and value else None


class Bots:
    """Sends what bots say; keeps their tokens, and the conversations that they have with people.

    Args:
        context: what calls are made with.
        service_name: what delivery logs call the vendor.
    """

    def __init__(self, context: ProviderContext, service_name: str) -> None:
        self._context = context
        self._service_name = service_name
        self._tokens = Tokens()
        self._conversations: dict[tuple[str, ...], str] = {}

    async def send(self, bot: Bot, place: Place, activity: JsonObject) -> Outcome:
        """Say something once. Raises a DeliveryFailure when it was not taken."""
        activity = {name: value for name, value in activity.items() if name != "conversation"}
        if place.conversation_id is not None:
            answer = await self._say(bot, place.conversation_id, activity)
            return self._outcome(answer, place.conversation_id)
        tenant_id = place.tenant_id or bot.tenant_id
        if tenant_id is None:
            raise Refused("Neither the connection nor its tenant has an ms_teams_tenant_id.")
        if place.channel_id is not None:
            return await self._begin_thread(bot, tenant_id, place.channel_id, activity)
        return await self._tell_person(bot, tenant_id, str(place.user_id), activity)

    async def _begin_thread(
        self, bot: Bot, tenant_id: str, channel_id: str, activity: JsonObject
    ) -> Outcome:
        """Begin a thread in a channel: its conversation is made by its first message."""
        body: JsonObject = {
            "isGroup": True,
            "bot": bot.account,
            "tenantId": tenant_id,
            "channelData": {"channel": {"id": channel_id}, "tenant": {"id": tenant_id}},
            "activity": activity,
        }
        answer = await self._post(bot, bot.url(""), body)
        made = self._checked(answer)
        return Outcome(
            DeliveryStatus.SENT,
            answer.exchange,
            text_at(made, "activityId"),
            _metadata(text_at(made, "id")),
        )

    async def _tell_person(
        self, bot: Bot, tenant_id: str, user_id: str, activity: JsonObject
    ) -> Outcome:
        """Tell a person: in the conversation that the bot has with them, which lasts."""
        name = (bot.url(""), bot.id, tenant_id, user_id)
        known = self._conversations.get(name)
        if known is not None:
            answer = await self._say(bot, known, activity)
            if answer.status_code != httpx.codes.NOT_FOUND:
                return self._outcome(answer, known)
            self._conversations.pop(name, None)
        body: JsonObject = {
            "isGroup": False,
            "bot": bot.account,
            "members": [{"id": user_id}],
            "tenantId": tenant_id,
            "channelData": {"tenant": {"id": tenant_id}},
        }
        answer = await self._post(bot, bot.url(""), body)
        opened = text_at(self._checked(answer), "id")
        if opened is None:
            raise Retry(f"{self._service_name} returned no conversation id.", answer.exchange)
        self._remember(name, opened)
        return self._outcome(await self._say(bot, opened, activity), opened)

    def _remember(self, name: tuple[str, ...], conversation_id: str) -> None:
        if len(self._conversations) >= _MOST_CONVERSATIONS:
            del self._conversations[next(iter(self._conversations))]
        self._conversations[name] = conversation_id

    async def _say(self, bot: Bot, conversation_id: str, activity: JsonObject) -> Answer:
        path = f"/{quote(conversation_id, safe='')}/activities"
        return await self._post(bot, bot.url(path), activity)

    def _outcome(self, answer: Answer, conversation_id: str) -> Outcome:
        said = text_at(self._checked(answer), "id")
        metadata = _metadata(conversation_id)
        return Outcome(DeliveryStatus.SENT, answer.exchange, said, metadata)

    async def _post(self, bot: Bot, url: str, body: JsonObject) -> Answer:
        """Ask the connector; a token that it refuses is thrown away, and another one tried.

        Raises:
            Misconfigured: it does not take that one either.
        """
        for _ in range(_TOKENS_TRIED):
            secrets, token = await self._token(bot)
            headers = {"authorization": f"Bearer {token.value}"}
            request = httpx.Request("POST", url, json=body, headers=headers)
            answer = await self._call(bot, request, token.value)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return answer
            self._tokens.forget(secrets, token)
        reason = f"{self._service_name} rejected the bot's token."
        raise Misconfigured(reason, answer.exchange)

    async def _token(self, bot: Bot) -> tuple[str, Token]:
        now, password = self._context.clock(), bot.password.get_secret_value()
        where = f"{bot.login or _LOGIN}/{quote(bot.tenant_id or _EVERYBODY, safe='')}"
        secrets = "\0".join((where, bot.id, password))
        known = self._tokens.find(secrets, now)
        if known is not None:
            return secrets, known
        form = {
            "grant_type": "client_credentials",
            "client_id": bot.id,
            "client_secret": password,
            "scope": _SCOPE,
        }
        request = httpx.Request("POST", f"{where}/oauth2/v2.0/token", data=form)
        answer = await self._call(bot, request)
        body = object_of(answer)
        value = text_at(body, "access_token")
        if not answer.is_success or not value:
            raise self._refusal_of_bot(answer)
        life = _life(body)
        until = now + timedelta(seconds=life - min(_MARGIN_SECONDS, life / 2))
        return secrets, self._tokens.keep(secrets, Token(value, until), now)

    async def _call(self, bot: Bot, request: httpx.Request, *secrets: str) -> Answer:
        return await call(
            self._context.http,
            request,
            service_name=self._service_name,
            timeout=self._context.timeouts.answer,
            connect=self._context.timeouts.connect,
            secrets=[bot.password.get_secret_value(), *secrets],
        )

    def _refusal_of_bot(self, answer: Answer) -> DeliveryFailure:
        error = text_at(object_of(answer), "error")
        failure = failure_of(answer, now=self._context.clock())
        if isinstance(failure, Retry):
            return failure
        if error == "temporarily_unavailable":
            return retry_of(answer, now=self._context.clock())
        told = error or f"status {answer.status_code}"
        return Misconfigured(f"Microsoft refused a token for the bot ({told}).", answer.exchange)

    def _checked(self, answer: Answer) -> JsonObject:
        """Return the body of an answer that is a success. Raises a DeliveryFailure."""
        body = object_of(answer)
        if answer.is_success:
            return body
        now = self._context.clock()
        if answer.status_code == httpx.codes.PRECONDITION_FAILED:
            raise retry_of(answer, now=now)
        failure = failure_of(answer, now=now)
        error = text_at(body, "error", "code")
        if isinstance(failure, Refused) and error is not None:
            told = f"{answer.status_code} ({error})"
            raise Refused(f"{self._service_name} answered {told}.", answer.exchange)
        raise failure


def _metadata(conversation_id: str | None) -> JsonObject:
    """Return what is kept with a message, so that replies can name where it is."""
    return {} if conversation_id is None else {"conversation_id": conversation_id}


def _life(body: JsonObject) -> float:
    """Return for how many seconds a token is good."""
    try:
        said = float(body.get("expires_in") or _LIFE_SECONDS)
    except (TypeError, ValueError):
        return _LIFE_SECONDS
    return min(said, _LONGEST_LIFE_SECONDS) if said > 0 else 0.0
