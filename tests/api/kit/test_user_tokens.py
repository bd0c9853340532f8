"""Public keys with user tokens: who is let in, and to what."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from psycopg.types.json import Jsonb

from domain.kit.clock import utc_now
from services.engine import Engine
from tests.support.builders import T0, Builder, Environment
from tests.support.bulk import finish
from tests.support.user_tokens import granted, let_sign, of_browser, signed, signing_key

ELLIE = "/v1/users/ellie"
BATCH = "/v1/messages/batch"


@pytest.fixture
async def secured(make: Builder, environment: Environment) -> Environment:
    """Return an environment where public keys need a user token."""
    await let_sign(make, environment)
    await make.user(environment, "ellie", name="Ellie", email="ellie@example.com")
    return environment


def _refusal(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def _seconds_from_now(seconds: int) -> int:
    return int((utc_now() + timedelta(seconds=seconds)).timestamp())


async def test_the_user_of_a_token_is_let_in(
    anonymous: httpx.AsyncClient, secured: Environment
) -> None:
    """With a token a user reads and writes what is their own, all of it."""
    anonymous.headers.update(of_browser(secured, signed("ellie")))
    assert (await anonymous.get(ELLIE)).json()["email"] == "ellie@example.com"
    changed = await anonymous.put(ELLIE, json={"name": "Ellie Sattler"})
    assert changed.json()["name"] == "Ellie Sattler"
    switched = {"channel_types": {"email": False}}
    assert (await anonymous.put(f"{ELLIE}/preferences/default", json=switched)).status_code == 200


@pytest.mark.parametrize("value", [None, "", " ", "null", "undefined"])
async def test_without_a_token_nobody_is_let_in(
    anonymous: httpx.AsyncClient, secured: Environment, value: str | None
) -> None:
    """What clients send that have none counts as none."""
    refused = await anonymous.get(ELLIE, headers=of_browser(secured, value))
    assert _refusal(refused) == (401, "missing_user_token")


async def test_an_unknown_path_is_said_to_be_one(
    anonymous: httpx.AsyncClient, secured: Environment
) -> None:
    """Or a wrong method: to a browser whose user has proved who they are, and to no other."""
    headers = of_browser(secured, signed("ellie"))
    unknown = await anonymous.get("/v1/nowhere", headers=headers)
    assert _refusal(unknown) == (404, "resource_missing")
    wrong = await anonymous.patch(ELLIE, headers=headers)
    assert _refusal(wrong) == (405, "method_not_allowed")
    for method, path in (("GET", "/v1/nowhere"), ("PATCH", ELLIE)):
        refused = await anonymous.request(method, path, headers=of_browser(secured, None))
        assert _refusal(refused) == (401, "missing_user_token")


async def test_where_none_is_demanded_none_has_to_be_sent(
    anonymous: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Without enhanced security a page reads with its key alone; a wrong token is still wrong."""
    await let_sign(make, environment, is_required=False)
    await make.user(environment, "ellie", name="Ellie", email="ellie@example.com", plan="pro")
    for value in (None, "", "null", signed("ellie")):
        seen = (await anonymous.get(ELLIE, headers=of_browser(environment, value))).json()
        assert (seen["name"], seen["email"], seen["plan"]) == ("Ellie", "ellie@example.com", "pro")
    wrong = await anonymous.get(ELLIE, headers=of_browser(environment, "nonsense"))
    assert _refusal(wrong) == (401, "invalid_user_token")


