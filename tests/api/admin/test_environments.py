"""Environments made, named and removed over the admin API, and promotion along the chain."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.support.account import Account, workflow
from tests.support.user_tokens import signed

BASE = "/v1/admin/environments"


async def _add(client: httpx.AsyncClient, slug: str = "staging", **members: Any) -> dict[str, Any]:
    document = {"slug": slug, "name": slug.capitalize(), **members}
    response = await client.post(BASE, json={"environment": document})
    assert response.status_code == 200, response.text
    made: dict[str, Any] = response.json()
    return made


async def _slugs(client: httpx.AsyncClient) -> list[str]:
    return [one["slug"] for one in (await client.get("/v1/environments")).json()["entries"]]


async def _save(client: httpx.AsyncClient, name: str, key: str = "plain") -> None:
    response = await client.put(
        f"/v1/workflows/{key}", json={"workflow": workflow(name)}, params={"commit": "true"}
    )
    assert response.status_code == 200, response.text


async def _promote(client: httpx.AsyncClient, to: str) -> None:
    response = await client.put("/v1/commits/promote", params={"to_environment": to})
    assert response.status_code == 200, response.text


async def _published(client: httpx.AsyncClient, environment: str, key: str = "plain") -> str | None:
    query = {"environment": environment, "hide_uncommitted_changes": "true"}
    name = (await client.get(f"/v1/workflows/{key}", params=query)).json().get("name")
    return None if name is None else str(name)


async def _unpromoted(client: httpx.AsyncClient, environment: str) -> list[str]:
    query = {"environment": environment, "promoted": "false"}
    entries = (await client.get("/v1/commits", params=query)).json()["entries"]
    return sorted(entry["resource"]["identifier"] for entry in entries)


async def test_each_new_one_comes_directly_before_the_last(management: httpx.AsyncClient) -> None:
    """As with Knock; their order is what a client reads."""
    await _add(management, "staging")
    made = await _add(management, "preview")
    assert await _slugs(management) == ["development", "staging", "preview", "production"]
    shown = (await management.get("/v1/environments/preview")).json()
    assert made["environment"] == shown
    assert shown["name"] == "Preview"


async def test_one_comes_where_it_is_wanted(management: httpx.AsyncClient) -> None:
    """After any but the last; content goes through it, and no other place is changed."""
    for slug in ("staging", "preview"):
        await _add(management, slug)
    made = await _add(management, "trial", after="development")

    slugs = await _slugs(management)
    assert slugs == ["development", "trial", "staging", "preview", "production"]
    assert made["environment"]["owner"] == "user"
    listed = (await management.get("/v1/environments")).json()["entries"]
    assert [one["owner"] for one in listed] == ["system", *["user"] * 3, "system"]
    await _save(management, "New")
    for slug in slugs[1:]:
        await _promote(management, slug)
        assert await _published(management, slug) == "New"


@pytest.mark.parametrize("after", ["production", "nowhere", ""])
async def test_none_comes_after_the_last(management: httpx.AsyncClient, after: str) -> None:
    """Production stays the last, and an environment that is not there has no place."""
    document = {"slug": "staging", "name": "Staging", "after": after}
    refused = await management.post(BASE, json={"environment": document})

    assert refused.status_code == 422
    assert [one["field"] for one in refused.json()["errors"]] == ["environment.after"]
    assert await _slugs(management) == ["development", "production"]


async def test_its_keys_open_it_and_nothing_else(
    management: httpx.AsyncClient, account: Account
) -> None:
    """They are shown once; a public key needs a user token, which the signing key signs."""
    made = await _add(management)
    keys = {key["kind"]: key["token"] for key in made["api_keys"]}
    secret = {"authorization": f"Bearer {keys['secret']}"}
    stored = await management.put("/v1/users/ellie", json={"name": "Ellie"}, headers=secret)
    assert stored.status_code == 200
    elsewhere = {"authorization": f"Bearer {account.keys.environments['production'].secret_key}"}
    assert (await management.get("/v1/users/ellie", headers=elsewhere)).status_code == 404
    public = {"authorization": f"Bearer {keys['public']}"}
    path = "/v1/users/ellie/preferences"
    assert (await management.get(path, headers=public)).status_code == 401
    token = signed("ellie", made["signing_key"]["signing_key"])
    proven = {**public, "x-knock-user-token": token}
    assert (await management.get(path, headers=proven)).status_code == 200
    listed = (await management.get("/v1/admin/api_keys?environment=staging")).json()["entries"]
    assert {key["kind"] for key in listed} == {"secret", "public"}
    assert all("token" not in key for key in listed)


async def test_user_tokens_may_be_optional_from_the_beginning(
    management: httpx.AsyncClient,
) -> None:
    """Enhanced security is said as it is made, or left to the default."""
    await _add(management, "staging", enhanced_security=False)
    await _add(management, "preview")
    needs = {
        slug: (await management.get(f"{BASE}/{slug}/security")).json()["security"]
        for slug in ("staging", "preview")
    }
    assert needs["staging"] == {"enhanced_security": False, "requires_user_token": False}
    assert needs["preview"] == {"enhanced_security": None, "requires_user_token": True}


async def test_promotion_goes_through_it(management: httpx.AsyncClient) -> None:
    """What is promoted to an environment comes from the one directly before it."""
    await _add(management)
    await _save(management, "Newer")
    await _promote(management, "production")
    assert await _published(management, "production") is None
    await _promote(management, "staging")
    assert await _published(management, "staging") == "Newer"
    await _promote(management, "production")
    assert await _published(management, "production") == "Newer"


async def test_it_begins_with_what_the_one_before_it_has(
    management: httpx.AsyncClient, account: Account
) -> None:
    """What the one after it has already is not to be promoted; what it has not is."""
    await _save(management, "Everywhere")
    await _promote(management, "production")
    await _save(management, "Here only", key="fresh")
    await account.save("draft", workflow("A draft"))
    await _add(management)
    assert await _published(management, "staging") == "Everywhere"
    assert await _published(management, "staging", "fresh") == "Here only"
    assert await _published(management, "staging", "draft") is None
    assert await _unpromoted(management, "development") == []
    assert await _unpromoted(management, "staging") == ["fresh"]
    await _promote(management, "production")
    assert await _published(management, "production", "fresh") == "Here only"


async def test_a_commit_that_was_copied_is_the_answer_to_its_promotion(
    management: httpx.AsyncClient,
) -> None:
    """Whoever promotes it one by one gets what it has become."""
    await _save(management, "Newer")
    [commit] = (await management.get("/v1/commits?resource_id=plain")).json()["entries"]
    await _add(management)
    promoted = await management.put(f"/v1/commits/{commit['id']}/promote")
    assert promoted.json()["commit"]["environment"] == "staging"


async def test_sources_have_an_address_of_their_own_there(management: httpx.AsyncClient) -> None:
    """And do there what they do in the environment before it, secrets left out."""
    mapping = {"event_type": "order", "action_type": "users_delete"}
    settings = {"development": {"settings": {"event_type_path": "type"}, "mappings": [mapping]}}
    document = {"name": "Shop", "environment_settings": settings}
    put = await management.put("/v1/sources/shop", json={"source": document})
    assert put.status_code == 200, put.text
    made = await _add(management)
    shown = (await management.get("/v1/sources/shop")).json()["environment_settings"]
    assert shown["staging"]["settings"]["event_type_path"] == "type"
    assert [each["event_type"] for each in shown["staging"]["mappings"]] == ["order"]
    address = shown["staging"]["settings"]["endpoint"]
    assert address not in {shown[slug]["settings"]["endpoint"] for slug in ("development",)}
    sent = await management.post(address, json={"type": "order"})
    assert sent.status_code < 300, sent.text
    assert made["environment"]["slug"] == "staging"
    assert (await management.delete(f"{BASE}/staging")).status_code == 204
    assert (await management.post(address, json={"type": "order"})).status_code == 404


async def test_its_name_changes_and_its_slug_stays(management: httpx.AsyncClient) -> None:
    """A slug names it in requests of clients, and content goes by the order of the chain."""
    await _add(management)
    change = {"environment": {"name": "Rehearsal", "slug": "other", "order": 0}}
    changed = await management.put(f"{BASE}/staging", json=change)
    assert changed.json()["environment"]["name"] == "Rehearsal"
    assert await _slugs(management) == ["development", "staging", "production"]
    assert (await management.put(f"{BASE}/nowhere", json=change)).status_code == 404


async def test_a_removed_one_is_gone_at_once(management: httpx.AsyncClient) -> None:
    """Its keys open nothing, and every request that names it says so."""
    made = await _add(management)
    assert (await management.delete(f"{BASE}/staging")).status_code == 204
    assert await _slugs(management) == ["development", "production"]
    for path in ("/v1/environments/staging", "/v1/workflows?environment=staging"):
        assert (await management.get(path)).status_code == 404
    headers = {"authorization": f"Bearer {made['api_keys'][0]['token']}"}
    assert (await management.get("/v1/users/ellie", headers=headers)).status_code == 401
    assert (await management.delete(f"{BASE}/staging")).status_code == 404


async def test_what_had_come_as_far_as_a_removed_one_is_promoted_past_it(
    management: httpx.AsyncClient,
) -> None:
    """Or it could never reach production; what is there already is not promoted again."""
    await _save(management, "Everywhere")
    await _add(management)
    await _save(management, "Half way", key="fresh")
    await _promote(management, "staging")
    await _promote(management, "production")
    await _save(management, "Newer", key="fresh")
    await _promote(management, "staging")
    assert await _unpromoted(management, "development") == []
    await management.delete(f"{BASE}/staging")
    assert await _unpromoted(management, "development") == ["fresh"]
    await _promote(management, "production")
    assert await _published(management, "production", "fresh") == "Newer"


async def test_the_first_and_the_last_one_stay(management: httpx.AsyncClient) -> None:
    """Content is written in the one, and real people live in the other."""
    await _add(management)
    for slug in ("development", "production"):
        refused = await management.delete(f"{BASE}/{slug}")
        assert (refused.status_code, refused.json()["code"]) == (422, "environment_not_removable")
    assert await _slugs(management) == ["development", "staging", "production"]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"name": "No slug"}, "environment.slug"),
        ({"slug": "no-name"}, "environment.name"),
        ({"slug": "Not One", "name": "x"}, "environment.slug"),
        ({"slug": "a" * 65, "name": "x"}, "environment.slug"),
        ({"slug": "blank", "name": "  "}, "environment.name"),
        ({"slug": "odd", "name": "x", "enhanced_security": 1}, "environment.enhanced_security"),
        ({"slug": "production", "name": "x"}, "environment.slug"),
        ("staging", "environment"),
    ],
)
async def test_wrong_ones_are_refused(
    management: httpx.AsyncClient, document: Any, field: str
) -> None:
    """Every fault at its place; nothing is made."""
    refused = await management.post(BASE, json={"environment": document})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert await _slugs(management) == ["development", "production"]


async def test_a_slug_is_taken_until_its_data_is_deleted(management: httpx.AsyncClient) -> None:
    """Otherwise a new environment would be told apart from the rest of the old one by nobody."""
    await _add(management)
    await management.delete(f"{BASE}/staging")
    document = {"slug": "staging", "name": "Again"}
    refused = await management.post(BASE, json={"environment": document})
    assert refused.json()["errors"][0]["field"] == "environment.slug"
    assert await _slugs(management) == ["development", "production"]
