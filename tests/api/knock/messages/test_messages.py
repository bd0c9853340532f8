"""Messages over HTTP: lists with every filter, single ones, contents, events, logs, activities."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb

from domain.kit.ids import new_id
from models.queries.messages import messages as statements
from tests.support.account import Account
from tests.support.builders import T0, Builder, Environment
from tests.support.steps import channel_step
from tests.support.world import World

MOMENT = "2026-03-01T12:00:00.000000Z"
TEXT_BLOCK = {"name": "body", "type": "text", "content": "Hi", "rendered": "<p>Hi</p>"}


async def _ids(client: httpx.AsyncClient, query: str, path: str = "/v1/messages") -> list[str]:
    response = await client.get(f"{path}?{query}")
    assert response.status_code == 200, response.text
    return [item["id"] for item in response.json()["items"]]


async def test_a_message_in_full(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A message is answered with its channel, source, recipient and times, as documented."""
    channel = await make.channel("email", key=f"mail-{uuid4().hex[:6]}", provider="smtp")
    run_id = await make.run(environment)
    identifier = await make.message(
        environment,
        channel,
        channel_type="email",
        recipient_run_id=run_id,
        workflow_run_id=uuid4(),
        categories=["updates"],
        tenant_id="acme",
        actors=["ann", {"id": "p1", "collection": "projects"}],
        data={"n": 1},
        delivery_status="sent",
        provider_metadata={"external_id": "x1"},
        recipient_snapshot={"email": "e@example.com", "name": None},
        seen_at=T0,
    )
    body = (await client.get(f"/v1/messages/{identifier}")).json()
    assert body["__typename"] == "Message"
    assert (body["channel_id"], body["channel"]["provider"]) == (str(channel), "smtp")
    assert body["source"]["__typename"] == "NotificationSource"
    assert body["source"]["workflow_recipient_run_id"] == run_id
    assert body["source"]["categories"] == ["updates"]
    assert (body["recipient"], body["tenant"], body["status"]) == ("ellie", "acme", "sent")
    assert body["actors"] == ["ann", {"id": "p1", "collection": "projects"}]
    assert (body["seen_at"], body["engagement_statuses"]) == (MOMENT, ["seen"])
    assert body["metadata"] == {"external_id": "x1"}
    assert body["recipient_snapshot"]["email"] == "e@example.com"
    assert body["scheduled_at"] is None


@pytest.fixture
async def five(make: Builder, environment: Environment) -> dict[str, str]:
    """Make five messages, each different in what filters look at; the newest is `e`."""
    run_id = await make.run(environment, id=RUN_B)
    [run] = await make.rows("SELECT workflow_run_id FROM recipient_runs WHERE id = %s", run_id)
    changes: dict[str, dict[str, Any]] = {
        "a": {"tenant_id": "acme", "delivery_status": "bounced", "channel_id": CHANNEL},
        "b": {
            "workflow_key": "digest",
            "recipient_run_id": run_id,
            "workflow_run_id": run["workflow_run_id"],
        },
        "c": {"categories": ["news", "promo"], "seen_at": T0, "data": {"n": 1, "s": "x" * 256}},
        "d": {"read_at": T0, "archived_at": T0, "data": {"n": 1, "z": None}},
        "e": {"collection": "projects", "recipient_id": "p1", "link_clicked_at": T0},
    }
    found = {}
    for minute, (name, change) in enumerate(changes.items()):
        channel = change.pop("channel_id", uuid4())
        found[name] = await make.message(environment, channel, minute=minute, **change)
    yield found
    await make.rows("DELETE FROM recipient_runs WHERE id = %s RETURNING id", run_id)