async def test_who_proves_nothing_reads_and_does_not_write(
    anonymous: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """Who somebody is, how they are reached and what they prefer is read alone, as Knock has it."""
    await let_sign(make, environment, is_required=False)
    feed, push = await make.channel(), await make.channel("push", provider="push_fcm")
    await make.user(environment, "ellie", name="Ellie", email="ellie@example.com")
    run_id = await make.run(environment)
    await make.message(environment, feed, actors=["ellie"], recipient_run_id=run_id)
    await make.insert(
        "channel_data",
        environment_id=environment.id,
        collection="$users",
        recipient_id="ellie",
        channel_id=push,
        data=Jsonb({"tokens": ["a"]}),
        updated_at=T0,
    )
    data = f"{ELLIE}/channel_data/{push}"
    anonymous.headers.update(of_browser(environment))
    for path in (
        *(ELLIE, data, f"{ELLIE}/preferences", f"{ELLIE}/preferences/default"),
        *(f"{ELLIE}/preference_center/config", f"{ELLIE}/feeds/{feed}"),
    ):
        assert (await anonymous.get(path)).status_code == 200
    assert (await anonymous.get(data)).json()["data"]["tokens"] == ["a"]
    config = (await anonymous.get(f"{ELLIE}/preference_center/config")).json()
    assert config["user_email"] == "ellie@example.com"
    item = (await anonymous.get(f"{ELLIE}/feeds/{feed}")).json()["entries"][0]
    assert item["activities"][0]["recipient"]["email"] == "ellie@example.com"
    for method, path, body in (
        ("PUT", ELLIE, {"name": "Mallory"}),
        ("PUT", data, {"data": {"tokens": ["mine"]}}),
        ("DELETE", data, None),
        ("PUT", f"{ELLIE}/preferences/default", {"categories": {"a": False}}),
        ("PUT", f"{ELLIE}/preferences/default/categories/a", {"subscribed": False}),
    ):
        assert _refusal(await anonymous.request(method, path, json=body)) == (403, "authorization")


async def test_without_a_signing_key_no_token_can_be_checked(
    anonymous: httpx.AsyncClient, environment: Environment
) -> None:
    """And is not taken unchecked."""
    refused = await anonymous.get(ELLIE, headers=of_browser(environment, signed("ellie")))
    assert _refusal(refused) == (401, "missing_jwt_signing_key")


def _unsigned(user_id: str, algorithm: str, signature: bytes = b"") -> str:
    parts = (
        json.dumps({"alg": algorithm, "typ": "JWT"}).encode(),
        json.dumps({"sub": user_id}).encode(),
        signature,
    )
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts)


BAD = {
    "of another key": lambda: signed("ellie", signing_key("second")),
    "of nobody": lambda: signed(None),
    "expired": lambda: signed("ellie", exp=_seconds_from_now(-90)),
    "not valid yet": lambda: signed("ellie", iat=_seconds_from_now(90)),
    "never": lambda: signed("ellie", iat=10**400),
    "for ever": lambda: signed("ellie", exp=10**400),
    "since ever": lambda: signed("ellie", nbf=-(10**400)),
    "without a signature": lambda: _unsigned("ellie", "none"),
    "signed by words": lambda: _unsigned("ellie", "HS256", b"x" * 32),
    "cut": lambda: signed("ellie")[:-8],
    "longer": lambda: signed("ellie") + "AAAA",
    "no token": lambda: "e.e.e",
    "one part": lambda: "e",
    "brackets": lambda: base64.urlsafe_b64encode(b"[" * 30_000).decode() + ".e.e",
    "not ASCII": lambda: "\xe9.\xe9.\xe9",
}


@pytest.mark.parametrize("kind", BAD)
async def test_a_bad_token_lets_nobody_in(
    anonymous: httpx.AsyncClient, secured: Environment, kind: str
) -> None:
    """Whatever is wrong with it: the same answer, and no fault of ours."""
    headers = {
        name: value.encode("latin-1") for name, value in of_browser(secured, BAD[kind]()).items()
    }
    refused = await anonymous.get(ELLIE, headers=headers)
    assert _refusal(refused) == (401, "invalid_user_token")


@pytest.mark.parametrize("user_id", ["ellie/x", "ellie#", "e" * 257])
async def test_nothing_is_begun_in_the_name_of_who_cannot_be_a_user(
    anonymous: httpx.AsyncClient, secured: Environment, make: Builder, user_id: str
) -> None:
    """The operation would be for a user whom it could never read again."""
    path = f"/v1/channels/{await make.channel()}/messages/bulk/read"
    refused = await anonymous.post(path, headers=of_browser(secured, signed(user_id)))
    assert _refusal(refused) == (401, "invalid_user_token")


@pytest.mark.parametrize("text", ["a\x00b", "\ud800"])
async def test_a_token_with_claims_that_cannot_be_stored_is_a_bad_one(
    anonymous: httpx.AsyncClient, secured: Environment, make: Builder, text: str
) -> None:
    """Whether they name a user or a tenant, and whatever the token grants besides."""
    bulk = f"/v1/channels/{await make.channel()}/messages/bulk/read"
    abilities = ("user/feed_read", "user/feed_write")
    grants = granted(f"tenants/{text}", *abilities) | granted("tenants/ingen", *abilities)
    escaped = granted("tenants/a%00b", *abilities)
    for token in (signed(text), signed("ellie", grants=grants), signed("ellie", grants=escaped)):
        headers = of_browser(secured, token)
        refused = await anonymous.post(bulk, json={"tenants": ["ingen"]}, headers=headers)
        assert _refusal(refused) == (401, "invalid_user_token")


