"""Subscriptions over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.builders import Builder, Environment

_PATH = "/v1/objects/projects/one/subscriptions"


@pytest.fixture(autouse=True)
async def stored(make: Builder, environment: Environment) -> None:
    """Make an object, and people who may follow it."""
    await make.recipient(environment, "projects", "one", name="One")
    for user_id in ("ellie", "alan", "ian"):
        await make.user(environment, user_id, name=user_id.title())


async def _subscribe(client: httpx.AsyncClient, *recipients: Any, **more: Any) -> Any:
    response = await client.post(_PATH, json={"recipients": recipients, **more})
    assert response.status_code == 200, response.text
    return response.json()


def _names(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["recipient"]["id"] for entry in entries]


async def test_recipients_follow_an_object(client: httpx.AsyncClient) -> None:
    """Both ends are answered whole, in the order of the request, each recipient once."""
    team = {"collection": "teams", "id": "core", "name": "Core"}
    made = await _subscribe(
        client, "ellie", {"id": "ann", "name": "Ann"}, team, "ellie", properties={"role": "lead"}
    )
    assert _names(made) == ["ellie", "ann", "core"]
    first = made[0]
    assert (first["__typename"], first["properties"]) == ("Subscription", {"role": "lead"})
    assert first["object"]["properties"] == {"name": "One"}
    assert (first["recipient"]["__typename"], first["recipient"]["name"]) == ("User", "Ellie")
    assert made[2]["recipient"]["properties"] == {"name": "Core"}
    assert (await client.get("/v1/users/ann")).json()["name"] == "Ann"


async def test_who_follows_already_goes_on(client: httpx.AsyncClient) -> None:
    """New properties replace those that are there; none leave them; nothing is made twice."""
    (first,) = await _subscribe(client, "ellie", properties={"role": "lead", "n": 1})
    (second,) = await _subscribe(client, "ellie")
    assert second == first
    (third,) = await _subscribe(client, "ellie", properties={"role": None})
    assert third["properties"] == {"role": None}
    assert third["inserted_at"] == first["inserted_at"]
    assert third["updated_at"] > first["updated_at"]
    listed = (await client.get(_PATH)).json()["entries"]
    assert listed == [third]


async def test_subscriptions_end(client: httpx.AsyncClient) -> None:
    """What was there is answered; who did not follow is passed over, also a second time."""
    await _subscribe(client, "ellie", "alan", properties={"n": 1})
    body = {"recipients": ["nobody", "alan", {"collection": "teams", "id": "x"}, "ian"]}
    ended = (await client.request("DELETE", _PATH, json=body)).json()
    assert (_names(ended), ended[0]["properties"]) == (["alan"], {"n": 1})
    assert _names((await client.get(_PATH)).json()["entries"]) == ["ellie"]
    assert (await client.request("DELETE", _PATH, json=body)).json() == []
    unknown = "/v1/objects/projects/unknown/subscriptions"
    assert (await client.request("DELETE", unknown, json=body)).json() == []


@pytest.mark.parametrize("mode", ["object", "recipient", "user"])
async def test_lists_come_in_pages_both_ways(
    client: httpx.AsyncClient, make: Builder, environment: Environment, mode: str
) -> None:
    """Newest first; those of one call have one instant and are told apart by their other end."""
    path, side, names = {
        "object": (_PATH, "recipient", ["ellie", "alan", "ian"]),
        "recipient": (f"{_PATH}?mode=recipient", "object", ["a", "b", "c"]),
        "user": ("/v1/users/ellie/subscriptions", "object", ["a", "b", "c"]),
    }[mode]
    if mode == "object":
        await _subscribe(client, *names)
    else:
        follower = "ellie" if mode == "user" else {"collection": "projects", "id": "one"}
        for name in names:
            await make.recipient(environment, "topics", name)
            body = {"recipients": [follower]}
            await client.post(f"/v1/objects/topics/{name}/subscriptions", json=body)

    async def page(**query: Any) -> tuple[list[str], dict[str, Any]]:
        body = (await client.get(httpx.URL(path).copy_merge_params(query))).json()
        return [entry[side]["id"] for entry in body["entries"]], body["page_info"]

    first, info = await page(page_size=2)
    rest, ends = await page(page_size=2, after=info["after"])
    assert first + rest == sorted(names, reverse=True)
    assert (info["before"], ends["after"]) == (None, None)
    assert (await page(page_size=2, before=ends["before"]))[0] == first


async def test_lists_are_narrowed(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """By recipients where the object is followed, by objects where something follows them."""
    await make.recipient(environment, "topics", "a")
    await _subscribe(client, "ellie", "alan", {"collection": "topics", "id": "a"})
    await client.post("/v1/objects/topics/a/subscriptions", json={"recipients": ["ellie"]})

    async def listed(path: str) -> list[str]:
        entries = (await client.get(path)).json()["entries"]
        return [f"{entry['object']['id']}<{entry['recipient']['id']}" for entry in entries]

    assert await listed(f"{_PATH}?recipients[]=ellie&recipients[]=ian") == ["one<ellie"]
    reference = "recipients[0][id]=a&recipients[0][collection]=topics"
    assert await listed(f"{_PATH}?{reference}&recipients[1]=alan") == ["one<a", "one<alan"]
    of_user = "/v1/users/ellie/subscriptions"
    assert await listed(of_user) == ["a<ellie", "one<ellie"]
    one = "objects[][id]=one&objects[][collection]=projects"
    assert await listed(f"{of_user}?{one}") == ["one<ellie"]
    # Each filter counts in the mode that it is documented for.
    assert await listed(f"{of_user}?recipients[]=ian") == ["a<ellie", "one<ellie"]
    path = "/v1/objects/topics/a/subscriptions?mode=recipient"
    assert await listed(f"{path}&{one}&recipients[]=ian") == ["one<a"]


async def test_preferences_of_followers_are_shown_when_asked_for(client: httpx.AsyncClient) -> None:
    """`include[]=preferences` adds the recipient's sets by id."""
    await _subscribe(client, {"id": "ellie", "preferences": {"default": {"workflows": {}}}}, "alan")
    assert "preferences" not in (await client.get(_PATH)).json()["entries"][0]["recipient"]
    shown = (await client.get(f"{_PATH}?include[]=preferences")).json()["entries"]
    assert [entry["recipient"]["preferences"] for entry in shown] == [
        {"default": {"id": "default", "workflows": {}}},
        {},
    ]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["recipients"]),
        ({"recipients": "ellie"}, ["recipients"]),
        ({"recipients": [f"u{n}" for n in range(101)]}, ["recipients"]),
        ({"recipients": [5, {"id": "x", "name": 5}]}, ["recipients[0]", "recipients[1].name"]),
        ({"recipients": ["ellie", {"collection": "c"}]}, ["recipients[1].id"]),
        ({"recipients": ["ellie"], "properties": [1]}, ["properties"]),
        ({"recipients": ["ellie"], "properties": {"a": "x" * 300_000}}, ["properties"]),
        ({"recipients": [{"id": "new", "a": "x" * 300_000}]}, ["recipients[0]"]),
        (
            {"recipients": ["none", {"id": "new", "name": "N"}, "nobody", "none"]},
            ["recipients[0]", "recipients[2]"],
        ),
        ({"recipients": ["none", "ellie", "nobody"]}, ["recipients[0]", "recipients[2]"]),
        (
            {
                "recipients": [
                    {"id": "new", "a": "x" * 300_000},
                    {"collection": "projects", "id": "one"},
                ],
                "properties": {"a": "x" * 300_000},
            },
            ["recipients[0]", "recipients[1]", "properties"],
        ),
    ],
)
async def test_bad_subscriptions_are_refused(
    client: httpx.AsyncClient, body: object, fields: list[str]
) -> None:
    """A request that cannot be done whole is a 422 that names the places, and stores nothing."""
    response = await client.post(_PATH, json=body)
    assert response.status_code == 422
    assert sorted(error["field"] for error in response.json()["errors"]) == sorted(fields)
    assert (await client.get(_PATH)).json()["entries"] == []
    assert (await client.get("/v1/users/new")).status_code == 404


