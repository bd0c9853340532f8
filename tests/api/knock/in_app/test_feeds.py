"""In-app feeds over HTTP: items, filters, counts, modes."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb

from domain.messages.kept_data import kept_data
from tests.support.builders import T0, Builder, Environment


@pytest.fixture
async def channel(make: Builder) -> UUID:
    """Make an in-app channel."""
    return await make.channel()


@pytest.fixture
def path(channel: UUID) -> str:
    """Return the path of Ellie's feed."""
    return f"/v1/users/ellie/feeds/{channel}"


@pytest.fixture
async def items(make: Builder, environment: Environment, channel: UUID) -> dict[str, str]:
    """Make items that differ in what filters look at; the newest is `e`."""
    changes = {
        "a": {"tenant_id": "acme", "seen_at": T0, "read_at": T0},
        "b": {"tenant_id": "other", "seen_at": T0},
        "c": {"workflow_key": "digest", "categories": ["news"]},
        "d": {"archived_at": T0},
        "e": {"data": {"n": 1}},
    }
    found = {}
    for minute, (name, change) in enumerate(changes.items()):
        found[name] = await make.message(environment, channel, minute=minute, **change)
    await make.message(environment, channel, recipient_id="someone-else")
    await make.message(environment, await make.channel())
    return found


@pytest.mark.parametrize(
    ("query", "names", "unread", "unseen"),
    [
        ("", "ecba", 3, 2),
        ("status=all", "ecba", 3, 2),
        ("status=unread", "ecb", 3, 2),
        ("status=read", "a", 3, 2),
        ("status=unseen", "ec", 3, 2),
        ("status=seen", "ba", 3, 2),
        ("archived=include", "edcba", 4, 3),
        ("archived=only", "d", 1, 1),
        ("tenant=acme", "eca", 2, 2),
        ("tenant=acme&has_tenant=true", "a", 0, 0),
        ("has_tenant=true", "ba", 1, 0),
        ("has_tenant=false", "ec", 2, 2),
        ("source=digest", "c", 1, 1),
        ("workflow_categories[]=news", "c", 1, 1),
        ('trigger_data={"n":1}', "e", 1, 1),
        ("inserted_at.gte=2026-03-01T12:02:00Z", "ec", 2, 2),
    ],
)
async def test_filters_and_counts(
    client: httpx.AsyncClient,
    *,
    path: str,
    items: dict[str, str],
    query: str,
    names: str,
    unread: int,
    unseen: int,
) -> None:
    """Filters narrow items and counts; the status narrows items and the total only."""
    body = (await client.get(f"{path}?{query}")).json()
    assert [entry["id"] for entry in body["entries"]] == [items[name] for name in names]
    assert body["meta"] == {
        "__typename": "FeedMetadata",
        "total_count": len(names),
        "unread_count": unread,
        "unseen_count": unseen,
    }


@pytest.mark.parametrize("matching", [3, 52])
@pytest.mark.parametrize(
    "query", ["source=digest", "workflow_categories[]=news", 'trigger_data={"n":1}']
)
async def test_counts_of_what_few_and_what_many_items_have(
    client: httpx.AsyncClient,
    make: Builder,
    *,
    environment: Environment,
    channel: UUID,
    path: str,
    query: str,
    matching: int,
) -> None:
    """What many of the newest items have is counted in another way, and as rightly."""
    wanted = {"workflow_key": "digest", "categories": ["news"], "data": {"n": 1}}
    for minute in range(54):
        changes: dict[str, Any] = {
            **(wanted if minute < matching else {}),
            "archived_at": T0 if minute == 0 else None,
            "seen_at": T0 if minute == 1 else None,
        }
        await make.message(environment, channel, minute=minute, **changes)
    meta = (await client.get(f"{path}?{query}&status=unseen&page_size=1")).json()["meta"]
    counts = (meta["total_count"], meta["unread_count"], meta["unseen_count"])
    assert counts == (matching - 2, matching - 1, matching - 2)