@pytest.mark.parametrize("claims", [{"exp": -50}, {"iat": 50}, {"exp": None, "iat": None}])
async def test_clocks_may_differ_by_a_minute(
    anonymous: httpx.AsyncClient, secured: Environment, claims: dict[str, Any]
) -> None:
    """And a token need not expire."""
    times = {name: at if at is None else _seconds_from_now(at) for name, at in claims.items()}
    seen = await anonymous.get(ELLIE, headers=of_browser(secured, signed("ellie", **times)))
    assert seen.status_code == 200


@pytest.mark.parametrize("user_id", ["auth0|abc", "a b@c+d", "élan", "100%", "a:b"])
async def test_ids_are_compared_as_they_are(
    anonymous: httpx.AsyncClient, secured: Environment, user_id: str
) -> None:
    """However a client writes them into a path."""
    headers = of_browser(secured, signed(user_id))
    written = httpx.URL("/v1/users/").join(httpx.QueryParams({"x": user_id}).__str__()[2:])
    path = f"/v1/users/{str(written).rpartition('/')[2].replace('+', '%20')}"
    assert (await anonymous.put(path, json={}, headers=headers)).json()["id"] == user_id


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/users/alan"),
        ("PUT", "/v1/users/alan"),
        ("GET", "/v1/users/alan/preferences"),
        ("PUT", "/v1/users/alan/preferences/default"),
        ("PUT", "/v1/users/alan/preferences/default/workflows/x"),
    ],
)
async def test_nobody_is_another_user(
    anonymous: httpx.AsyncClient, secured: Environment, make: Builder, method: str, path: str
) -> None:
    """A token is good for its own user only, and changes nothing of others."""
    await make.user(secured, "alan", name="Alan")
    headers = of_browser(secured, signed("ellie"))
    refused = await anonymous.request(method, path, json={}, headers=headers)
    assert _refusal(refused) == (401, "invalid_user_token")


async def test_a_secret_key_needs_no_token(client: httpx.AsyncClient, secured: Environment) -> None:
    """And what stands in the header beside it is not looked at."""
    seen = await client.get(ELLIE, headers={"x-knock-user-token": "nonsense"})
    assert seen.status_code == 200


@pytest.mark.parametrize(
    ("ability", "method", "path"),
    [
        ("user/read", "GET", ELLIE),
        ("user/write", "PUT", ELLIE),
        ("preferences/read", "GET", f"{ELLIE}/preferences"),
        ("preferences/write", "PUT", f"{ELLIE}/preferences/default"),
    ],
)
async def test_explicit_grants_allow_what_they_name(
    anonymous: httpx.AsyncClient, secured: Environment, ability: str, method: str, path: str
) -> None:
    """And nothing else is allowed."""
    having = signed("ellie", explicit_grants=True, grants=granted("users/ellie", ability))
    lacking = signed("ellie", explicit_grants=True, grants=granted("users/ellie", "user/feed_read"))
    allowed, refused = [
        await anonymous.request(method, path, json={}, headers=of_browser(secured, token))
        for token in (having, lacking)
    ]
    assert allowed.status_code == 200
    assert _refusal(refused) == (403, "authorization")


