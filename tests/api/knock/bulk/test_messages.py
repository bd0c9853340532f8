"""Marking and deleting the messages of a channel in bulk."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from domain.bulk.messages import BulkAction
from services.bulk import messages
from services.bulk.work import work_on_bulk
from services.engine import Engine
from tests.support.builders import T0, Builder, Environment
from tests.support.bulk import finish, order_of, wire_counts

MARKS = {
    "seen": "seen_at",
    "read": "read_at",
    "archived": "archived_at",
    "archive": "archived_at",
    "interacted": "interacted_at",
}
UNMARKS = {
    "unseen": "seen_at",
    "unread": "read_at",
    "unarchived": "archived_at",
    "unarchive": "archived_at",
}


@pytest.fixture
async def channel(make: Builder) -> UUID:
    """Make an in-app channel."""
    return await make.channel()


class _Bulk:
    """Asks for operations over a channel, and lets them be worked on."""

    def __init__(
        self, client: httpx.AsyncClient, engine: Engine, environment: Environment, channel: UUID
    ) -> None:
        self.client, self.engine, self.environment = client, engine, environment
        self.path = f"/v1/channels/{channel}/messages/bulk"

    async def ask(self, action: str, body: Any = None) -> httpx.Response:
        """Ask, and no more."""
        return await self.client.post(f"{self.path}/{action}", json=body)

    async def work(self, response: httpx.Response) -> dict[str, Any]:
        """Let what was asked for be done."""
        assert response.status_code == 200, response.text
        await finish(self.engine, self.environment, response.json()["id"])
        path = f"/v1/bulk_operations/{response.json()['id']}"
        body: dict[str, Any] = (await self.client.get(path)).json()
        return body

    async def do(self, action: str, body: Any = None) -> dict[str, Any]:
        """Ask and let it be done."""
        return await self.work(await self.ask(action, body))


@pytest.fixture
def bulk(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, channel: UUID
) -> _Bulk:
    """Ask for operations over the channel of the test."""
    return _Bulk(client, engine, environment, channel)


async def _marked(make: Builder, environment: Environment, column: str) -> list[str]:
    rows = await make.rows(
        f"SELECT data ->> 'n' AS n FROM messages WHERE environment_id = %s AND {column} IS NOT NULL"
        " ORDER BY 1",
        environment.id,
    )
    return [row["n"] for row in rows]


async def _note(
    make: Builder, environment: Environment, channel: UUID, name: str, **changes: Any
) -> str:
    data = {"n": name, **changes.pop("data", {})}
    return await make.message(environment, channel, data=data, **changes)


@pytest.mark.parametrize("action", [*MARKS, *UNMARKS])
async def test_messages_are_marked(
    bulk: _Bulk, make: Builder, environment: Environment, channel: UUID, action: str
) -> None:
    """Each action does to all messages of the channel what it does to one, with its event."""
    marked = dict.fromkeys(UNMARKS.values(), T0) if action in UNMARKS else {}
    ids = [await _note(make, environment, channel, str(n), **marked) for n in range(3)]
    elsewhere = await _note(make, environment, uuid4(), "elsewhere", **marked)
    done = await bulk.do(action)
    assert done["name"] == f"messages.{action}"
    assert wire_counts(done) == ("completed", 3, 3, 0)
    column = {**MARKS, **UNMARKS}[action]
    expected = ["elsewhere"] if action in UNMARKS else ["0", "1", "2"]
    assert await _marked(make, environment, column) == expected
    events = await make.rows(
        "SELECT message_id, event_type FROM message_events WHERE message_id = ANY(%s::uuid[])",
        [*ids, elsewhere],
    )
    name = {"archive": "archived", "unarchive": "unarchived"}.get(action, action)
    told = [row for row in events if row["event_type"] == f"message.{name}"]
    assert sorted(str(row["message_id"]) for row in told) == sorted(ids)


async def test_messages_are_deleted(
    bulk: _Bulk, make: Builder, environment: Environment, channel: UUID
) -> None:
    """Deleted messages are gone with their events; what the filters leave out stays."""
    gone = await _note(make, environment, channel, "gone", tenant_id="acme")
    stays = await _note(make, environment, channel, "stays")
    await bulk.client.put(f"/v1/messages/{gone}/seen")
    assert wire_counts(await bulk.do("delete", {"tenants": ["acme"]}))[1:3] == (1, 1)
    assert (await bulk.client.get(f"/v1/messages/{gone}")).status_code == 404
    assert (await bulk.client.get(f"/v1/messages/{stays}")).status_code == 200
    left = "SELECT 1 FROM message_events WHERE message_id = %s"
    assert await make.rows(left, gone) == []


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, "abcdef"),
        (None, "abcdef"),
        ({"archived": "exclude"}, "abcde"),
        ({"archived": "only"}, "f"),
        ({"archived": "include"}, "abcdef"),
        ({"delivery_status": "undelivered"}, "d"),
        ({"engagement_status": "seen"}, "c"),
        ({"engagement_status": "unseen"}, "abdef"),
        ({"engagement_status": "link_clicked"}, ""),
        ({"has_tenant": True}, "b"),
        ({"has_tenant": False}, "acdef"),
        ({"tenants": ["acme", "other"]}, "b"),
        ({"newer_than": "2026-03-01T12:02:00Z"}, "def"),
        ({"older_than": "2026-03-01T12:02:00Z"}, "ab"),
        ({"recipient_ids": ["alan", "alan", "nobody"]}, "e"),
        ({"recipient_ids": []}, ""),
        ({"user_ids": ["alan"]}, "e"),
        ({"workflows": ["other"]}, "c"),
        ({"trigger_data": '{"color":"red"}'}, "a"),
        ({"trigger_data": {"color": "red"}}, "a"),
        ({"trigger_data": '{"color":1}'}, ""),
        ({"recipient_ids": ["ellie"], "has_tenant": False, "archived": "exclude"}, "acd"),
        # What mobile clients send: nothing is meant.
        (
            {
                "user_ids": ["ellie"],
                "engagement_status": "",
                "archived": "",
                "has_tenant": "",
                "tenants": "",
            },
            "abcdf",
        ),
        (
            {
                "user_ids": ["ellie"],
                "engagement_status": None,
                "archived": None,
                "has_tenant": None,
                "tenants": None,
                "trigger_data": None,
                "older_than": None,
            },
            "abcdf",
        ),
        ({"tenants": "acme", "has_tenant": "true"}, "b"),
    ],
)
async def test_filters(
    bulk: _Bulk,
    make: Builder,
    environment: Environment,
    channel: UUID,
    filters: Any,
    expected: str,
) -> None:
    """Only messages that every given filter fits are marked; an empty value is no filter."""
    changes: dict[str, dict[str, Any]] = {
        "a": {"data": {"color": "red"}},
        "b": {"tenant_id": "acme"},
        "c": {"seen_at": T0, "workflow_key": "other"},
        "d": {"delivery_status": "undelivered"},
        "e": {"recipient_id": "alan"},
        "f": {"archived_at": T0},
    }
    for minute, (name, given) in enumerate(changes.items()):
        await _note(make, environment, channel, name, minute=minute, **given)
    # An object may have the id of a user.
    await _note(make, environment, uuid4(), "x", collection="projects", recipient_id="ellie")
    done = await bulk.do("read", filters)
    assert "".join(await _marked(make, environment, "read_at")) == expected
    assert done["success_count"] == len(expected)
    assert done["estimated_total_rows"] == len(expected)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"archived": "maybe"}, "archived"),
        ({"delivery_status": "lost"}, "delivery_status"),
        ({"engagement_status": "liked"}, "engagement_status"),
        ({"engagement_status": 5}, "engagement_status"),
        ({"has_tenant": "perhaps"}, "has_tenant"),
        ({"newer_than": "yesterday"}, "newer_than"),
        ({"recipient_ids": [1]}, "recipient_ids[0]"),
        ({"recipient_ids": ["x"] * 1_001}, "recipient_ids"),
        ({"tenants": {"a": 1}}, "tenants"),
        ({"trigger_data": "{"}, "trigger_data"),
        ({"trigger_data": '{"a":{"b":1}}'}, "trigger_data"),
        ({"trigger_data": '{"a":"\\u0000"}'}, "trigger_data"),
        ({"trigger_data": "[" * 100_000}, "trigger_data"),
    ],
)
async def test_a_wrong_filter_is_refused(bulk: _Bulk, body: Any, field: str) -> None:
    """A filter that cannot be read is told at its place, and nothing is done."""
    response = await bulk.ask("read", body)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]


async def test_only_what_existed_counts(
    bulk: _Bulk, make: Builder, environment: Environment, channel: UUID
) -> None:
    """A message that is made after the request, and before it is worked on, stays unseen."""
    await _note(make, environment, channel, "before")
    asked = await bulk.ask("seen")
    await _note(make, environment, channel, "after")
    await _note(make, environment, channel, "after", inserted_at=T0 - timedelta(days=1))
    assert (await bulk.work(asked))["success_count"] == 1
    assert await _marked(make, environment, "seen_at") == ["before"]


async def test_what_was_still_being_made_does_not_count(
    bulk: _Bulk, make: Builder, environment: Environment, channel: UUID
) -> None:
    """A message that was committed after the request is news, whatever instant it carries."""
    async with make.database.transaction() as connection:
        walking = Builder(make.database)
        identifier = await walking.message(environment, uuid4(), data={"n": "late"})
        await connection.execute(
            "INSERT INTO messages (id, environment_id, channel_id, channel_type, workflow_key,"
            " version_id, step_ref, collection, recipient_id, actors, data, content,"
            " delivery_status, provider_metadata, retry_count, inserted_at, updated_at)"
            " SELECT %s, environment_id, %s, channel_type, workflow_key, version_id, step_ref,"
            " collection, recipient_id, actors, data, content, delivery_status,"
            " provider_metadata, retry_count, inserted_at, updated_at"
            " FROM messages WHERE id = %s",
            [uuid4(), channel, identifier],
        )
        asked = await bulk.ask("seen")
    assert (await bulk.work(asked))["success_count"] == 0
    assert (await bulk.do("seen"))["success_count"] == 1


async def test_many_messages_are_passed_in_pages(
    bulk: _Bulk, make: Builder, environment: Environment, channel: UUID
) -> None:
    """Every message is marked once, whether users are named or not, over any number of pages."""
    await _note(make, environment, channel, "0")
    await make.rows(
        "INSERT INTO messages (id, environment_id, channel_id, channel_type, workflow_key,"
        " version_id, step_ref, collection, recipient_id, actors, data, content,"
        " delivery_status, provider_metadata, retry_count, inserted_at, updated_at)"
        " SELECT gen_random_uuid(), environment_id, channel_id, channel_type, workflow_key,"
        " version_id, step_ref, collection, 'user-' || n %% 2, actors, data, content,"
        " delivery_status, provider_metadata, retry_count,"
        " inserted_at - make_interval(secs => n / 7), updated_at"
        " FROM messages, generate_series(1, 1299) AS n WHERE environment_id = %s",
        environment.id,
    )
    done = await bulk.do("read", {"recipient_ids": ["user-1", "nobody", "user-0"]})
    assert wire_counts(done) == ("completed", 1299, 1299, 0)
    assert done["estimated_total_rows"] == 1299
    done = await bulk.do("archived")
    assert wire_counts(done) == ("completed", 1300, 1300, 0)
    told = await make.rows(
        "SELECT event_type, count(*) AS n FROM message_events e JOIN messages m"
        " ON m.id = e.message_id WHERE m.environment_id = %s GROUP BY 1 ORDER BY 1",
        environment.id,
    )
    assert [(row["event_type"], row["n"]) for row in told] == [
        ("message.archived", 1300),
        ("message.read", 1299),
    ]


async def test_a_message_that_meets_a_fault_of_ours_fails_alone(
    bulk: _Bulk,
    make: Builder,
    environment: Environment,
    channel: UUID,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is tried in four turns, and then told with the operation; the others are marked."""
    ids = [await _note(make, environment, channel, str(n)) for n in range(5)]
    mark = messages.engage

    async def fails(
        connection: Any, environment_id: UUID, change: Any, wanted: Any, **how: Any
    ) -> None:
        if UUID(ids[2]) in wanted:
            raise ZeroDivisionError("secret")
        await mark(connection, environment_id, change, wanted, **how)

    monkeypatch.setattr(messages, "engage", fails)
    operation = (await bulk.ask("read")).json()["id"]
    order = order_of(environment, operation)
    for turn in (1, 2, 3):
        with pytest.raises(ZeroDivisionError):
            await work_on_bulk(bulk.engine, order, turn=turn)
    assert (await work_on_bulk(bulk.engine, order, turn=4)).is_over
    done = (await bulk.client.get(f"/v1/bulk_operations/{operation}")).json()
    assert wire_counts(done) == ("completed", 5, 4, 1)
    (failed,) = done["error_items"]
    assert (failed["id"], failed["collection"]) == (ids[2], None)
    assert failed["reason"].startswith("internal error ")
    assert await _marked(make, environment, "read_at") == ["0", "1", "3", "4"]


