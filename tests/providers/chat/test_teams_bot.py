"""Bots of Microsoft Teams, against a server that behaves like Microsoft's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from domain.deliveries.delivery import (
    Delivery,
    DeliveryFailure,
    Misconfigured,
    Outcome,
    Refused,
    Retry,
)
from domain.kit.json_types import JsonObject
from providers.chat import ms_teams_bot
from providers.chat.ms_teams import MsTeams
from tests.providers.chat.teams import BOT_ID, PASSWORD, Microsoft, said
from tests.providers.contract import NOW, open_context
from tests.providers.rest import CHAT, RestContract, Vendor
from tests.providers.servers import HttpServer, reply, serving

CONVERSATIONS, TOKEN_PATH = "/v3/conversations", "/contoso/oauth2/v2.0/token"
CHANNEL, PERSON = "19:abc@thread.tacv2", "29:ada"
TO_CHANNEL: JsonObject = {"ms_teams_channel_id": CHANNEL, "ms_teams_tenant_id": "fabrikam"}
TO_PERSON: JsonObject = {"ms_teams_user_id": PERSON, "ms_teams_tenant_id": "fabrikam"}
SETTINGS: JsonObject = {"bot_id": BOT_ID, "bot_password": PASSWORD, "entra_tenant_id": "contoso"}
TOKEN = "token-very-secret"
BOT = Vendor(
    MsTeams,
    CONVERSATIONS,
    said(201, id=f"{CHANNEL};messageid=174", activityId="174"),
    SETTINGS,
    {**CHAT, "connection": TO_CHANNEL},
    [PASSWORD, TOKEN],
    also={TOKEN_PATH: said(200, access_token=TOKEN, expires_in=3_599)},
)


class TestMsTeamsBot(RestContract):
    """The contract."""

    vendor = BOT

    def deliver(self, base_url: str) -> Delivery:
        """Make a delivery whose tokens come from the same server."""
        delivery = self.vendor.delivery(base_url)
        return replace(delivery, settings={**delivery.settings, "login_base_url": base_url})


@dataclass(slots=True)
class Talk:
    """A bot and Microsoft; `now` is what the bot's clock says."""

    microsoft: Microsoft
    provider: MsTeams | None = None
    now: datetime = NOW

    async def send(self, connection: JsonObject, *, settings: Any = (), **content: Any) -> Outcome:
        """Send a message; keywords replace parts of its content."""
        assert self.provider is not None
        delivery = BOT.delivery(self.microsoft.url, connection=connection, **content)
        own = {"login_base_url": self.microsoft.url, **dict(settings)}
        return await self.provider.send(replace(delivery, settings={**delivery.settings, **own}))


@asynccontextmanager
async def talking() -> AsyncIterator[Talk]:
    """Run Microsoft on loopback, and a bot."""
    microsoft = Microsoft()
    talk = Talk(microsoft)
    async with serving(microsoft), open_context() as context:
        talk.provider = MsTeams(replace(context, clock=lambda: talk.now))
        yield talk


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    """Run Microsoft and a bot."""
    async with talking() as made:
        yield made


async def test_a_thread_begins_in_a_channel(talk: Talk) -> None:
    """One request makes it and says the message; what replies need is kept."""
    outcome = await talk.send(TO_CHANNEL, summary="News")
    assert outcome.external_id == "174"
    assert outcome.metadata == {"conversation_id": f"{CHANNEL};messageid=174"}
    assert talk.microsoft.asked() == [TOKEN_PATH, CONVERSATIONS]
    assert talk.microsoft.bodies() == [
        {
            "isGroup": True,
            "bot": {"id": f"28:{BOT_ID}"},
            "tenantId": "fabrikam",
            "channelData": {"channel": {"id": CHANNEL}, "tenant": {"id": "fabrikam"}},
            "activity": {
                "type": "message",
                "textFormat": "markdown",
                "text": "**Hi**",
                "summary": "News",
            },
        }
    ]


async def test_a_person_is_told_in_one_conversation(talk: Talk) -> None:
    """It is opened once, and used for every message after that."""
    for _ in range(2):
        outcome = await talk.send(TO_PERSON)
        assert outcome.external_id == "1:said"
        assert outcome.metadata == {"conversation_id": f"a:{PERSON}"}
    to_person = f"{CONVERSATIONS}/a:{PERSON}/activities"
    assert talk.microsoft.asked() == [TOKEN_PATH, CONVERSATIONS, to_person, to_person]
    opened, told, _ = talk.microsoft.bodies()
    assert opened == {
        "isGroup": False,
        "bot": {"id": f"28:{BOT_ID}"},
        "members": [{"id": PERSON}],
        "tenantId": "fabrikam",
        "channelData": {"tenant": {"id": "fabrikam"}},
    }
    assert told == {"type": "message", "textFormat": "markdown", "text": "**Hi**"}