async def test_only_what_was_identified_is_followed(client: httpx.AsyncClient) -> None:
    """An unknown object is a 404, and nobody is identified on the way."""
    body = {"recipients": [{"id": "new", "name": "N"}]}
    path = "/v1/objects/projects/unknown/subscriptions"
    assert (await client.post(path, json=body)).status_code == 404
    assert (await client.get("/v1/users/new")).status_code == 404
    assert (await client.get(path)).json()["entries"] == []
    assert (await client.get("/v1/users/new/subscriptions")).json()["entries"] == []


async def test_a_hundred_recipients_in_a_call(client: httpx.AsyncClient) -> None:
    """What Knock documents as the most is taken, given by PHP's empty list of properties too."""
    people = [{"id": f"user-{number}", "n": number} for number in range(100)]
    assert len(await _subscribe(client, *people, properties=[])) == 100
    assert (await client.request("DELETE", _PATH, json={"recipients": people})).status_code == 200


async def test_a_tenant_is_followed_and_follows(client: httpx.AsyncClient) -> None:
    """Tenants are objects of the collection `$tenants`, on both ends."""
    await client.put("/v1/tenants/acme", json={"name": "Acme"})
    await _subscribe(client, {"collection": "$tenants", "id": "acme"})
    body = {"recipients": ["ellie"]}
    (made,) = (await client.post("/v1/objects/$tenants/acme/subscriptions", json=body)).json()
    assert (made["object"]["collection"], made["recipient"]["id"]) == ("$tenants", "ellie")
    assert _names((await client.get(_PATH)).json()["entries"]) == ["acme"]


