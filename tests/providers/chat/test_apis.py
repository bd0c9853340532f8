"""The vendors of chat, against servers that answer like them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.deliveries.delivery import (
    Delivery,
    DeliveryFailure,
    Misconfigured,
    Refused,
    Retry,
)
from domain.kit.json_types import JsonObject
from providers.chat.discord import Discord
from providers.chat.ms_teams import MsTeams
from providers.chat.slack import Slack
from tests.providers.contract import Rig
from tests.providers.rest import CHAT, RestContract, Vendor, talking_to
from tests.providers.servers import reply

TOKEN, BOT, PATH = "xoxb-very-secret", "bot-very-secret", "services/T1/B1/very-secret"
POST, LOOKUP = "/api/chat.postMessage", "/api/users.lookupByEmail"
HOOK = f"/{PATH}"
TO_CHANNEL: JsonObject = {"channel_id": "C1", "access_token": TOKEN}
SLACK = Vendor(
    Slack,
    POST,
    reply(200, b'{"ok": true, "ts": "17.5"}'),
    {"client_secret": "client-very-secret"},
    {**CHAT, "connection": TO_CHANNEL},
    [TOKEN, "client-very-secret"],
    reply(200, b'{"ok": false, "error": "invalid_blocks"}'),
)
DISCORD = Vendor(
    Discord,
    "/api/v10/channels/7/messages",
    reply(200, b'{"id": "42"}'),
    {"bot_token": BOT},
    {**CHAT, "connection": {"channel_id": "7"}},
    [BOT],
)
TEAMS = Vendor(MsTeams, HOOK, reply(202), {}, CHAT, [PATH])
SLACK_HOOK = replace(SLACK, path=HOOK, taken=reply(200, b"ok"), refused=reply(404, b"no_service"))
DISCORD_HOOK = replace(DISCORD, path=HOOK, secrets=[PATH])


def to_hook(base_url: str) -> JsonObject:
    """Write the connection of an incoming webhook."""
    return {"incoming_webhook": {"url": f"{base_url}{HOOK}"}}


class TestSlack(RestContract):
    """The contract."""

    vendor = SLACK


class TestDiscord(RestContract):
    """The contract."""

    vendor = DISCORD


class HookContract(RestContract):
    """The contract, by incoming webhooks."""

    def deliver(self, base_url: str) -> Delivery:
        """Make a delivery to a webhook."""
        return self.vendor.delivery(base_url, connection=to_hook(base_url))


class TestSlackHook(HookContract):
    """The contract."""

    vendor = replace(SLACK_HOOK, secrets=[PATH])


class TestDiscordHook(HookContract):
    """The contract."""

    vendor = DISCORD_HOOK


class TestMsTeamsHook(HookContract):
    """The contract."""

    vendor = TEAMS

    async def test_wrong_settings_are_an_operators_task(self, rig: Rig) -> None:
        """A server that is no address."""
        with pytest.raises(Misconfigured):
            await rig.provider.send(replace(rig.delivery, settings={"base_url": 5}))


async def test_slack_is_asked() -> None:
    """The Markdown in Slack's markup; the time stamp names the message."""
    async with talking_to(SLACK) as line:
        outcome = await line.send()
        assert outcome.external_id == "17.5"
        assert line.body() == {"channel": "C1", "text": "*Hi*"}
        assert outcome.found is None
        assert line.seen.headers["authorization"] == f"Bearer {TOKEN}"
        await line.send(summary="News")
        section = {"type": "section", "text": {"type": "mrkdwn", "text": "*Hi*"}}
        assert line.body() == {"channel": "C1", "text": "News", "blocks": [section]}


