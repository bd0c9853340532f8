"""Users and tenants over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import httpx
import pytest
from psycopg.types.json import Jsonb

from tests.support.builders import T0, Builder, Environment


async def test_identify_merges_deeply(client: httpx.AsyncClient) -> None:
    """A second identify merges into the first; null stays as null; lists are replaced."""
    first = {
        "name": "Ellie",
        "plan": {"tier": "pro", "seats": 3},
        "tags": ["a", "b"],
        "created_at": "2020-01-01T00:00:00Z",
    }
    await client.put("/v1/users/ellie", json=first)
    body = (
        await client.put(
            "/v1/users/ellie", json={"plan": {"seats": None}, "tags": ["c"], "id": "other"}
        )
    ).json()
    assert (body["id"], body["name"], body["__typename"]) == ("ellie", "Ellie", "User")
    assert body["plan"] == {"tier": "pro", "seats": None}
    assert body["tags"] == ["c"]
    assert body["created_at"] == "2020-01-01T00:00:00.000000Z"
    assert body["email"] is None
    assert (await client.get("/v1/users/ellie")).json() == body


async def test_identify_without_a_body(client: httpx.AsyncClient) -> None:
    """An empty body makes the user and says nothing about it."""
    response = await client.put("/v1/users/ellie", headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["id"]) == (200, "ellie")


@pytest.mark.parametrize(
    ("order", "ids"),
    [
        ("", ["one", "two", "three"]),
        ("&order=asc", ["one", "two", "three"]),
        ("&order=desc", ["three", "two", "one"]),
    ],
)
async def test_users_are_listed_in_order(
    client: httpx.AsyncClient, make: Builder, environment: Environment, order: str, ids: list[str]
) -> None:
    """Users come in pages, oldest first by default; tenants and objects are not among them."""
    for user_id in ("one", "two", "three"):
        await make.user(environment, user_id)
    await make.recipient(environment, "$tenants", "acme")
    first = (await client.get(f"/v1/users?page_size=2{order}")).json()
    rest = (await client.get(f"/v1/users?after={first['page_info']['after']}{order}")).json()
    assert [user["id"] for user in first["entries"] + rest["entries"]] == ids
    assert (await client.get("/v1/users?order=sideways")).status_code == 422


@pytest.mark.parametrize(
    "body",
    [
        {"channel_data": {"junk": {}}},
        {"channel_data": [1]},
        {"preferences": {"x" * 257: {}}},
        {"preferences": {"": {}}},
        {"preferences": {"default": {"__persistence_strategy__": "shred"}}},
        {"name": 1e-05},
        {"email": 5},
        {"phone_number": {}},
        {"avatar": ["a"]},
        {"locale": True},
        {"timezone": 1},
        {"preferences": {"default": 1}},
        {"name": "\x00"},
        {"blob": "x" * 300_000},
        [1],
    ],
)
async def test_bad_users_are_refused(
    client: httpx.AsyncClient, body: object, make: Builder, environment: Environment
) -> None:
    """A malformed user is a 422, and nothing of it is stored."""
    response = await client.put("/v1/users/ellie", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_params")
    assert (await client.get("/v1/users/ellie")).status_code == 404


async def test_every_wrong_property_is_named(client: httpx.AsyncClient) -> None:
    """All violations are told at once, each at its place."""
    body = {"name": 1, "email": {}, "preferences": {"default": 1}}
    errors = (await client.put("/v1/users/ellie", json=body)).json()["errors"]
    assert {error["field"] for error in errors} == {"name", "email", "preferences.default"}
    refused = await client.put("/v1/tenants/acme", json={"name": {}})
    assert refused.json()["errors"][0]["field"] == "name"


@pytest.mark.parametrize("created_at", ["yesterday", "9999-12-31T23:59:59-14:00", 5, {}])
async def test_an_unreadable_time_of_creation_loses_nobody(
    client: httpx.AsyncClient, created_at: object
) -> None:
    """The value is left out, what is stored stays, and the user is kept."""
    await client.put("/v1/users/ellie", json={"created_at": "2020-01-01T00:00:00Z"})
    body = (
        await client.put("/v1/users/ellie", json={"name": "E", "created_at": created_at})
    ).json()
    assert (body["name"], body["created_at"]) == ("E", "2020-01-01T00:00:00.000000Z")


@pytest.mark.parametrize("content", [b"null", b"[]", b""])
async def test_a_body_of_null_is_an_empty_one(client: httpx.AsyncClient, content: bytes) -> None:
    """The Android client sends the word null where others send nothing."""
    assert (await client.put("/v1/users/ellie", content=content)).status_code == 200


async def test_properties_are_limited_together(client: httpx.AsyncClient) -> None:
    """What would pass 256 kB after merging is refused, and the user stays as it was."""
    await client.put("/v1/users/ellie", json={"a": "x" * 200_000})
    refused = await client.put("/v1/users/ellie", json={"b": "x" * 200_000})
    assert refused.status_code == 422
    assert "b" not in (await client.get("/v1/users/ellie")).json()


async def test_what_is_stored_is_measured_as_what_is_sent(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Compact JSON counts: PostgreSQL writes more of it, spaces in a text are the caller's own."""
    numbers = {"scores": [1] * 100_000}
    fits, odd = 256 * 1024 - len('{"a":""}'), 'a, b: "c" \\'
    for path in ("/v1/users/ellie", "/v1/objects/projects/one"):
        assert (await client.put(path, json=numbers)).status_code == 200
    assert (await client.put("/v1/users/full", json={"a": "x" * fits})).status_code == 200
    assert (await client.put("/v1/users/full", json={"b": 1})).status_code == 422
    texts = {f"{number}": odd for number in range(9_000)}
    assert (await client.put("/v1/users/texts", json=texts)).status_code == 200
    assert (await client.put("/v1/users/texts", json={"b": "x" * 100_000})).status_code == 422

    await make.user(environment, "other", scores=[2] * 100_000)
    merged = await client.post("/v1/users/ellie/merge", json={"from_user_id": "other"})
    assert merged.status_code == 200
    await make.user(environment, "another", more=[2] * 100_000)
    refused = await client.post("/v1/users/ellie/merge", json={"from_user_id": "another"})
    assert [error["field"] for error in refused.json()["errors"]] == ["from_user_id"]