async def test_channels_and_actions_that_do_not_exist(bulk: _Bulk) -> None:
    """An unknown channel or action is not found."""
    assert (await bulk.ask("loved")).status_code == 404
    bulk.path = f"/v1/channels/{uuid4()}/messages/bulk"
    assert (await bulk.ask("seen")).status_code == 404


async def test_what_a_public_key_may_do(
    bulk: _Bulk, make: Builder, environment: Environment, channel: UUID
) -> None:
    """A public key marks the feed of one user, as clients do, and deletes nothing."""
    await _note(make, environment, channel, "mine")
    await _note(make, environment, channel, "theirs", recipient_id="alan")
    mail = await make.channel("email")
    secret = bulk.client.headers["authorization"]
    bulk.client.headers["authorization"] = f"Bearer {environment.public_key}"
    for body in ({}, {"user_ids": []}, {"user_ids": ["ellie", "alan"]}):
        response = await bulk.ask("read", body)
        assert response.json()["errors"][0]["field"] == "recipient_ids"
    asked = await bulk.ask("read", {"user_ids": ["ellie"]})
    assert (await bulk.ask("delete", {"user_ids": ["ellie"]})).status_code == 403
    feed, bulk.path = bulk.path, f"/v1/channels/{mail}/messages/bulk"
    assert (await bulk.ask("read", {"user_ids": ["ellie"]})).status_code == 404
    bulk.client.headers["authorization"], bulk.path = secret, feed
    assert (await bulk.work(asked))["success_count"] == 1
    assert await _marked(make, environment, "read_at") == ["mine"]


def test_every_action_is_tried() -> None:
    """The tables of these tests name all that the API does."""
    assert set(BulkAction) == {*MARKS, *UNMARKS, "delete"}