async def test_conversations_of_other_people_are_others(talk: Talk) -> None:
    """A conversation is with one person, of one tenant, and one bot."""
    await talk.send(TO_PERSON)
    await talk.send({**TO_PERSON, "ms_teams_user_id": "29:bob"})
    await talk.send({**TO_PERSON, "ms_teams_tenant_id": "other"})
    assert talk.microsoft.asked().count(CONVERSATIONS) == 3


async def test_a_conversation_that_is_gone_is_opened_again(talk: Talk) -> None:
    """Within the same attempt: nobody has seen the message yet."""
    await talk.send(TO_PERSON)
    talk.microsoft.conversations.clear()
    assert (await talk.send(TO_PERSON)).external_id == "1:said"
    assert talk.microsoft.asked().count(CONVERSATIONS) == 2


async def test_so_many_conversations_are_kept(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first."""
    monkeypatch.setattr(ms_teams_bot, "_MOST_CONVERSATIONS", 1)
    for user_id in ("29:a", "29:b", "29:b", "29:a"):
        await talk.send({**TO_PERSON, "ms_teams_user_id": user_id})
    assert talk.microsoft.asked().count(CONVERSATIONS) == 3


@pytest.mark.parametrize(
    ("connection", "document", "where"),
    [
        (TO_CHANNEL, {"replyToId": "99"}, f"{CHANNEL};messageid=99"),
        (TO_CHANNEL, {"conversation": {"id": "19:other"}}, "19:other"),
        (
            TO_PERSON,
            {"conversation": {"id": "19:x@thread.tacv2;messageid=1"}, "replyToId": "2"},
            "19:x@thread.tacv2;messageid=2",
        ),
    ],
)
async def test_a_reply_goes_into_its_thread(
    talk: Talk, connection: JsonObject, document: JsonObject, where: str
) -> None:
    """The document names it; in a channel the first message of the thread is enough."""
    talk.microsoft.conversations |= {where.partition(";")[0]}
    outcome = await talk.send(connection, json_content={"text": "x", **document})
    assert talk.microsoft.asked()[-1] == f"{CONVERSATIONS}/{where}/activities"
    assert CONVERSATIONS not in talk.microsoft.asked()
    assert "conversation" not in talk.microsoft.bodies()[-1]
    assert outcome.metadata == {"conversation_id": where}


async def test_a_card_is_sent_as_it_is(talk: Talk) -> None:
    """With what notifications show beside it, and the type that Teams wants."""
    card = {"attachments": [{"contentType": "application/vnd.microsoft.card.adaptive"}]}
    await talk.send(TO_CHANNEL, json_content=card, summary="News")
    activity = talk.microsoft.bodies()[0]["activity"]
    assert activity == {"type": "message", "summary": "News", **card}


async def test_a_bot_of_many_tenants_has_its_tokens_elsewhere(talk: Talk) -> None:
    """It is in no tenant of its own, so the connection has to say which."""
    many = {"bot_type": "multi_tenant", "entra_tenant_id": None}
    await talk.send(TO_CHANNEL, settings=many)
    assert talk.microsoft.asked()[0] == "/botframework.com/oauth2/v2.0/token"
    with pytest.raises(Refused, match="ms_teams_tenant_id"):
        await talk.send({"ms_teams_channel_id": CHANNEL}, settings=many)


async def test_a_bot_of_one_tenant_knows_which(talk: Talk) -> None:
    """A connection that names none is in that one."""
    await talk.send({"ms_teams_channel_id": CHANNEL})
    assert talk.microsoft.bodies()[0]["tenantId"] == "contoso"


@pytest.mark.parametrize(
    ("life", "seconds"), [(3_599, 3_299), ("3599", 3_299), (60, 30), ("odd", 3_300), (None, 3_300)]
)
async def test_a_token_is_kept_until_shortly_before_its_end(
    talk: Talk, life: Any, seconds: float
) -> None:
    """Then another one is asked for."""
    talk.microsoft.life = life
    await talk.send(TO_CHANNEL)
    talk.now += timedelta(seconds=seconds - 1)
    await talk.send(TO_CHANNEL)
    assert talk.microsoft.asked().count(TOKEN_PATH) == 1
    talk.now += timedelta(seconds=2)
    await talk.send(TO_CHANNEL)
    assert talk.microsoft.asked().count(TOKEN_PATH) == 2


async def test_a_token_that_is_refused_is_renewed(talk: Talk) -> None:
    """Within the same attempt; one that is refused at once is for an operator to mend."""
    await talk.send(TO_CHANNEL)
    talk.microsoft.tokens[:] = ["only-this-one"]
    assert (await talk.send(TO_CHANNEL)).external_id == "174"
    talk.microsoft.first = [said(401, error={"code": "x"})] * 2
    with pytest.raises(Misconfigured, match="rejected the bot's token"):
        await talk.send(TO_CHANNEL)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (said(400, error="unauthorized_client"), Misconfigured),
        (said(401, error="invalid_client"), Misconfigured),
        (said(400, error="temporarily_unavailable"), Retry),
        (said(200), Misconfigured),
        (said(200, access_token={"a": 1}), Misconfigured),
        (reply(200, b"[]"), Misconfigured),
        (reply(429, b"", retry_after="7"), Retry),
        (reply(503), Retry),
    ],
)
async def test_when_the_bot_is_not_let_in(
    talk: Talk, answer: bytes, failure: type[DeliveryFailure]
) -> None:
    """What passes is tried again; the rest is in the settings. Nothing is said to Teams."""
    talk.microsoft.replies[TOKEN_PATH] = answer
    with pytest.raises(failure) as caught:
        await talk.send(TO_CHANNEL)
    assert talk.microsoft.bodies() == []
    exchange = caught.value.exchange
    assert exchange is not None
    assert PASSWORD not in json.dumps(exchange.request)


@pytest.mark.parametrize(
    ("answer", "failure", "after"),
    [
        (said(403, error={"code": "BotNotInConversationRoster"}), Refused, None),
        (said(403, error={"code": "MessageWritesBlocked"}), Refused, None),
        (said(404, error={"code": "ConversationNotFound"}), Refused, None),
        (said(400, error={"code": "BadSyntax"}), Refused, None),
        (reply(413), Refused, None),
        (reply(412), Retry, None),
        (reply(412, b"", retry_after="4"), Retry, 4.0),
        (reply(429, b"", retry_after="9"), Retry, 9.0),
        (reply(500), Retry, None),
        (reply(502), Retry, None),
        (reply(504), Retry, None),
    ],
)
@pytest.mark.parametrize("connection", [TO_CHANNEL, TO_PERSON])
async def test_answers_of_teams(
    talk: Talk,
    connection: JsonObject,
    answer: bytes,
    failure: type[DeliveryFailure],
    after: float | None,
) -> None:
    """403 and 404 stay; 412, 429 and 5xx pass, and say how long that takes."""
    talk.microsoft.first = [answer]
    with pytest.raises(failure) as caught:
        await talk.send(connection)
    assert getattr(caught.value, "after", None) == after


async def test_a_refusal_names_teams_own_word(talk: Talk) -> None:
    """For whoever looks for the reason."""
    talk.microsoft.first = [said(403, error={"code": "BotNotInConversationRoster"})]
    with pytest.raises(Refused, match=r"403 \(BotNotInConversationRoster\)"):
        await talk.send(TO_CHANNEL)


async def test_a_conversation_without_a_name_is_asked_for_again(talk: Talk) -> None:
    """Nothing has been said to the person yet."""
    talk.microsoft.first = [said(201)]
    with pytest.raises(Retry):
        await talk.send(TO_PERSON)
    assert len(talk.microsoft.bodies()) == 1


@pytest.mark.parametrize("connection", [{}, {"ms_teams_team_id": "t"}, {"incoming_webhook": 5}])
async def test_connections_that_lead_nowhere(talk: Talk, connection: Any) -> None:
    """Nobody is called."""
    with pytest.raises(Refused, match="neither a channel nor a user id"):
        await talk.send(connection)
    assert talk.microsoft.seen == []


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("nothing", [None, ""])
async def test_a_bot_that_is_not_whole(talk: Talk, name: str, nothing: str | None) -> None:
    """It says nothing, least of all as one of many tenants; incoming webhooks need none."""
    partly = {name: nothing}
    with pytest.raises(Misconfigured, match=name):
        await talk.send(TO_CHANNEL, settings=partly)
    assert talk.microsoft.seen == []
    async with serving(HttpServer({"/hook": reply(200, b"1")})) as server:
        hook = {"incoming_webhook": {"url": f"{server.url}/hook"}}
        assert (await talk.send(hook, settings=partly)).status == "sent"


async def test_a_channel_without_a_bot(talk: Talk) -> None:
    """An operator has to set one; incoming webhooks need none."""
    without = dict.fromkeys(SETTINGS)
    with pytest.raises(Misconfigured, match="bot_id"):
        await talk.send(TO_CHANNEL, settings=without)
    with pytest.raises(Refused):
        await talk.send({"incoming_webhook": {"url": "https://"}}, settings=without)