async def test_the_settings_of_a_tenant_are_measured_apart(client: httpx.AsyncClient) -> None:
    """They are no custom properties; each of both has 256 kB."""
    settings = {"branding": {"notes": "x" * 200_000}}
    body = {"a": "x" * 200_000, "settings": settings}
    assert (await client.put("/v1/tenants/acme", json=body)).status_code == 200
    more = {"settings": {"branding": {"more": "x" * 100_000}}}
    refused = await client.put("/v1/tenants/acme", json=more)
    assert [error["field"] for error in refused.json()["errors"]] == ["settings"]
    large = {"a": "x" * 300_000, "settings": {"notes": "x" * 300_000}}
    refused = await client.put("/v1/tenants/acme", json=large)
    assert [error["field"] for error in refused.json()["errors"]] == ["properties", "settings"]


async def test_a_deleted_user_leaves_nothing(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Deleting removes the user with messages, runs, channel data and preferences, at once."""
    await client.put(
        "/v1/users/ellie",
        json={
            "channel_data": {str(uuid4()): {"tokens": ["t"]}},
            "preferences": {"default": {"workflows": {}}},
        },
    )
    await make.user(environment, "ann")
    run_id = await make.run(environment, status="paused", event_count=1)
    await make.insert(
        "recipient_run_events",
        recipient_run_id=run_id,
        position=0,
        event="run_started",
        status="ok",
        attempt=1,
        data=Jsonb({}),
        inserted_at=T0,
    )
    await make.insert(
        "run_patches", recipient_run_id=run_id, position=0, step_ref="fetch", patch=Jsonb({"a": 1})
    )
    message_id = await make.message(environment, uuid4(), recipient_run_id=run_id)
    kept = await make.message(environment, uuid4(), recipient_id="ann")
    await client.put(f"/v1/messages/{message_id}/seen")
    response = await client.delete("/v1/users/ellie")
    assert (response.status_code, response.content) == (204, b"")
    for table, column, value in (
        ("channel_data", "environment_id", environment.id),
        ("preference_sets", "environment_id", environment.id),
        ("recipient_runs", "environment_id", environment.id),
        ("recipient_run_events", "recipient_run_id", run_id),
        ("run_patches", "recipient_run_id", run_id),
        ("message_events", "message_id", message_id),
    ):
        assert await make.rows(f"SELECT 1 FROM {table} WHERE {column} = %s", value) == []
    assert (await client.get("/v1/users/ellie")).status_code == 404
    assert (await client.get(f"/v1/messages/{message_id}")).status_code == 404
    assert (await client.get(f"/v1/messages/{kept}")).status_code == 200
    assert (await client.get("/v1/users/ann")).status_code == 200
    assert (await client.delete("/v1/users/ellie")).status_code == 404


async def test_tenants_are_set_and_merged(client: httpx.AsyncClient) -> None:
    """A tenant is made by its first set; settings and properties are merged by later ones."""
    await client.put(
        "/v1/tenants/acme",
        json={"name": "Acme", "settings": {"branding": {"primary_color": "#fff"}}, "size": 1},
    )
    body = (
        await client.put(
            "/v1/tenants/acme?resolve_full_preference_settings=true",
            json={"settings": {"branding": {"logo_url": "https://x.example/l.png"}}},
        )
    ).json()
    assert (body["__typename"], body["name"], body["size"]) == ("Tenant", "Acme", 1)
    assert body["settings"]["branding"] == {
        "primary_color": "#fff",
        "logo_url": "https://x.example/l.png",
    }
    assert (await client.get("/v1/tenants/acme")).json() == body
    assert (await client.get("/v1/tenants/unknown")).status_code == 404


@pytest.mark.parametrize(
    ("branding", "field"),
    [
        ("blue", "settings.branding"),
        ({"primary_color": 1}, "settings.branding.primary_color"),
        ({"dark_logo_url": {}}, "settings.branding.dark_logo_url"),
    ],
)
async def test_a_branding_is_texts(
    client: httpx.AsyncClient,
    make: Builder,
    environment: Environment,
    branding: object,
    field: str,
) -> None:
    """What clients could not read back is refused, by itself and in a trigger; nothing is kept."""
    await make.workflow(environment, "welcome")
    given = {"settings": {"branding": branding}}
    refused = await client.put("/v1/tenants/acme", json=given)
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    tenant = {"id": "acme", **given}
    inline = {"name": "welcome", "actor": "dave", "recipients": ["ellie"], "tenant": tenant}
    refused = await client.post("/v1/notify", json=inline)
    assert [error["field"] for error in refused.json()["errors"]] == [f"tenant.{field}"]
    assert (await client.get("/v1/tenants/acme")).status_code == 404


async def test_a_branding_is_kept_as_it_is_given(client: httpx.AsyncClient) -> None:
    """Members of its author's own and nulls too; an empty one may come as PHP writes it."""
    branding = {"logo_url": None, "radius": {"px": 4}}
    for given, found in ((branding, branding), ([], branding), (None, None)):
        body = {"settings": {"branding": given}}
        tenant = (await client.put("/v1/tenants/acme", json=body)).json()
        assert tenant["settings"]["branding"] == found


async def test_a_preference_set_of_a_tenant_has_its_id(client: httpx.AsyncClient) -> None:
    """Knock's shape of a preference set requires an id; a tenant's own is `default`."""
    preferences = {"workflows": {"welcome": False}}
    written = await client.put(
        "/v1/tenants/acme", json={"settings": {"preference_set": preferences}}
    )
    assert written.json()["settings"]["preference_set"] == {"id": "default", **preferences}
    removed = await client.put("/v1/tenants/acme", json={"settings": {"preference_set": None}})
    assert removed.json()["settings"]["preference_set"] is None


async def test_a_preference_set_of_a_tenant_is_merged_or_replaced(
    client: httpx.AsyncClient,
) -> None:
    """`__persistence_strategy__` says which; it is stored in neither case."""

    async def put(**given: object) -> object:
        body = {"settings": {"preference_set": given}}
        written = (await client.put("/v1/tenants/acme", json=body)).json()
        return {k: v for k, v in written["settings"]["preference_set"].items() if k != "id"}

    first = {"workflows": {"a": False}, "channel_types": {"email": True}}
    assert await put(**first) == first
    merged = {"workflows": {"a": False, "b": True}, "channel_types": {"email": True}}
    assert await put(__persistence_strategy__="merge", workflows={"b": True}) == merged
    new = {"workflows": {"c": {"__strategy__": "replace", "channel_types": {"sms": True}}}}
    assert await put(__persistence_strategy__="replace", **new) == new
    assert (await client.get("/v1/tenants/acme")).json()["name"] is None


async def test_tenants_are_listed_and_deleted(client: httpx.AsyncClient) -> None:
    """Tenants can be found by id and name, and deleted."""
    for tenant_id, name in (("a", "One"), ("b", "Two"), ("c", "Two")):
        await client.put(f"/v1/tenants/{tenant_id}", json={"name": name})

    async def listed(query: str) -> list[str]:
        body = (await client.get(f"/v1/tenants?{query}")).json()
        return [tenant["id"] for tenant in body["entries"]]

    assert await listed("") == ["c", "b", "a"]
    assert await listed("name=Two") == ["c", "b"]
    assert await listed("tenant_id=a") == ["a"]
    assert (await client.delete("/v1/tenants/b")).status_code == 204
    assert await listed("") == ["c", "a"]


async def test_what_public_keys_may_do_with_users(
    anonymous: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A browser may read a user, and neither change, list nor delete; see the user tokens."""
    await make.user(environment, "ellie", name="E", avatar="a.png", email="e@example.com", plan="x")
    anonymous.headers["authorization"] = f"Bearer {environment.public_key}"
    shown = (await anonymous.get("/v1/users/ellie")).json()
    assert (shown["id"], shown["name"], shown["avatar"]) == ("ellie", "E", "a.png")
    assert (shown["email"], shown["plan"]) == ("e@example.com", "x")
    refused = await anonymous.put("/v1/users/ellie", json={"email": "eve@example.com"})
    assert (refused.status_code, refused.json()["code"]) == (403, "authorization")
    rows = await make.rows(
        "SELECT properties FROM recipients WHERE environment_id = %s", environment.id
    )
    assert rows[0]["properties"]["email"] == "e@example.com"
    for method, path in (
        ("GET", "/v1/users"),
        ("DELETE", "/v1/users/ellie"),
        ("GET", "/v1/users/ellie/messages"),
        ("GET", "/v1/tenants/acme"),
        ("PUT", "/v1/tenants/acme"),
        ("GET", "/v1/workflow_recipient_runs"),
        ("POST", "/v1/workflows/welcome/trigger"),
        ("POST", "/v1/workflows/welcome/cancel"),
    ):
        response = await anonymous.request(method, path)
        assert (response.status_code, response.json()["code"]) == (401, "incorrect_token_type")


async def test_a_public_key_sees_a_feed_as_it_is(
    anonymous: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Where no token is demanded, actors and the recipient are shown as everybody gets them."""
    channel = await make.channel()
    await make.user(environment, "ellie", name="E", email="e@example.com")
    await make.user(environment, "alan", name="A", email="a@example.com")
    await make.message(
        environment, channel, actors=["alan"], recipient_run_id=await make.run(environment)
    )
    anonymous.headers["authorization"] = f"Bearer {environment.public_key}"
    (entry,) = (await anonymous.get(f"/v1/users/ellie/feeds/{channel}")).json()["entries"]
    assert entry["actors"][0]["email"] == "a@example.com"
    assert entry["activities"][0]["recipient"]["email"] == "e@example.com"


async def test_a_custom_property_may_have_any_name(client: httpx.AsyncClient) -> None:
    """Names that the shapes use inside themselves are a caller's to use too."""
    given = {"typename": "t", "trigger_data": 1, "strategy": {}, "model_config": [], "of": None}
    for path in ("/v1/users/ellie", "/v1/tenants/acme"):
        body = (await client.put(path, json=given)).json()
        assert {name: body.get(name) for name in given} == given
        assert body["__typename"] in ("User", "Tenant")


@pytest.mark.parametrize(
    "number", ["1e308", "-1.7976931348623157e308", "9007199254740993", "1e-300"]
)
async def test_every_number_that_is_answered_can_be_sent_back(
    client: httpx.AsyncClient, number: str
) -> None:
    """The largest are stored, and answered, as integers."""
    path, raw = "/v1/users/ellie", f'{{"x": {number}}}'
    stored = (await client.put(path, content=raw)).json()["x"]
    assert float(stored) == float(number)
    again = await client.put(path, json={"x": stored})
    assert (again.status_code, again.json()["x"]) == (200, stored)


async def test_a_key_of_a_violation_is_cut(client: httpx.AsyncClient) -> None:
    """The place of an error does not repeat a key as long as a body."""
    refused = await client.put("/v1/users/ellie", json={"preferences": {"x" * 9_000: {}}})
    assert refused.json()["errors"][0]["field"] == "preferences." + "x" * 255


async def test_no_environment_sees_another(client: httpx.AsyncClient, make: Builder) -> None:
    """Users and tenants, and what is done to them, stay in the environment of the key."""
    other = await make.environment()
    theirs = {"authorization": f"Bearer {other.secret_key}"}
    for listed in ("/v1/users", "/v1/tenants"):
        path = f"{listed}/one"
        mine = (await client.put(path, json={"name": "Mine"})).json()
        assert (await client.get(path, headers=theirs)).status_code == 404
        assert (await client.get(listed, headers=theirs)).json()["entries"] == []
        assert (await client.delete(path, headers=theirs)).status_code == 404
        await client.put(path, json={"name": "Theirs"}, headers=theirs)
        assert (await client.delete(path, headers=theirs)).status_code == 204
        assert (await client.get(path)).json() == mine


async def test_a_user_is_merged(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """The user of the path stays, with what the other one had beside it; the other one is gone."""
    await make.user(environment, "ellie", name="Ellie")
    await make.user(environment, "old", name="Old", plan="pro")
    message = await make.message(
        environment, uuid4(), recipient_id="old", inserted_at=datetime.now(UTC)
    )
    response = await client.post("/v1/users/ellie/merge", json={"from_user_id": "old"})
    assert response.status_code == 200
    body = response.json()
    assert (body["id"], body["name"], body["plan"]) == ("ellie", "Ellie", "pro")
    assert (await client.get(f"/v1/messages/{message}")).json()["recipient"] == "ellie"
    assert (await client.get("/v1/users/old")).status_code == 404
    for path, given, status in (
        ("ellie", {}, 422),
        ("ellie", {"from_user_id": "ellie"}, 422),
        ("ellie", {"from_user_id": "old"}, 422),
        ("old", {"from_user_id": "ellie"}, 404),
    ):
        refused = await client.post(f"/v1/users/{path}/merge", json=given)
        assert refused.status_code == status


async def test_users_of_another_environment_are_not_merged(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A merge finds nobody of another environment, and takes nothing from there."""
    other = await make.environment()
    await make.user(environment, "ellie")
    await make.user(other, "old", secret=True)
    refused = await client.post("/v1/users/ellie/merge", json={"from_user_id": "old"})
    assert refused.json()["errors"][0]["field"] == "from_user_id"
    headers = {"authorization": f"Bearer {other.secret_key}"}
    assert (await client.get("/v1/users/old", headers=headers)).status_code == 200