async def test_a_client_asks_for_what_came_since(
    client: httpx.AsyncClient,
    *,
    path: str,
    items: dict[str, str],
    make: Builder,
    environment: Environment,
    channel: UUID,
) -> None:
    """The newest item's `__cursor` as `before` answers exactly what is newer."""
    newest = (await client.get(path)).json()["entries"][0]["__cursor"]
    assert (await client.get(path, params={"before": newest})).json()["entries"] == []
    added = await make.message(environment, channel, minute=9)
    body = (await client.get(path, params={"before": newest})).json()
    assert [entry["id"] for entry in body["entries"]] == [added]


async def test_pages(client: httpx.AsyncClient, path: str, items: dict[str, str]) -> None:
    """Going through pages shows every item once."""
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        body = (await client.get(path, params={"page_size": 3, "after": cursor})).json()
        seen += [entry["id"] for entry in body["entries"]]
        cursor = body["page_info"]["after"]
    assert seen == [items[name] for name in "ecba"]


@pytest.fixture
async def rich_item(make: Builder, environment: Environment, channel: UUID) -> str:
    """Make an item with actors and a trigger with nested data and attachments."""
    for user_id in ("ellie", "ann", "bob"):
        await make.user(environment, user_id, name=user_id.title())
    run_id = await make.run(
        environment, data={"deep": {"n": 1}, "flat": "x", "attachments": [{"content": "big"}]}
    )
    return await make.message(
        environment,
        channel,
        recipient_run_id=run_id,
        data={"flat": "x"},
        actors=["ann", "bob", "deleted"],
        content={"blocks": [{"name": "body", "type": "text", "content": "x", "rendered": "x"}]},
    )


@pytest.mark.usefixtures("rich_item")
async def test_a_rich_item(client: httpx.AsyncClient, path: str) -> None:
    """By default an item has its actors, its activity, and all data except attachments."""
    [item] = (await client.get(path)).json()["entries"]
    assert item["data"] == {"deep": {"n": 1}, "flat": "x"}
    assert [actor["name"] for actor in item["actors"]] == ["Ann", "Bob"]
    assert item["total_actors"] == 3
    assert item["total_activities"] == 1
    assert item["activities"][0]["recipient"]["name"] == "Ellie"
    assert item["activities"][0]["data"] == item["data"]
    assert item["blocks"][0]["rendered"] == "x"
    assert item["source"]["key"] == "welcome"


@pytest.mark.usefixtures("rich_item")
async def test_a_compact_item(client: httpx.AsyncClient, path: str) -> None:
    """A compact item has no activities, flat data, and one actor at most."""
    [item] = (await client.get(path, params={"mode": "compact"})).json()["entries"]
    assert not {"activities", "total_activities"} & item.keys()
    assert item["data"] == {"flat": "x"}
    assert [actor["id"] for actor in item["actors"]] == ["ann"]


async def test_a_compact_item_has_whole_strings(
    client: httpx.AsyncClient, make: Builder, environment: Environment, channel: UUID, path: str
) -> None:
    """A message keeps 256 characters of each, to be filtered by; a feed shows all of them."""
    data = {"url": "https://example.com/" + "x" * 300, "deep": {"n": 1}, "n": 1}
    for size in (0, 70_000):  # more than an item may show
        data |= {"more": "x" * size}
        run_id = await make.run(environment, data=data)
        await make.message(
            environment, channel, minute=size, recipient_run_id=run_id, data=kept_data(data)
        )
    large, item = (await client.get(path, params={"mode": "compact"})).json()["entries"]
    assert item["data"] == {"url": data["url"], "n": 1, "more": ""}
    assert large["data"] == kept_data(data)
    rich = (await client.get(path)).json()["entries"][1]["data"]
    assert rich == {**item["data"], "deep": {"n": 1}}


