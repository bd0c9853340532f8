"""Preference sets of users and objects."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb

from tests.support.builders import T0, Builder, Environment

_USER = "/v1/users/ellie/preferences"
_OBJECT = "/v1/objects/teams/red/preferences"
_CHANNEL = str(uuid4())
_SAID: dict[str, Any] = {
    "channel_types": {"email": False},
    "channels": {_CHANNEL: True},
    "categories": {"news": {"channel_types": {"email": True}}},
    "workflows": {"welcome": False},
    "commercial_subscribed": True,
}
BOTH = pytest.mark.parametrize("path", [_USER, _OBJECT])


def nothing_but(set_id: str = "default", **said: Any) -> dict[str, Any]:
    """Write a set as it is answered: null where nothing is said."""
    return {"id": set_id, **dict.fromkeys(_SAID), **said}


async def put(client: httpx.AsyncClient, path: str, body: Any) -> Any:
    """Set something of preferences, and return what is answered."""
    response = await client.put(path, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def set_defaults(make: Builder, environment: Environment, content: Any) -> None:
    """Set the default preferences of the environment."""
    await make.insert(
        "default_preference_sets",
        environment_id=environment.id,
        content=Jsonb(content),
        updated_at=T0,
    )


@BOTH
async def test_a_set_is_replaced_and_read_back(client: httpx.AsyncClient, path: str) -> None:
    """What is set replaces all that was; the recipient is made when it is new."""
    assert await put(client, f"{path}/default", _SAID) == nothing_but(**_SAID)
    assert (await client.get(f"{path}/default")).json() == nothing_but(**_SAID)
    assert (await client.get(path.removesuffix("/preferences"))).status_code == 200
    less = {"workflows": {"welcome": True}}
    assert await put(client, f"{path}/default", less) == nothing_but(**less)
    assert (await client.get(f"{path}/default")).json() == nothing_but(**less)


@BOTH
async def test_a_set_may_be_merged_into_what_is_there(client: httpx.AsyncClient, path: str) -> None:
    """`__persistence_strategy__` says so; it is not stored, and null takes away."""
    await put(client, f"{path}/default", _SAID)
    more = {
        "__persistence_strategy__": "merge",
        "categories": {"news": {"channel_types": {"sms": False}}},
        "workflows": {"welcome": {"conditions": []}},
        "commercial_subscribed": None,
    }
    expected = {
        **_SAID,
        "categories": {"news": {"channel_types": {"email": True, "sms": False}}},
        "workflows": {"welcome": {"conditions": []}},
        "commercial_subscribed": None,
    }
    assert await put(client, f"{path}/default", more) == nothing_but(**expected)


@BOTH
async def test_the_parts_of_a_set_are_written_alone(client: httpx.AsyncClient, path: str) -> None:
    """A map replaces that map, an entry that entry; everything else stays."""
    await put(client, f"{path}/default", {**_SAID, "workflows": {"a": True, "b": False}})
    base = f"{path}/default"
    await put(client, f"{base}/workflows/a", {"subscribed": False})
    await put(client, f"{base}/workflows/c", {"channel_types": {"sms": False}})
    await put(client, f"{base}/categories", {"sports": False})
    await put(client, f"{base}/channel_types/sms", {"subscribed": True})
    answered = await put(client, f"{base}/categories/a%2Fb", {"subscribed": True})
    expected = {
        **_SAID,
        "channel_types": {"email": False, "sms": True},
        "categories": {"sports": False, "a/b": True},
        "workflows": {"a": False, "b": False, "c": {"channel_types": {"sms": False}}},
    }
    assert answered == nothing_but(**expected)
    await put(client, f"{base}/workflows", {})
    answered = await put(client, f"{base}/channel_types", {"push": False})
    expected |= {"workflows": {}, "channel_types": {"push": False}}
    assert answered == (await client.get(base)).json() == nothing_but(**expected)


@BOTH
async def test_what_was_written_in_parts_can_be_written_as_a_whole(
    client: httpx.AsyncClient, path: str
) -> None:
    """Also with the longest key that a path takes."""
    base, key = f"{path}/default", "k" * 256
    written = await put(client, f"{base}/categories/{key}", {"subscribed": False})
    assert await put(client, base, written) == written


@BOTH
@pytest.mark.parametrize(
    ("part", "body", "said"),
    [
        ("workflows", {"w": False}, {"workflows": {"w": False}}),
        ("categories/c", {"subscribed": False}, {"categories": {"c": False}}),
        ("channel_types/http", {"subscribed": False}, {"channel_types": {"http": False}}),
    ],
)
async def test_a_part_makes_the_set(
    client: httpx.AsyncClient, path: str, part: str, body: Any, said: Any
) -> None:
    """Where nothing was said before, the part is all of it; also where that part was null."""
    assert await put(client, f"{path}/new/{part}", body) == nothing_but("new", **said)
    await put(client, f"{path}/null", dict.fromkeys(said))
    assert await put(client, f"{path}/null/{part}", body) == nothing_but("null", **said)


@BOTH
async def test_sets_are_listed_and_deleted(client: httpx.AsyncClient, path: str) -> None:
    """A bare list of those that are there; to delete one twice is no fault."""
    assert (await client.get(path)).json() == []
    for set_id in ("default", "acme"):
        await put(client, f"{path}/{set_id}", {"workflows": {"w": False}})
    listed = (await client.get(path)).json()
    said = {"workflows": {"w": False}}
    assert listed == [nothing_but("acme", **said), nothing_but("default", **said)]
    for _ in range(2):
        deleted = await client.delete(f"{path}/acme")
        assert (deleted.status_code, deleted.content) == (204, b"")
    assert [one["id"] for one in (await client.get(path)).json()] == ["default"]
    assert (await client.get(f"{path}/acme")).json() == nothing_but("acme")


async def test_a_set_that_nobody_has_written_shows_the_defaults(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Those of the environment, and below a tenant's set those of the tenant too."""
    await set_defaults(make, environment, {"channel_types": {"sms": False, "email": False}})
    tenant = {"settings": {"preference_set": {"channel_types": {"email": True}}}}
    await put(client, "/v1/tenants/acme", tenant)
    plain = nothing_but(channel_types={"sms": False, "email": False})
    assert (await client.get(f"{_USER}/default")).json() == plain
    both = {"channel_types": {"sms": False, "email": True}}
    assert (await client.get(f"{_USER}/default?tenant=acme")).json() == nothing_but(**both)
    assert (await client.get(f"{_USER}/acme")).json() == nothing_but("acme", **both)
    assert (await client.get(f"{_USER}/default?tenant=unknown")).json() == plain
    assert (await client.get(f"{_OBJECT}/default")).json() == plain


