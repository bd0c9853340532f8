"""Members of the account over HTTP."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

ADMIN = "/v1/admin/members"


async def add(management: httpx.AsyncClient, email: str, role: str = "member") -> dict[str, Any]:
    """Add a member who has to be new."""
    added = await management.post(ADMIN, json={"member": {"email": email, "role": role}})
    assert added.status_code == 200
    member: dict[str, Any] = added.json()["member"]
    return member


async def test_members_are_added_listed_read_changed_and_removed(
    management: httpx.AsyncClient,
) -> None:
    """Those come first who joined first; lists are of a role, or of one address."""
    assert (await management.get("/v1/members")).json()["entries"] == []
    owner = await add(management, "owner@example.com", "owner")
    jane = await add(management, "Jane@example.com", "admin")
    assert jane["user"]["email"] == "Jane@example.com"
    assert jane["id"] != jane["user"]["id"]

    listed = (await management.get("/v1/members")).json()
    assert listed["entries"] == [owner, jane]
    first = (await management.get("/v1/members?limit=1")).json()
    second = f"/v1/members?limit=1&after={first['page_info']['after']}"
    assert first["entries"] + (await management.get(second)).json()["entries"] == [owner, jane]
    for query in ("role=admin", "email=Jane@example.com", "email=JANE@example.COM"):
        assert (await management.get(f"/v1/members?{query}")).json()["entries"] == [jane]
    assert (await management.get("/v1/members?email=j@example.com")).json()["entries"] == []
    assert (await management.get("/v1/members?role=king")).status_code == 422
    assert (await management.get(f"/v1/members/{jane['id']}")).json() == jane

    change = {"member": {"name": "Jane", "avatar_url": "https://example.com/j.png"}}
    changed = (await management.put(f"{ADMIN}/{jane['id']}", json=change)).json()["member"]
    assert (changed["role"], changed["user"]["name"]) == ("admin", "Jane")
    assert changed["updated_at"] > jane["updated_at"]
    assert (await management.get(f"/v1/members/{jane['id']}")).json() == changed

    assert (await management.delete(f"/v1/members/{jane['id']}")).status_code == 204
    assert (await management.delete(f"/v1/members/{jane['id']}")).status_code == 404
    assert (await management.get("/v1/members")).json()["entries"] == [owner]


async def test_an_account_keeps_an_owner(management: httpx.AsyncClient) -> None:
    """The last one is neither removed nor made something else; a second one may go."""
    first = await add(management, "one@example.com", "owner")
    refused = await management.delete(f"/v1/members/{first['id']}")
    assert (refused.status_code, refused.json()["code"]) == (422, "last_owner")
    demoted = await management.put(f"{ADMIN}/{first['id']}", json={"member": {"role": "billing"}})
    assert (demoted.status_code, demoted.json()["code"]) == (422, "last_owner")
    await add(management, "two@example.com", "owner")
    assert (await management.delete(f"/v1/members/{first['id']}")).status_code == 204


@pytest.mark.parametrize(
    ("member", "places"),
    [
        ({}, ["member.email", "member.role"]),
        ({"email": "x", "role": "king"}, ["member.email", "member.role"]),
        ({"email": None, "role": None}, ["member.email", "member.role"]),
        ({"email": "a@b", "role": "member", "name": 7}, ["member.name"]),
        ({"email": "KNOWN@example.com", "role": "member"}, ["member.email"]),
    ],
)
async def test_each_fault_is_told_at_its_place(
    management: httpx.AsyncClient, member: dict[str, Any], places: list[str]
) -> None:
    """An address belongs to one member, however it is written."""
    await add(management, "known@example.com")
    refused = await management.post(ADMIN, json={"member": member})
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == places


async def test_who_is_not_there_is_a_404(management: httpx.AsyncClient) -> None:
    """Also by an id that is none."""
    for member_id in (str(uuid4()), "x"):
        for method in ("GET", "DELETE"):
            answered = await management.request(method, f"/v1/members/{member_id}")
            assert answered.status_code == 404
        changed = await management.put(f"{ADMIN}/{member_id}", json={"member": {}})
        assert changed.status_code == 404
