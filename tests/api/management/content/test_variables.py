"""Variables and branding over HTTP: read as Knock's Management API, written by the admin API."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.content.variables import MAX_VALUE
from domain.kit.json_types import JsonObject
from providers.registry import MASK


async def _put(client: httpx.AsyncClient, key: str, **members: Any) -> httpx.Response:
    return await client.put(f"/v1/admin/variables/{key}", json={"variable": members})


async def _saved(client: httpx.AsyncClient, key: str, **members: Any) -> JsonObject:
    response = await _put(client, key, **members)
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()["variable"]
    return body


async def test_an_environment_sees_its_own_value_or_the_accounts(
    management: httpx.AsyncClient,
) -> None:
    """With an environment a list has the values that count there; without, all of them."""
    saved = await _saved(
        management, "app_url", value="https://dev", environment_values={"production": "https://p"}
    )
    read = (await management.get("/v1/variables/app_url")).json()
    everywhere = (await management.get("/v1/variables")).json()["entries"]

    assert read == saved == everywhere[0]
    assert (read["type"], read["value"], read["description"]) == ("public", "https://dev", None)
    assert read["environment_values"] == {"development": None, "production": "https://p"}
    for slug, value in (("development", "https://dev"), ("production", "https://p")):
        listed = await management.get("/v1/variables", params={"environment": slug})
        (entry,) = listed.json()["entries"]
        assert entry["value"] == value
        assert "environment_values" not in entry


async def test_what_is_left_out_stays(management: httpx.AsyncClient) -> None:
    """A change names what it changes; null takes an environment's value away."""
    await _saved(management, "a", value="1", description="d", environment_values={"production": ""})
    kept = await _saved(management, "a", description="e")
    assert (kept["value"], kept["description"]) == ("1", "e")
    assert kept["environment_values"]["production"] == ""

    cleared = await _saved(management, "a", value=None, environment_values={"production": None})
    assert (cleared["value"], cleared["environment_values"]["production"]) == (None, None)


async def test_secrets_are_written_only(management: httpx.AsyncClient) -> None:
    """No answer has the value of a secret; its mask, sent back, keeps it."""
    secret = "sk-very-secret"
    values = {"production": secret}
    written = await _put(
        management, "api_key", type="secret", value=secret, environment_values=values
    )
    masked = await _put(management, "api_key", value=MASK, environment_values={"production": MASK})
    answers = [
        written,
        masked,
        await management.get("/v1/variables/api_key"),
        await management.get("/v1/variables", params={"environment": "production"}),
    ]
    assert all(answer.status_code == 200 and secret not in answer.text for answer in answers)
    assert masked.json()["variable"]["value"] == MASK
    assert masked.json()["variable"]["environment_values"] == {
        "development": None,
        "production": MASK,
    }


async def test_secrets_rest_sealed(management: httpx.AsyncClient, account: Any) -> None:
    """The database has no readable copy of a secret."""
    await _saved(
        management,
        "api_key",
        type="secret",
        value="sk-very-secret",
        environment_values={"production": "sk-of-production"},
    )
    rows = [
        *await account.rows("SELECT * FROM variables"),
        *await account.rows("SELECT * FROM variable_values"),
    ]
    assert len(rows) == 2
    assert all("sk-" not in str(row) for row in rows)


async def test_lists_are_filtered_and_paged(management: httpx.AsyncClient) -> None:
    """`type` filters; pages run by key."""
    for key, kind in (("c", "secret"), ("a", "public"), ("b", "public")):
        await _saved(management, key, type=kind, value="x")
    public = await management.get("/v1/variables", params={"type": "public", "limit": "1"})
    after = public.json()["page_info"]["after"]
    rest = await management.get("/v1/variables", params={"type": "public", "after": after})

    assert [entry["key"] for entry in public.json()["entries"]] == ["a"]
    assert [entry["key"] for entry in rest.json()["entries"]] == ["b"]


async def test_deleting_takes_all_values_along(management: httpx.AsyncClient) -> None:
    """A deleted variable is gone everywhere, and cannot be deleted twice."""
    await _saved(management, "a", value="1", environment_values={"production": "2"})
    path = "/v1/admin/variables/a"
    assert [(await management.delete(path)).status_code for _ in range(2)] == [204, 404]
    assert (await management.get("/v1/variables/a")).status_code == 404
    again = await _saved(management, "a", type="secret")
    assert again["environment_values"]["production"] is None


@pytest.mark.parametrize(
    ("key", "members", "field"),
    [
        ("2x", {}, "key"),
        ("branding", {}, "key"),
        ("a", {"type": "hidden"}, "variable.type"),
        ("a", {"value": 5}, "variable.value"),
        ("a", {"value": "x" * (MAX_VALUE + 1)}, "variable.value"),
        ("a", {"description": "x" * 281}, "variable.description"),
        ("a", {"environment_values": {"nowhere": "x"}}, "variable.environment_values.nowhere"),
        ("there", {"type": "secret"}, "variable.type"),
    ],
)
async def test_what_is_wrong_is_told_at_its_place(
    management: httpx.AsyncClient, key: str, members: JsonObject, field: str
) -> None:
    """Nothing of a refused variable is stored; an existing one keeps its type."""
    await _saved(management, "there", value="1")
    response = await _put(management, key, **members)
    assert response.status_code == 422
    assert [error["field"] for error in response.json()["errors"]] == [field]
    kept = (await management.get("/v1/variables")).json()["entries"]
    assert [(entry["key"], entry["type"]) for entry in kept] == [("there", "public")]


async def test_a_branding_is_set_as_a_whole(management: httpx.AsyncClient) -> None:
    """What is not given again is gone; each environment has its own; colours are judged."""
    path = "/v1/admin/environments/development/branding"
    first = {"branding": {"logo_url": "https://x/l.png", "primary_color": "#123456", "font": "A"}}
    set_once = await management.put(path, json=first)
    set_again = await management.put(path, json={"branding": {"font": "B"}})
    other = await management.get("/v1/admin/environments/production/branding")
    refused = await management.put(path, json={"branding": {"primary_color": "blue"}})

    assert set_once.json()["branding"]["dark_logo_url"] == "https://x/l.png"
    assert set_again.json() == (await management.get(path)).json()
    assert set_again.json()["branding"]["font"] == "B"
    assert set_again.json()["branding"]["primary_color"] == "#000000"
    assert "font" not in other.json()["branding"]
    assert [error["field"] for error in refused.json()["errors"]] == ["branding.primary_color"]