async def test_a_2_a_set_is_read_with_what_is_laid_over_it(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """What the recipient says wins, but for what a tenant replaces; its mark can be seen."""
    await set_defaults(make, environment, {"workflows": {"w": False}})
    node = {"__strategy__": "replace", "channel_types": {"email": False}}
    tenant = {"settings": {"preference_set": {"categories": {"c": node}}}}
    await put(client, "/v1/tenants/acme", tenant)
    mine = {
        "categories": {"c": {"channel_types": {"email": True}}, "d": False},
        "workflows": {"w": True},
    }
    shown = nothing_but("acme", categories={"c": node, "d": False}, workflows={"w": True})
    assert await put(client, f"{_USER}/acme", mine) == shown
    assert (await client.get(_USER)).json() == [shown]
    # Nothing of what was overridden is lost.
    await put(client, "/v1/tenants/acme", {"settings": {"preference_set": None}})
    assert (await client.get(f"{_USER}/acme")).json() == nothing_but("acme", **mine)


async def test_a_tenant_is_shown_with_all_that_lies_below(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """`resolve_full_preference_settings` lays its set over the environment's, on both routes."""
    await set_defaults(make, environment, {"channel_types": {"sms": False, "email": False}})
    body = {"settings": {"preference_set": {"channel_types": {"email": True}}}}
    full = {"id": "default", "channel_types": {"sms": False, "email": True}}
    path = "/v1/tenants/acme?resolve_full_preference_settings=true"
    assert (await put(client, path, body))["settings"]["preference_set"] == full
    assert (await client.get(path)).json()["settings"]["preference_set"] == full
    own = (await client.get("/v1/tenants/acme")).json()["settings"]["preference_set"]
    assert own == {"id": "default", "channel_types": {"email": True}}
    other = await put(client, "/v1/tenants/two?resolve_full_preference_settings=true", {})
    assert other["settings"]["preference_set"]["channel_types"] == {"sms": False, "email": False}


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (
            {"channel_types": None, "categories": None, "workflows": {"w": True}},
            {"workflows": {"w": True}},
        ),
        (
            {"id": "default", "__typename": "PreferenceSet", "channel_types": {"email": False}},
            {"channel_types": {"email": False}},
        ),
        (
            {"channel_types": {}, "categories": {"a": {"channel_types": {"email": False}}}},
            {"channel_types": {}, "categories": {"a": {"channel_types": {"email": False}}}},
        ),
        ({"workflows": [], "channel_types": []}, {"workflows": {}, "channel_types": {}}),
        ({}, {}),
    ],
)
async def test_what_clients_of_all_ages_send(
    client: httpx.AsyncClient, sent: Any, said: Any
) -> None:
    """Nulls of Ruby's and Python's, empty lists of PHP's, and whole answers sent back."""
    assert await put(client, f"{_USER}/default", sent) == nothing_but(**said)