CHANNEL = uuid4()
RUN_B = new_id()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", "edcba"),
        ("tenant=acme", "a"),
        # Ids of tests have to be the same in every process that collects them.
        pytest.param(f"channel_id={CHANNEL}", "a", id="channel"),
        ("status[]=bounced", "a"),
        ("status[]=bounced&status[]=delivered", "edcba"),
        ("status[]=queued", ""),
        ("status[]=queued&status[]=bounced&status[]=bounced", "a"),
        ("status[]=undelivered&status[]=bounced&engagement_status[]=unseen", "a"),
        ("status[]=undelivered&status[]=bounced&engagement_status[]=seen", ""),
        ("engagement_status[]=seen", "c"),
        ("engagement_status[]=seen&engagement_status[]=read", "dc"),
        ("engagement_status[]=unseen", "edba"),
        ("engagement_status=archived", "d"),
        ("engagement_status=unarchived", "ecba"),
        ("engagement_status=link_clicked", "e"),
        ("engagement_status=interacted", ""),
        ("workflow_categories[]=promo&workflow_categories[]=other", "c"),
        ("source=digest", "b"),
        pytest.param(f"workflow_recipient_run_id={RUN_B}", "b", id="run"),
        ("workflow_recipient_run_id=other", ""),
        ('trigger_data={"n":1}', "dc"),
        ('trigger_data={"n":1,"z":null}', "d"),
        ('trigger_data={"s":"' + "x" * 300 + '"}', "c"),
        ("inserted_at.gt=2026-03-01T12:01:00Z&inserted_at.lte=2026-03-01T12:03:00Z", "dc"),
        ("inserted_at[gte]=2026-03-01T12:04:00Z", "e"),
        ("inserted_at[lt]=2026-03-01T12:01:00Z", "a"),
        ("tenant=acme&status[]=delivered", ""),
    ],
)
async def test_filters_of_the_list(
    client: httpx.AsyncClient, five: dict[str, str], query: str, names: str
) -> None:
    """Every filter narrows the list; different filters all apply, newest first."""
    assert await _ids(client, query) == [five[name] for name in names]