async def test_preferences_are_kept_to_granted_tenants(
    anonymous: httpx.AsyncClient, client: httpx.AsyncClient, secured: Environment
) -> None:
    """Sets of other tenants, and the one without a tenant, are neither seen nor changed."""
    secret = {"authorization": f"Bearer {secured.secret_key}"}
    for set_id in ("default", "ingen", "biosyn"):
        path = f"{ELLIE}/preferences/{set_id}"
        await anonymous.put(path, json={"channel_types": {"sms": True}}, headers=secret)
    token = signed("ellie", grants=granted("tenants/ingen", "preferences/read"))
    headers = of_browser(secured, token)
    listed = await anonymous.get(f"{ELLIE}/preferences", headers=headers)
    assert [one["id"] for one in listed.json()] == ["ingen"]
    for set_id, status in (("ingen", 200), ("biosyn", 403), ("default", 403)):
        path = f"{ELLIE}/preferences/{set_id}"
        assert (await anonymous.get(path, headers=headers)).status_code == status
        assert (await anonymous.put(path, json={}, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("method", "path", "ability"),
    [
        ("GET", f"/v1/messages/{UUID(int=1)}", "user/feed_read"),
        ("PUT", f"/v1/messages/{UUID(int=1)}/read", "user/feed_write"),
        ("DELETE", f"/v1/messages/{UUID(int=1)}/seen", "user/feed_write"),
        ("POST", f"{BATCH}/archived", "user/feed_write"),
    ],
)
async def test_operations_on_messages_have_to_be_granted(
    anonymous: httpx.AsyncClient, secured: Environment, method: str, path: str, ability: str
) -> None:
    """Whoever may do nothing of the kind is told so, not that there are no such messages."""
    body = {"message_ids": [str(UUID(int=1))]}
    for resource, granting, status in (
        ("users/ellie", ability, 200 if path.startswith(BATCH) else 404),
        ("tenants/ingen", ability, 200 if path.startswith(BATCH) else 404),
        ("users/ellie", "user/read", 403),
    ):
        token = signed("ellie", explicit_grants=True, grants=granted(resource, granting))
        headers = of_browser(secured, token)
        answered = await anonymous.request(method, path, json=body, headers=headers)
        assert answered.status_code == status


@pytest.mark.parametrize(
    ("more", "said", "status"),
    [
        ((), {"name": "Ellie", "channel_data": {}, "preferences": None}, 200),
        ((), {"channel_data": {str(UUID(int=1)): {"tokens": ["t"]}}}, 403),
        (("channel_data/write",), {"channel_data": {str(UUID(int=1)): {"tokens": ["t"]}}}, 200),
        ((), {"preferences": {"default": {}}}, 403),
        (("preferences/write",), {"preferences": {"default": {}, "ingen": {}}}, 200),
    ],
)
async def test_what_a_user_is_identified_with_has_to_be_granted_too(
    anonymous: httpx.AsyncClient,
    secured: Environment,
    more: tuple[str, ...],
    said: dict[str, Any],
    status: int,
) -> None:
    """Channel data and preferences have grants of their own, by whatever path they come."""
    grants = granted("users/ellie", "user/write", *more)
    token = signed("ellie", explicit_grants=True, grants=grants)
    answered = await anonymous.put(ELLIE, json=said, headers=of_browser(secured, token))
    assert answered.status_code == status


async def test_a_user_is_identified_with_the_sets_of_granted_tenants(
    anonymous: httpx.AsyncClient, secured: Environment
) -> None:
    """Whoever is kept to a tenant does not write a set of another one beside their name."""
    token = signed("ellie", grants=granted("tenants/ingen", "preferences/write"))
    headers = of_browser(secured, token)
    for set_id, status in (("ingen", 200), ("biosyn", 403), ("default", 403)):
        said = {"preferences": {set_id: {"channel_types": {"sms": False}}}}
        assert (await anonymous.put(ELLIE, json=said, headers=headers)).status_code == status


async def test_messages_are_the_users_own(
    anonymous: httpx.AsyncClient, secured: Environment, make: Builder
) -> None:
    """Those of others are as if they did not exist, one by one and many at once."""
    channel = await make.channel()
    own = await make.message(secured, channel)
    other = await make.message(secured, channel, recipient_id="alan")
    anonymous.headers.update(of_browser(secured, signed("ellie")))
    assert (await anonymous.get(f"/v1/messages/{own}")).status_code == 200
    assert _refusal(await anonymous.get(f"/v1/messages/{other}")) == (404, "resource_missing")
    assert (await anonymous.put(f"/v1/messages/{other}/read")).status_code == 404
    both = await anonymous.post("/v1/messages/batch/seen", json={"message_ids": [own, other]})
    assert [one["id"] for one in both.json()] == [own]
    rows = await make.rows("SELECT id FROM messages WHERE id = %s AND seen_at IS NULL", other)
    assert len(rows) == 1


@pytest.mark.parametrize("channel_type", ["push", "email", "in_app_guide"])
async def test_an_application_tells_what_its_user_did_with_other_messages(
    anonymous: httpx.AsyncClient, secured: Environment, make: Builder, channel_type: str
) -> None:
    """A mobile one that a push was opened, for example; what was in a message stays hidden."""
    channel = await make.channel(channel_type)
    made = {"channel_type": channel_type, "delivery_status": "sent"}
    own = await make.message(secured, channel, **made)
    other = await make.message(secured, channel, recipient_id="alan", **made)
    far = await make.message(secured, channel, tenant_id="biosyn", **made)
    anonymous.headers.update(of_browser(secured, signed("ellie")))
    assert (await anonymous.get(f"/v1/messages/{own}")).json()["id"] == own
    opened = await anonymous.put(f"/v1/messages/{own}/interacted", json={"metadata": {"at": 1}})
    assert opened.json()["interacted_at"] is not None
    ids = {"message_ids": [far, other]}
    assert [one["id"] for one in (await anonymous.post(f"{BATCH}/read", json=ids)).json()] == [far]
    assert (await anonymous.put(f"/v1/messages/{other}/interacted")).status_code == 404
    assert (await anonymous.get(f"/v1/messages/{own}/content")).status_code == 401
    kept = signed("ellie", grants=granted("tenants/ingen", "user/feed_write"))
    anonymous.headers.update(of_browser(secured, kept))
    assert (await anonymous.put(f"/v1/messages/{far}/archived")).status_code == 404
    rows = await make.rows("SELECT read_at, archived_at FROM messages WHERE id = %s", other)
    assert rows == [{"read_at": None, "archived_at": None}]


async def test_a_feed_is_kept_to_granted_tenants(
    anonymous: httpx.AsyncClient, secured: Environment, make: Builder
) -> None:
    """Items and badges are those of the tenants; without one a feed has to be granted apart."""
    channel = await make.channel()
    for number, tenant in enumerate(("ingen", "biosyn", None)):
        await make.message(secured, channel, minute=number, tenant_id=tenant)
    feed = f"{ELLIE}/feeds/{channel}"
    within = granted("tenants/ingen", "user/feed_read")
    anonymous.headers.update(of_browser(secured, signed("ellie", grants=within)))
    assert _refusal(await anonymous.get(feed)) == (403, "authorization")
    assert _refusal(await anonymous.get(f"{feed}?tenant=biosyn")) == (403, "authorization")
    seen = (await anonymous.get(f"{feed}?tenant=ingen")).json()
    assert ([one["tenant"] for one in seen["entries"]], seen["meta"]["total_count"]) == (
        ["ingen"],
        1,
    )
    apart = signed("ellie", grants={**within, **granted("users/ellie", "user/feed_read")})
    anonymous.headers.update(of_browser(secured, apart))
    seen = (await anonymous.get(feed)).json()
    assert [one["tenant"] for one in seen["entries"]] == [None, "ingen"]
    assert seen["meta"]["unread_count"] == 2


async def test_all_messages_of_a_feed_are_those_of_the_user(
    anonymous: httpx.AsyncClient, secured: Environment, make: Builder, engine: Engine
) -> None:
    """Who names nobody means themselves; who names somebody else is refused."""
    channel = await make.channel()
    own = await make.message(secured, channel)
    other = await make.message(secured, channel, recipient_id="alan")
    path = f"/v1/channels/{channel}/messages/bulk/seen"
    anonymous.headers.update(of_browser(secured, signed("ellie")))
    for body in ({"user_ids": ["alan"]}, {"recipient_ids": ["ellie", "alan"]}):
        assert _refusal(await anonymous.post(path, json=body)) == (401, "invalid_user_token")
    begun = await anonymous.post(path, json={})
    await finish(engine, secured, begun.json()["id"])
    seen = await make.rows("SELECT id FROM messages WHERE seen_at IS NOT NULL")
    assert own in {str(row["id"]) for row in seen}
    assert other not in {str(row["id"]) for row in seen}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"tenants": ["ingen"]}, 200),
        ({"tenants": ["ingen", "biosyn"]}, 403),
        ({}, 403),
        ({"has_tenant": True}, 403),
        ({"has_tenant": False}, 403),
    ],
)
async def test_all_messages_of_a_feed_are_kept_to_granted_tenants(
    anonymous: httpx.AsyncClient,
    secured: Environment,
    make: Builder,
    body: dict[str, Any],
    status: int,
) -> None:
    """Those of other tenants, and those without one, are not marked."""
    channel = await make.channel()
    token = signed("ellie", grants=granted("tenants/ingen", "user/feed_write"))
    path = f"/v1/channels/{channel}/messages/bulk/read"
    answered = await anonymous.post(path, json=body, headers=of_browser(secured, token))
    assert answered.status_code == status