async def test_a_slash_at_the_end_names_no_entry(client: httpx.AsyncClient) -> None:
    """It is the operation without it."""
    answered = await put(client, f"{_USER}/default/categories/", {"news": False})
    assert answered["categories"] == {"news": False}


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("default", {"channel_types": {"email": "no"}}, "channel_types.email"),
        ("default", {"channels": {"junk": True}}, "channels.junk"),
        ("default", {"workflows": {"w": 1}}, "workflows.w"),
        ("default", {"__persistence_strategy__": "x"}, "__persistence_strategy__"),
        ("default", {"commercial_subscribed": {}}, "commercial_subscribed.conditions"),
        ("default/categories", {"c": "x"}, "c"),
        ("default/workflows/w", {"subscribed": 1}, "subscribed"),
        ("default/channel_types", {"sms": 1}, "sms"),
        ("default/channel_types/sms", {}, "subscribed"),
        ("default/channel_types/pigeon", {"subscribed": True}, "channel_type"),
        ("x" * 257, {}, "id"),
        ("default/categories/" + "x" * 257, {"subscribed": True}, "key"),
        ("default", {"categories": {"x": {"channel_types": "y"}}}, "categories.x.channel_types"),
    ],
)
async def test_bad_preferences_are_refused(
    client: httpx.AsyncClient, path: str, body: Any, field: str
) -> None:
    """Each violation is at its place, and nobody is made by what is refused."""
    for base in (_USER, _OBJECT):
        response = await client.put(f"{base}/{path}", json=body)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]
        assert (await client.get(base.removesuffix("/preferences"))).status_code == 404


async def test_a_set_has_room_for_256_kb(client: httpx.AsyncClient) -> None:
    """Merging cannot let one grow without end, whoever merges; what was there stays."""
    many = {"workflows": {f"{'w' * 200}{index}": False for index in range(900)}}
    await put(client, f"{_USER}/default", many)
    more = {"categories": {f"{'c' * 200}{index}": False for index in range(900)}}
    refused = await client.put(
        f"{_USER}/default", json={**more, "__persistence_strategy__": "merge"}
    )
    assert refused.json()["errors"][0]["field"] == "preferences"
    refused = await client.put("/v1/users/ellie", json={"preferences": {"default": more}})
    assert refused.status_code == 422
    assert (await client.get(f"{_USER}/default")).json()["categories"] is None


async def test_writes_at_once_lose_nothing(client: httpx.AsyncClient) -> None:
    """Each is one statement under the lock of the set, made by whoever comes first."""
    keys = [f"w{index}" for index in range(12)]
    merge = {"__persistence_strategy__": "merge"}
    async with asyncio.TaskGroup() as group:
        for key in keys:
            group.create_task(
                put(client, f"{_USER}/default/workflows/{key}", {"subscribed": False})
            )
            body = {**merge, "categories": {key: True}}
            group.create_task(put(client, f"{_USER}/default", body))
    found = (await client.get(f"{_USER}/default")).json()
    assert found["workflows"] == dict.fromkeys(keys, False)
    assert found["categories"] == dict.fromkeys(keys, True)


async def test_what_public_keys_may_do(
    anonymous: httpx.AsyncClient, client: httpx.AsyncClient, environment: Environment
) -> None:
    """A browser reads preferences of users, and writes them in development only; never others."""
    await put(client, f"{_USER}/default", _SAID)
    public = {"authorization": f"Bearer {environment.public_key}"}
    for path in (_USER, f"{_USER}/default"):
        assert (await anonymous.get(path, headers=public)).status_code == 200
    for path in ("", "/workflows", "/workflows/w", "/categories", "/channel_types"):
        written = await anonymous.put(f"{_USER}/default{path}", json={}, headers=public)
        assert (written.status_code, written.json()["code"]) == (403, "authorization")
    closed = [("DELETE", f"{_USER}/default"), ("GET", _OBJECT), ("PUT", f"{_OBJECT}/default")]
    for method, path in closed:
        refused = await anonymous.request(method, path, headers=public)
        assert (refused.status_code, refused.json()["code"]) == (401, "incorrect_token_type")
    assert (await client.get(f"{_USER}/default")).json() == nothing_but(**_SAID)


async def test_no_environment_sees_another(client: httpx.AsyncClient, make: Builder) -> None:
    """Sets and defaults stay in the environment of the key."""
    other = await make.environment()
    theirs = {"authorization": f"Bearer {other.secret_key}"}
    await put(client, f"{_USER}/default", _SAID)
    assert (await client.get(f"{_USER}/default", headers=theirs)).json() == nothing_but()
    assert (await client.get(_USER, headers=theirs)).json() == []
    await client.delete(f"{_USER}/default", headers=theirs)
    assert (await client.get(f"{_USER}/default")).json() == nothing_but(**_SAID)


async def test_stored_sets_of_another_version_are_read(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """What nobody checked when it was stored is answered all the same."""
    await put(client, f"{_USER}/default", {})
    await make.rows(
        "UPDATE preference_sets SET content = %s WHERE environment_id = %s RETURNING 1",
        *(Jsonb({"channel_types": 5, "pigeons": True, "workflows": {"w": None}}), environment.id),
    )
    response = await client.get(f"{_USER}/default")
    assert response.status_code == 200
    assert response.json()["workflows"] == {}