@pytest.mark.usefixtures("rich_item")
async def test_excluded_fields(client: httpx.AsyncClient, path: str) -> None:
    """Fields may be left out by path, at most three levels deep."""
    excluded = "entries.archived_at, entries.source.key,meta.total_count,nothing.here"
    body = (await client.get(path, params={"exclude": excluded})).json()
    assert "archived_at" not in body["entries"][0]
    assert "key" not in body["entries"][0]["source"]
    assert "unread_count" in body["meta"]
    assert "total_count" not in body["meta"]
    too_deep = await client.get(path, params={"exclude": "entries.a.b.c"})
    assert too_deep.status_code == 422


async def test_an_unknown_user_has_an_empty_feed(client: httpx.AsyncClient, channel: UUID) -> None:
    """A feed exists before its user does."""
    body = (await client.get(f"/v1/users/nobody/feeds/{channel}")).json()
    assert (body["entries"], body["meta"]["total_count"], body["vars"]) == ([], 0, {})


async def test_only_in_app_channels_have_feeds(
    client: httpx.AsyncClient, make: Builder, channel: UUID
) -> None:
    """A channel of another type, none, or one that is not written as ids are: each is a 404."""
    odd = (channel.hex, channel.urn, f"{{{channel}}}")
    for channel_id in (await make.channel("email"), uuid4(), "junk", *odd):
        path = f"/v1/users/ellie/feeds/{channel_id}"
        assert (await client.get(path)).status_code == 404
        assert (await client.get(f"{path}/settings")).status_code == 404


async def test_settings_open_to_public_keys(
    anonymous: httpx.AsyncClient, environment: Environment, path: str
) -> None:
    """A browser may read feed and settings with a public key."""
    anonymous.headers["authorization"] = f"Bearer {environment.public_key}"
    assert (await anonymous.get(path)).status_code == 200
    settings = await anonymous.get(f"{path}/settings")
    assert settings.json() == {"features": {"branding_required": False}}


@pytest.mark.parametrize(
    "query",
    ["status=lost", "archived=x", "mode=x", "has_tenant=x", "trigger_data=[1]", "after=x"],
)
async def test_bad_filters(client: httpx.AsyncClient, path: str, query: str) -> None:
    """A filter that cannot be understood is a 422 that names it."""
    response = await client.get(f"{path}?{query}")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == query.partition("=")[0]


async def test_all_bad_filters_at_once(client: httpx.AsyncClient, path: str) -> None:
    """Whatever reads them: the filters, the page, or the feed itself."""
    query = "status=lost&after=x&exclude=a.b.c.d&mode=x&locale=" + "x" * 36
    response = await client.get(f"{path}?{query}")
    fields = {error["field"] for error in response.json()["errors"]}
    assert fields == {"status", "after", "exclude", "mode", "locale"}


async def test_data_of_the_run_overrides(
    client: httpx.AsyncClient, make: Builder, environment: Environment, channel: UUID, path: str
) -> None:
    """What a trigger carried for one recipient lies over what it carried for all."""
    run_id = await make.run(environment, data={"a": 1, "b": 1}, trigger_data=Jsonb({"b": 2}))
    await make.message(environment, channel, recipient_run_id=run_id)
    [item] = (await client.get(path)).json()["entries"]
    assert item["data"] == {"a": 1, "b": 2}


async def test_the_options_that_a_swift_client_leaves_out_are_absent(
    anonymous: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """It sends bare keys, empty values and the word null, and means the default page."""
    channel = await make.channel()
    await make.message(environment, channel)
    anonymous.headers["authorization"] = f"Bearer {environment.public_key}"
    query = (
        "page_size&after&before&source&tenant&has_tenant&status=&archived=&trigger_data=null&locale"
    )
    response = await anonymous.get(f"/v1/users/ellie/feeds/{channel}?{query}")
    assert (response.status_code, len(response.json()["entries"])) == (200, 1)