async def test_a_json_document_is_sent_as_it_is() -> None:
    """Replies, blocks and what else Slack takes."""
    document = {"blocks": [{"type": "divider"}], "thread_ts": "17.1"}
    async with talking_to(SLACK) as line:
        await line.send(json_content=document, summary="News")
        assert line.body() == {"channel": "C1", "text": "News", **document}


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        ("channel_not_found", Refused),
        ("not_in_channel", Refused),
        ("is_archived", Refused),
        ("user_not_found", Refused),
        ("invalid_auth", Misconfigured),
        ("token_revoked", Misconfigured),
        ("account_inactive", Misconfigured),
        ("missing_scope", Misconfigured),
        ("ratelimited", Retry),
        ("rate_limited", Retry),
        ("internal_error", Retry),
        ("service_unavailable", Retry),
        ("fatal_error", Retry),
        ("team_added_to_org", Retry),
        ("invalid_blocks", Refused),
        ("msg_too_long", Refused),
    ],
)
async def test_slack_says_it_in_words(error: str, failure: type[DeliveryFailure]) -> None:
    """It answers 200 whatever became of the message."""
    async with talking_to(SLACK) as line:
        line.answer(reply(200, b'{"ok": false, "error": "%b"}' % error.encode()))
        with pytest.raises(failure):
            await line.send()


async def test_slack_wishes_when_to_come_back() -> None:
    """429 has its `Retry-After`."""
    async with talking_to(SLACK) as line:
        line.answer(reply(429, b"{}", retry_after="30"))
        with pytest.raises(Retry) as caught:
            await line.send()
        assert caught.value.after == 30.0


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b'{"ok": false, "error": "not_in_channel"}', "invite the app"),
        (b'{"ok": false, "error": "missing_scope", "needed": "chat:write"}', "chat:write"),
    ],
)
async def test_slack_is_understood(answer: bytes, reason: str) -> None:
    """What has to be done is said, where it can be known."""
    async with talking_to(SLACK) as line:
        line.answer(reply(200, answer))
        with pytest.raises(DeliveryFailure, match=reason):
            await line.send()


async def test_slack_finds_people_by_email() -> None:
    """A connection that is an address is looked up first, and is the person's from then on."""
    found = reply(200, b'{"ok": true, "user": {"id": "U7"}}')
    vendor = replace(SLACK, also={LOOKUP: found})
    connection = {"email": "ada@example.com", "access_token": TOKEN}
    async with talking_to(vendor) as line:
        outcome = await line.send(connection=connection)
        assert outcome.found == {"user_id": "U7"}
        assert line.server.seen[0].target == f"{LOOKUP}?email=ada%40example.com"
        assert line.body()["channel"] == "U7"
        line.server.replies[LOOKUP] = reply(200, b'{"ok": false, "error": "users_not_found"}')
        with pytest.raises(Refused):
            await line.send(connection=connection)


@pytest.mark.parametrize(
    ("connection", "failure"),
    [
        ({"channel_id": "C1"}, Misconfigured),
        ({"access_token": TOKEN}, Refused),
        ({}, Refused),
        ({"incoming_webhook": {"url": "https://"}}, Refused),
        ({"incoming_webhook": {"url": "https://[::1"}}, Refused),
    ],
)
async def test_connections_that_lead_nowhere(
    connection: JsonObject, failure: type[DeliveryFailure]
) -> None:
    """Nobody is called."""
    async with talking_to(SLACK) as line:
        with pytest.raises(failure):
            await line.send(connection=connection)
        assert line.server.seen == []


@pytest.mark.parametrize("code", [400, 403, 404, 410])
async def test_a_webhook_of_slack_that_is_gone(code: int) -> None:
    """It stays gone."""
    async with talking_to(SLACK_HOOK) as line:
        line.answer(reply(code, b"no_service"))
        with pytest.raises(Refused):
            await line.send(connection=to_hook(line.server.url))


@pytest.mark.parametrize("vendor", [SLACK_HOOK, DISCORD_HOOK, TEAMS])
async def test_the_host_of_a_webhook_is_the_server(vendor: Vendor) -> None:
    """Anybody may run one, so each is limited alone."""
    async with talking_to(vendor) as line:
        url = "https://u:p@Hooks.Example/x"
        delivery = vendor.delivery("", connection={"incoming_webhook": {"url": url}})
        assert line.provider.server(delivery) == "hooks.example"  # type: ignore[attr-defined]
        odd = vendor.delivery("", connection={"incoming_webhook": {"url": "https://[::1"}})
        assert line.provider.server(odd) == line.provider.id  # type: ignore[attr-defined]