@pytest.mark.parametrize("gone", ["/v1/objects/projects/one", "/v1/users/ellie"])
async def test_deleting_either_end_ends_a_subscription(
    client: httpx.AsyncClient, make: Builder, environment: Environment, gone: str
) -> None:
    """Whoever comes back under the same id follows nothing and is followed by nobody."""
    await _subscribe(client, "ellie")
    assert (await client.delete(gone)).status_code == 204
    left = "SELECT 1 FROM subscriptions WHERE environment_id = %s"
    assert await make.rows(left, environment.id) == []
    await client.put(gone, json={})
    assert (await client.get(_PATH)).json()["entries"] == []


async def test_no_environment_sees_another(client: httpx.AsyncClient, make: Builder) -> None:
    """Another environment's key lists, ends and finds nothing here."""
    await _subscribe(client, "ellie")
    other = await make.environment()
    theirs = {"authorization": f"Bearer {other.secret_key}"}
    for path in (_PATH, "/v1/users/ellie/subscriptions"):
        assert (await client.get(path, headers=theirs)).json()["entries"] == []
    body = {"recipients": ["ellie"]}
    assert (await client.post(_PATH, json=body, headers=theirs)).status_code == 404
    assert (await client.request("DELETE", _PATH, json=body, headers=theirs)).json() == []
    await make.recipient(other, "projects", "one")
    assert (await client.post(_PATH, json=body, headers=theirs)).status_code == 422
    await make.user(other, "ellie")
    await client.delete("/v1/users/ellie", headers=theirs)
    assert _names((await client.get(_PATH)).json()["entries"]) == ["ellie"]


async def test_a_public_key_does_not_reach_subscriptions(
    client: httpx.AsyncClient, environment: Environment
) -> None:
    """Knock documents them for secret keys only."""
    public = {"authorization": f"Bearer {environment.public_key}"}
    for method, path in (
        ("GET", _PATH),
        ("POST", _PATH),
        ("DELETE", _PATH),
        ("GET", "/v1/users/ellie/subscriptions"),
        ("GET", "/v1/objects/projects"),
        ("PUT", f"/v1/objects/projects/{uuid4()}"),
    ):
        response = await client.request(method, path, headers=public)
        assert (response.status_code, response.json()["code"]) == (401, "incorrect_token_type")