@pytest.mark.parametrize("few", [0, 1, 2])
async def test_a_category_that_is_rare(
    client: httpx.AsyncClient, five: dict[str, str], monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """A list is the same whether its few messages are looked up or it is read on to them."""
    monkeypatch.setattr(statements, "_NEWEST", 1)
    monkeypatch.setattr(statements, "_FEW", few)
    assert await _ids(client, "workflow_categories[]=news") == [five["c"]]
    assert await _ids(client, "workflow_categories[]=news&tenant=acme") == []


async def test_filters_by_id_and_trigger(
    client: httpx.AsyncClient, five: dict[str, str], make: Builder
) -> None:
    """Ids and a trigger's id are filters like others."""
    wanted = f"message_ids[]={five['a']}&message_ids[]={five['c']}&message_ids[]=other"
    assert await _ids(client, wanted) == [five["c"], five["a"]]
    assert await _ids(client, f"{wanted}&tenant=acme") == [five["a"]]
    [row] = await make.rows("SELECT workflow_run_id FROM messages WHERE id = %s", five["b"])
    assert await _ids(client, f"workflow_run_id={row['workflow_run_id']}") == [five["b"]]


async def test_messages_of_a_user(client: httpx.AsyncClient, five: dict[str, str]) -> None:
    """A user's list takes the same filters and shows nobody else's messages."""
    assert await _ids(client, "", "/v1/users/ellie/messages") == [five[n] for n in "dcba"]
    assert await _ids(client, "tenant=acme", "/v1/users/ellie/messages") == [five["a"]]
    assert await _ids(client, "", "/v1/users/unknown/messages") == []


async def test_environments_are_apart(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A message of another environment does not exist, in any of its forms."""
    other = await make.environment()
    identifier = await make.message(other, uuid4())
    assert await _ids(client, "") == []
    for path in ("", "/content", "/events", "/activities", "/delivery_logs"):
        assert (await client.get(f"/v1/messages/{identifier}{path}")).status_code == 404
    assert (await client.put(f"/v1/messages/{identifier}/seen")).status_code == 404
    batch = await client.post("/v1/messages/batch/seen", json={"message_ids": [identifier]})
    assert batch.json() == []


CONTENTS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "email",
        {
            "from": "a@b.c",
            "to": "d@e.f",
            "cc": None,
            "bcc": None,
            "reply_to": None,
            "subject_line": "Hi",
            "html_body": "<p>Hi</p>",
            "text_body": "Hi",
            "headers": {},
        },
        {"__typename": "MessageEmailContent", "subject_line": "Hi", "cc": None},
    ),
    (
        "sms",
        {"to": "+1", "body": "Hi", "overrides": {}},
        {"__typename": "MessageSmsContent", "to": "+1", "body": "Hi"},
    ),
    (
        "push",
        {"title": "T", "body": "B", "silent": False, "overrides": {"data": {"k": 1}}},
        {"__typename": "MessagePushContent", "title": "T", "data": {"k": 1}},
    ),
    (
        "push",
        {"title": "T", "body": "B", "silent": False, "data": {"n": 1}, "overrides": {}},
        {"__typename": "MessagePushContent", "title": "T", "data": {"n": 1}},
    ),
    (
        "push",
        {"title": "T", "body": "", "data": {"n": 1}, "overrides": {"data": {"k": 1}}},
        {"__typename": "MessagePushContent", "title": "T", "data": {"n": 1, "k": 1}},
    ),
    (
        "chat",
        {"summary": "S", "markdown": "*Hi*", "json_content": None},
        {
            "__typename": "MessageChatContent",
            "connection": {},
            "template": {
                "summary": "S",
                "blocks": [{"name": "body", "type": "markdown", "content": "*Hi*"}],
                "json_content": None,
            },
        },
    ),
    (
        "in_app_feed",
        {"blocks": [TEXT_BLOCK]},
        {"__typename": "MessageInAppFeedContent", "blocks": [TEXT_BLOCK]},
    ),
    (
        "http",
        {"method": "post", "url": "https://x.example", "body": "{}"},
        {"__typename": "MessageHttpContent", "method": "post"},
    ),
]


@pytest.mark.parametrize(("channel_type", "content", "expected"), CONTENTS)
async def test_contents_by_channel_type(
    client: httpx.AsyncClient,
    *,
    make: Builder,
    environment: Environment,
    channel_type: str,
    content: dict[str, Any],
    expected: dict[str, Any],
) -> None:
    """Each channel type has its own shape of content."""
    identifier = await make.message(
        environment, uuid4(), channel_type=channel_type, content=content
    )
    body = (await client.get(f"/v1/messages/{identifier}/content")).json()
    assert (body["__typename"], body["message_id"]) == ("MessageContent", identifier)
    assert body["data"].items() >= expected.items()


async def test_contents_of_many(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Contents of several messages come in the order asked for; unknown ids are left out."""
    one, two = [await make.message(environment, uuid4()) for _ in range(2)]
    query = f"message_ids[]={two}&message_ids[]=unknown&message_ids[]={one}"
    body = (await client.get(f"/v1/messages/batch/content?{query}")).json()
    assert [content["message_id"] for content in body] == [two, one]
    assert (await client.get("/v1/messages/batch/content")).status_code == 422


async def test_events_and_delivery_logs(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Events and provider calls are listed newest first, in pages; the first are the row's own."""
    identifier = await make.message(environment, uuid4(), channel_type="email")
    await make.insert(
        "message_events",
        id=new_id(),
        message_id=identifier,
        event_type="message.sent",
        inserted_at=T0,
    )
    for attempt, response in ((1, None), (2, {"status": 250})):
        await make.insert(
            "delivery_attempts",
            id=new_id(),
            message_id=identifier,
            environment_id=environment.id,
            attempt=attempt,
            service_name="SMTP",
            request=Jsonb({"method": "POST", "host": "mail.example"}),
            response=None if response is None else Jsonb(response),
            inserted_at=T0,
        )
    first = (await client.get(f"/v1/messages/{identifier}/events?page_size=2")).json()
    after = first["page_info"]["after"]
    rest = (await client.get(f"/v1/messages/{identifier}/events?after={after}")).json()
    types = [event["type"] for event in first["items"] + rest["items"]]
    assert types == ["message.sent", "message.queued", "message.created"]
    assert first["items"][0]["recipient"] == "ellie"
    logs = (await client.get(f"/v1/messages/{identifier}/delivery_logs")).json()["items"]
    assert [log["response"] for log in logs] == [{"status": 250}, {}]
    assert logs[0]["request"]["host"] == "mail.example"


async def test_the_activity_of_a_message(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A message has one activity: the trigger with actor, recipient and data, no attachments."""
    await make.user(environment, "ellie", name="Ellie")
    await make.user(environment, "ann", name="Ann")
    run_id = await make.run(
        environment,
        data={"deep": {"n": 1}, "k": "all", "attachments": ["big"]},
        trigger_data=Jsonb({"k": "mine"}),
    )
    identifier = await make.message(
        environment, uuid4(), recipient_run_id=run_id, actors=["ann"], data={"k": "mine"}
    )
    path = f"/v1/messages/{identifier}/activities"
    [activity] = (await client.get(path)).json()["items"]
    assert activity["data"] == {"deep": {"n": 1}, "k": "mine"}
    assert (activity["actor"]["name"], activity["recipient"]["name"]) == ("Ann", "Ellie")
    assert activity["id"] == (await client.get(path)).json()["items"][0]["id"]
    matching = await client.get(path, params={"trigger_data": '{"k":"mine"}'})
    other = await client.get(path, params={"trigger_data": '{"k":"all"}'})
    assert (len(matching.json()["items"]), len(other.json()["items"])) == (1, 0)


async def test_a_public_key_alone_reaches_items_of_feeds(
    anonymous: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Without a user token an e-mail does not exist, and lists are closed."""
    anonymous.headers["authorization"] = f"Bearer {environment.public_key}"
    mail = await make.message(environment, uuid4(), channel_type="email")
    item = await make.message(environment, uuid4())
    assert (await anonymous.get(f"/v1/messages/{item}")).status_code == 200
    assert (await anonymous.put(f"/v1/messages/{item}/read")).status_code == 200
    assert (await anonymous.get(f"/v1/messages/{mail}")).status_code == 404
    assert (await anonymous.put(f"/v1/messages/{mail}/read")).status_code == 404
    rows = await make.rows("SELECT read_at FROM messages WHERE id = %s", mail)
    assert rows == [{"read_at": None}]
    assert (await anonymous.get("/v1/messages")).json()["code"] == "incorrect_token_type"
    assert (await anonymous.get(f"/v1/messages/{item}/content")).status_code == 401


async def test_in_development_a_public_key_reaches_all_messages(
    management: httpx.AsyncClient, account: Account
) -> None:
    """An application is tried there before its server signs anything."""
    environment = (await account.world()).environment
    management.headers["authorization"] = f"Bearer {environment.public_key}"
    push = await account.make.message(environment, uuid4(), channel_type="push")
    assert (await management.put(f"/v1/messages/{push}/interacted")).status_code == 200
    assert (await management.get(f"/v1/messages/{push}/content")).status_code == 401


@pytest.mark.parametrize("query", ["trigger_data[objectId]=42", 'trigger_data={"objectId":42}'])
async def test_trigger_data_is_found_in_either_form(
    client: httpx.AsyncClient, make: Builder, environment: Environment, query: str
) -> None:
    """Bracket forms can only carry text, and find the number that was sent; the feed likewise."""
    channel = await make.channel()
    wanted = await make.message(environment, channel, data={"objectId": 42})
    await make.message(environment, channel, data={"objectId": 43})
    listed = (await client.get(f"/v1/messages?{query}")).json()["items"]
    feed = (await client.get(f"/v1/users/ellie/feeds/{channel}?{query}")).json()["entries"]
    assert [one["id"] for one in listed] == [one["id"] for one in feed] == [wanted]


async def test_what_is_gone_is_left_out(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A channel and a recipient that no longer exist are missing, an actor is null: never a 500."""
    run_id = await make.run(environment)
    identifier = await make.message(environment, uuid4(), recipient_run_id=run_id, actors=["gone"])
    message = (await client.get(f"/v1/messages/{identifier}")).json()
    assert "channel" not in message
    assert message["recipient"] == "ellie"
    [activity] = (await client.get(f"/v1/messages/{identifier}/activities")).json()["items"]
    assert "recipient" not in activity
    assert activity["actor"] is None


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("", "message_ids", "is required"),
        ("message_ids[a]=x", "message_ids[0]", "must be a string"),
        ("&".join(f"message_ids[]={n}" for n in range(51)), "message_ids", "at most 50 entries"),
    ],
)
async def test_a_batch_of_contents_names_its_messages(
    client: httpx.AsyncClient, query: str, field: str, words: str
) -> None:
    """A query without 1 to 50 ids is refused at the place that is wrong."""
    response = await client.get(f"/v1/messages/batch/content?{query}")
    [error] = response.json()["errors"]
    assert (response.status_code, error["field"]) == (422, field)
    assert words in error["message"]


async def test_everything_wrong_with_a_query_is_told_at_once(client: httpx.AsyncClient) -> None:
    """Filters and page alike; the message names the first, for clients that show nothing else."""
    query = {
        "status[]": ["sent", "lost"],
        "channel_id": "z",
        "inserted_at[gt]": "soon",
        "trigger_data": "{",
        "page_size": "many",
        "after": "?",
    }
    refused = await client.get("/v1/messages", params=query)
    assert refused.status_code == 422
    fields = [error["field"] for error in refused.json()["errors"]]
    assert sorted(fields) == [
        *("after", "channel_id", "inserted_at.gt", "page_size", "status[1]", "trigger_data"),
    ]
    assert refused.json()["message"].startswith(f"{fields[0]}: ")
    assert refused.json()["message"].endswith("(and 5 more)")


async def test_a_message_on_its_way_is_found_by_its_status(
    client: httpx.AsyncClient, world: World
) -> None:
    """It is queued until its provider was called, and then it is not."""
    await world.send(channel_step("mail", "email"))
    queued = "/v1/messages?status[]=queued&status[]=delivery_attempted"
    (message,) = (await client.get(queued)).json()["items"]
    # Beside messages that failed too, which are found in another way.
    assert (await client.get(f"{queued}&status[]=bounced")).json()["items"] == [message]
    await world.deliver(message["id"])
    assert (await client.get(queued)).json()["items"] == []