async def test_discord_is_asked() -> None:
    """Markdown goes as it is; the nonce keeps a message from being sent twice."""
    async with talking_to(DISCORD) as line:
        outcome = await line.send()
        assert outcome.external_id == "42"
        body = line.body()
        assert body["content"] == "**Hi**"
        assert body["enforce_nonce"] is True
        assert len(body["nonce"]) == 25
        assert line.seen.headers["authorization"] == f"Bot {BOT}"
        assert line.seen.headers["user-agent"].startswith("DiscordBot (")
        await line.send(json_content={"embeds": [{"title": "x"}]})
        assert line.body()["embeds"] == [{"title": "x"}]


async def test_a_webhook_of_discord_is_asked_to_answer() -> None:
    """With `wait` it names the message."""
    async with talking_to(DISCORD_HOOK) as line:
        outcome = await line.send(connection=to_hook(line.server.url))
        assert outcome.external_id == "42"
        assert line.seen.target == f"{HOOK}?wait=true"
        assert line.seen.headers["user-agent"].startswith("DiscordBot (")


@pytest.mark.parametrize(
    ("answer", "failure", "after"),
    [
        (reply(429, b'{"retry_after": 1.5}'), Retry, 1.5),
        (reply(429, b"{}", retry_after="3"), Retry, 3.0),
        (reply(429, b'{"retry_after": 2, "code": 20016}'), Retry, 2.0),
        (reply(429, b"<html>", retry_after="5"), Retry, 5.0),
        (reply(404, b'{"code": 10003}'), Refused, None),
        (reply(403, b'{"code": 50001}'), Refused, None),
        (reply(403, b'{"code": 50007}'), Refused, None),
        (reply(403, b'{"code": 50013}'), Refused, None),
        (reply(400, b'{"code": 50035}'), Refused, None),
        (reply(401, b'{"code": 0}'), Misconfigured, None),
        (reply(503, b'{"code": 130000}'), Retry, None),
        (reply(502, b""), Retry, None),
    ],
)
async def test_answers_of_discord(
    answer: bytes, failure: type[DeliveryFailure], after: float | None
) -> None:
    """How long to wait stands in the body; some codes are about the channel."""
    async with talking_to(DISCORD) as line:
        line.answer(answer)
        with pytest.raises(failure) as caught:
            await line.send()
        assert getattr(caught.value, "after", None) == after


async def test_a_webhook_of_discord_that_is_gone_is_not_the_bots() -> None:
    """Whoever has stored it has to mend it, and not an operator."""
    async with talking_to(DISCORD_HOOK) as line:
        line.answer(reply(401, b'{"code": 50027}'))
        with pytest.raises(Refused, match="50027"):
            await line.send(connection=to_hook(line.server.url))


async def test_discord_needs_a_bot_for_channels() -> None:
    """An operator has to set its token."""
    async with talking_to(DISCORD) as line:
        with pytest.raises(Misconfigured):
            await line.send_with({"bot_token": None})
        with pytest.raises(Refused):
            await line.send(connection={})


async def test_teams_is_asked() -> None:
    """The Markdown in a card; a JSON document as it is."""
    async with talking_to(TEAMS) as line:
        hook = to_hook(line.server.url)
        await line.send(connection=hook, summary="News")
        body = line.body()
        assert (body["type"], body["summary"]) == ("message", "News")
        (attachment,) = body["attachments"]
        assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
        assert attachment["content"]["body"][0]["text"] == "**Hi**"
        await line.send(connection=hook, json_content={"type": "message", "attachments": []})
        assert line.body() == {"type": "message", "attachments": []}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (reply(200, b"Webhook message delivery failed with error: HTTP error 429"), Retry),
        (reply(200, b"Webhook message delivery failed with error: HTTP error 413"), Refused),
        (reply(404), Refused),
        (reply(500), Retry),
    ],
)
async def test_answers_of_teams(answer: bytes, failure: type[DeliveryFailure]) -> None:
    """Older webhooks hide an error in the text of a 200."""
    async with talking_to(TEAMS) as line:
        line.answer(answer)
        with pytest.raises(failure):
            await line.send(connection=to_hook(line.server.url))
