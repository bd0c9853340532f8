"""Bulk creation of schedules."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from services.engine import Engine
from tests.support.builders import Builder, Environment
from tests.support.bulk import finish, wire_counts

PATH = "/v1/schedules/bulk/create"
MONDAYS = {"frequency": "weekly", "days": ["mon"], "hours": 9}


@pytest.fixture(autouse=True)
async def stored(make: Builder, environment: Environment) -> None:
    """Make workflows, and people whom they may concern."""
    await make.workflow(environment, "digest")
    await make.workflow(environment, "reminder")
    await make.user(environment, "ellie", timezone="America/New_York")
    await make.recipient(environment, "teams", "core")


async def _done(
    client: httpx.AsyncClient, engine: Engine, environment: Environment, *entries: Any
) -> dict[str, Any]:
    """Ask for schedules, let them be made, and return what the API answers of it then."""
    response = await client.post(PATH, json={"schedules": list(entries)})
    assert response.status_code == 200, response.text
    body = response.json()
    assert (body["name"], body["status"]) == ("schedules.create", "queued")
    await finish(engine, environment, body["id"])
    found: dict[str, Any] = (await client.get(body["progress_path"])).json()
    return found


async def _listed(client: httpx.AsyncClient, workflow: str = "digest") -> list[dict[str, Any]]:
    body = (await client.get("/v1/schedules", params={"workflow": workflow})).json()
    entries: list[dict[str, Any]] = body["entries"]
    return entries[::-1]


async def test_each_entry_is_a_schedule_of_its_own(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """Workflow, recipient, times, data, tenant and actor are the entry's, as by a single request.

    Who is described is identified.
    """
    done = await _done(
        client,
        engine,
        environment,
        {
            "workflow": "digest",
            "recipient": {"id": "ellie", "name": "Ellie", "$trigger_data": {"own": 1}},
            "repeats": [MONDAYS],
            "data": {"n": 1},
            "tenant": {"id": "acme", "name": "Acme"},
            "actor": {"id": "ian", "name": "Ian"},
            "ending_at": "2100-01-01T00:00:00Z",
        },
        {
            "workflow": "digest",
            "recipient": {"collection": "teams", "id": "core"},
            "scheduled_at": "2090-01-01T09:00:00Z",
        },
        {
            "workflow": "reminder",
            "recipient": "ellie",
            "scheduled_at": "2090-01-01T09:00:00Z",
            "data": {"n": 2},
        },
    )
    assert wire_counts(done) == ("completed", 3, 3, 0)
    first, second = await _listed(client)
    assert (first["recipient"]["name"], first["actor"]["name"]) == ("Ellie", "Ian")
    assert (first["tenant"], first["data"]) == ("acme", {"n": 1, "own": 1})
    assert [rule["days"] for rule in first["repeats"]] == [["mon"]]
    assert first["ending_at"].startswith("2100-01-01")
    assert (await client.get("/v1/tenants/acme")).json()["name"] == "Acme"
    assert (second["recipient"]["id"], second["actor"], second["data"]) == ("core", None, None)
    assert (second["repeats"], second["tenant"], second["ending_at"]) == ([], None, None)
    assert second["next_occurrence_at"].startswith("2090-01-01T09:00:00")
    (third,) = await _listed(client, "reminder")
    assert third["data"] == {"n": 2}


async def test_what_fails_is_told(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """An entry that is not right, or is refused, is told with its recipient; the others are made.

    Nothing that a refused entry says of people is stored.
    """
    good = {"workflow": "digest", "repeats": [MONDAYS]}
    done = await _done(
        client,
        engine,
        environment,
        {**good, "recipient": "ellie"},
        good,
        {"workflow": "digest", "recipient": "ellie"},
        {**good, "recipient": "nobody"},
        {**good, "recipient": {"collection": "teams", "id": "gone"}},
        {**good, "workflow": "missing", "recipient": {"id": "ann", "name": "Ann"}},
        {**good, "recipient": {"id": "ann", "name": "Ann"}, "actor": "nobody"},
        5,
        {**good, "recipient": {"collection": "teams", "id": "core"}},
    )
    assert wire_counts(done) == ("completed", 9, 2, 7)
    assert [(one["id"], one["collection"]) for one in done["error_items"]] == [
        ("", None),
        ("ellie", None),
        ("nobody", None),
        ("gone", "teams"),
        ("ann", None),
        ("ann", None),
        ("", None),
    ]
    reasons = [one["reason"] for one in done["error_items"]]
    assert reasons[:4] == [
        "recipient: is required",
        "scheduled_at: is required if there are no repeats",
        "recipient: must have been identified, or be identified inline",
        "recipient: must have been identified, or be identified inline",
    ]
    assert "'missing' does not exist" in reasons[4]
    assert reasons[5:] == [
        "The actor 'nobody' has never been identified.",
        "entry: must be an object",
    ]
    assert [one["recipient"]["id"] for one in await _listed(client)] == ["ellie", "core"]
    assert (await client.get("/v1/users/ann")).status_code == 404


async def test_entries_come_one_after_the_other(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """Who is described by an entry is known to those after it, and unknown to those before."""
    good = {"workflow": "digest", "repeats": [MONDAYS]}
    ann = {"id": "ann", "name": "Ann"}
    done = await _done(
        client,
        engine,
        environment,
        {**good, "recipient": "ann"},
        {**good, "recipient": ann},
        {**good, "recipient": "ann", "actor": "ann"},
    )
    assert wire_counts(done) == ("completed", 3, 2, 1)
    assert [one["recipient"]["name"] for one in await _listed(client)] == ["Ann", "Ann"]


async def test_a_request_has_a_list_of_at_most_a_thousand(client: httpx.AsyncClient) -> None:
    """Without its list, or with more than a thousand entries, a request is refused as a whole."""
    for body in ({}, {"schedules": None}, {"schedules": [{}] * 1_001}):
        response = await client.post(PATH, json=body)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == ["schedules"]


async def test_it_needs_a_secret_key(client: httpx.AsyncClient, environment: Environment) -> None:
    """A browser has no business here."""
    headers = {"authorization": f"Bearer {environment.public_key}"}
    assert (await client.post(PATH, headers=headers, json={})).status_code == 401
