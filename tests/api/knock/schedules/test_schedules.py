"""Schedules over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from domain.schedules.rows import DueSchedule
from services.engine import Engine
from services.triggers.schedule_clocks import fire_schedule
from tests.support.builders import Builder, Environment

_PATH = "/v1/schedules"
MONDAYS = {"frequency": "weekly", "days": ["mon"], "hours": 9, "minutes": 30}


@pytest.fixture(autouse=True)
async def stored(make: Builder, environment: Environment) -> None:
    """Make a workflow, and people whom it may concern."""
    await make.workflow(environment, "digest")
    await make.user(environment, "ellie", name="Ellie", timezone="America/New_York")
    await make.user(environment, "alan", name="Alan")


async def _create(client: httpx.AsyncClient, *recipients: Any, **more: Any) -> Any:
    body = {"workflow": "digest", "repeats": [MONDAYS], "recipients": list(recipients), **more}
    response = await client.post(_PATH, json=body)
    assert response.status_code == 200, response.text
    return response.json()


async def _change(client: httpx.AsyncClient, *ids: str, **more: Any) -> Any:
    response = await client.put(_PATH, json={"schedule_ids": list(ids), **more})
    assert response.status_code == 200, response.text
    return response.json()


def _names(entries: list[dict[str, Any]]) -> list[str]:
    return [entry["recipient"]["id"] for entry in entries]


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text)


async def test_each_recipient_gets_a_schedule(client: httpx.AsyncClient) -> None:
    """They are answered whole, in the order of the request; who is given inline is identified."""
    team = {"collection": "teams", "id": "core", "name": "Core", "timezone": "Asia/Tokyo"}
    made = await _create(
        client,
        *("ellie", {"id": "ann", "name": "Ann"}, team, "ellie"),
        data={"n": 1},
        tenant="acme",
        actor="alan",
        ending_at="2100-01-01T00:00:00Z",
    )
    assert _names(made) == ["ellie", "ann", "core"]
    first = made[0]
    assert first["__typename"] == "Schedule"
    assert (first["workflow"], first["tenant"], first["data"]) == ("digest", "acme", {"n": 1})
    assert (first["recipient"]["name"], first["actor"]["name"]) == ("Ellie", "Alan")
    assert first["repeats"] == [
        {
            "__typename": "ScheduleRepeat",
            "frequency": "weekly",
            "interval": 1,
            "day_of_month": None,
            "days": ["mon"],
            "hours": 9,
            "minutes": 30,
        }
    ]
    assert first["last_occurrence_at"] is None
    assert (await client.get("/v1/users/ann")).json()["name"] == "Ann"


async def test_hours_are_those_of_the_recipient(client: httpx.AsyncClient) -> None:
    """Half past nine is half past nine where the recipient lives, else in UTC."""
    rule = {"frequency": "daily", "hours": 9, "minutes": 30}
    ellie, alan = await _create(client, "ellie", "alan", repeats=[rule])
    assert _local(alan["next_occurrence_at"]).strftime("%H:%M") == "09:30"
    assert _local(ellie["next_occurrence_at"]).strftime("%H:%M") in ("13:30", "14:30")


async def test_a_move_changes_what_comes_next(client: httpx.AsyncClient) -> None:
    """Whoever identifies a recipient with another zone finds the schedules there already."""
    rule = {"frequency": "daily", "hours": 9}
    (before,) = await _create(client, "ellie", repeats=[rule])
    await client.put("/v1/users/ellie", json={"timezone": "Asia/Kolkata"})
    (after,) = (await client.get("/v1/users/ellie/schedules")).json()["entries"]
    assert before["next_occurrence_at"] != after["next_occurrence_at"]
    assert _local(after["next_occurrence_at"]).strftime("%H:%M") == "03:30"
    inline = {"id": "ellie", "timezone": "Asia/Tokyo"}
    await client.post("/v1/workflows/digest/trigger", json={"recipients": [inline]})
    (after,) = (await client.get("/v1/users/ellie/schedules")).json()["entries"]
    assert _local(after["next_occurrence_at"]).strftime("%H:%M") == "00:00"


async def test_a_single_occurrence(client: httpx.AsyncClient) -> None:
    """Without repeats it occurs once, at its instant; long ago means never."""
    (once,) = await _create(client, "alan", repeats=[], scheduled_at="2099-05-01T10:00:00+02:00")
    assert (once["repeats"], once["next_occurrence_at"]) == ([], "2099-05-01T08:00:00.000000Z")
    (never,) = await _create(client, "alan", repeats=None, scheduled_at="2020-05-01T10:00:00")
    assert never["next_occurrence_at"] is None


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"workflow": "unknown"}, 404, "workflow_missing"),
        ({"actor": "nobody"}, 422, "actor_missing"),
        ({"recipients": ["alan", "nobody"]}, 422, "invalid_params"),
        ({"repeats": None}, 422, "invalid_params"),
    ],
)
async def test_what_cannot_be_scheduled(
    client: httpx.AsyncClient, change: dict[str, Any], status: int, code: str
) -> None:
    """Nothing is stored of a request that is refused."""
    body = {"workflow": "digest", "repeats": [MONDAYS], "recipients": ["alan"], **change}
    refused = await client.post(_PATH, json=body)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    if change.get("recipients"):
        assert [each["field"] for each in refused.json()["errors"]] == ["recipients[1]"]
    assert (await client.get(f"{_PATH}?workflow=digest")).json()["entries"] == []


async def test_schedules_change(client: httpx.AsyncClient) -> None:
    """All that are named and there change alike; what is left out stays, null takes away."""
    first, second = await _create(client, "ellie", "alan", data={"n": 1}, tenant="acme")
    ids = [second["id"], str(uuid4()), "nothing", first["id"]]
    changed = await _change(client, *ids, data={"n": 2}, actor="alan")
    assert _names(changed) == ["alan", "ellie"]
    assert [one["data"] for one in changed] == [{"n": 2}, {"n": 2}]
    assert [one["tenant"] for one in changed] == ["acme", "acme"]
    assert changed[1]["next_occurrence_at"] == first["next_occurrence_at"]
    assert changed[1]["updated_at"] > first["updated_at"]
    (changed,) = await _change(client, first["id"], tenant=None, data=None, actor=None)
    assert (changed["tenant"], changed["data"], changed["actor"]) == (None, None, None)
    listed = (await client.get(f"{_PATH}?workflow=digest&recipients[]=ellie")).json()["entries"]
    assert listed == [changed]


async def test_a_recurring_one_becomes_a_single_one(client: httpx.AsyncClient) -> None:
    """And back; what would say neither when nor how often is refused, and nothing changes."""
    (made,) = await _create(client, "alan")
    refused = await client.put(_PATH, json={"schedule_ids": [made["id"]], "repeats": []})
    assert refused.json()["errors"][0]["field"] == "scheduled_at"
    at = "2099-01-01T00:00:00.000000Z"
    (once,) = await _change(client, made["id"], repeats=None, scheduled_at=at)
    assert (once["repeats"], once["next_occurrence_at"]) == ([], at)
    daily = {"frequency": "daily", "hours": 9}
    (again,) = await _change(client, made["id"], repeats=[daily], scheduled_at=None)
    assert _local(again["next_occurrence_at"]) < datetime.now(UTC) + timedelta(days=1)


async def test_schedules_end(client: httpx.AsyncClient) -> None:
    """What was there is answered, also with its people; a second time there is nothing."""
    first, second = await _create(client, "ellie", "alan")
    body = {"schedule_ids": [second["id"], "nothing", str(uuid4())]}
    assert (await client.request("DELETE", _PATH, json=body)).json() == [second]
    assert (await client.request("DELETE", _PATH, json=body)).json() == []
    listed = (await client.get(f"{_PATH}?workflow=digest")).json()["entries"]
    assert listed == [first]


@pytest.mark.parametrize(
    ("path", "names"),
    [
        (f"{_PATH}?workflow=digest", ["ann", "core", "alan", "ellie"]),
        (f"{_PATH}?workflow=digest&tenant=acme", ["ann", "core"]),
        (f"{_PATH}?workflow=digest&recipients[]=ellie&recipients[]=ann", ["ann", "ellie"]),
        (f"{_PATH}?workflow=digest&recipients=ellie&recipients=ann", ["ann", "ellie"]),
        (
            f"{_PATH}?workflow=digest&recipients[0]=ellie"
            "&recipients[1][id]=core&recipients[1][collection]=teams",
            ["core", "ellie"],
        ),
        (f"{_PATH}?workflow=other", []),
        ("/v1/users/ann/schedules", ["ann"]),
        ("/v1/users/ann/schedules?workflow=digest&tenant=acme", ["ann"]),
        ("/v1/users/ann/schedules?workflow=other", []),
        ("/v1/users/nobody/schedules", []),
        ("/v1/objects/teams/core/schedules", ["core"]),
        ("/v1/objects/teams/core/schedules?tenant=other", []),
    ],
)
async def test_lists_and_their_filters(
    client: httpx.AsyncClient, path: str, names: list[str]
) -> None:
    """Newest first, page by page, by workflow, recipient and tenant, in every encoding of lists."""
    await _create(client, "ellie", "alan")
    team = {"collection": "teams", "id": "core"}
    await _create(client, {**team, "name": "Core"}, {"id": "ann", "name": "Ann"}, tenant="acme")
    found: list[str] = []
    after = ""
    while True:
        mark = "&" if "?" in path else "?"
        page = (await client.get(f"{path}{mark}page_size=1{after}")).json()
        found += _names(page["entries"])
        if page["page_info"]["after"] is None:
            break
        after = f"&after={page['page_info']['after']}"
    assert found == names


async def test_a_list_is_of_a_workflow(client: httpx.AsyncClient) -> None:
    """Which workflow has to be said."""
    refused = await client.get(f"{_PATH}?after=x")
    assert refused.status_code == 422
    assert [error["field"] for error in refused.json()["errors"]] == ["workflow", "after"]


async def test_another_environment_sees_nothing(
    client: httpx.AsyncClient, anonymous: httpx.AsyncClient, make: Builder
) -> None:
    """Neither is a schedule of another environment listed, changed nor deleted."""
    (made,) = await _create(client, "ellie")
    other = await make.environment()
    await make.workflow(other, "digest")
    headers = {"authorization": f"Bearer {other.secret_key}"}
    body = {"schedule_ids": [made["id"]]}
    for method in ("PUT", "DELETE"):
        answer = await anonymous.request(method, _PATH, json=body, headers=headers)
        assert (answer.status_code, answer.json()) == (200, [])
    for path in (f"{_PATH}?workflow=digest", "/v1/users/ellie/schedules"):
        assert (await anonymous.get(path, headers=headers)).json()["entries"] == []
    assert (await client.get("/v1/users/ellie/schedules")).json()["entries"] == [made]


async def test_a_recipient_takes_the_schedules_along(client: httpx.AsyncClient) -> None:
    """They are deleted with the recipient, and who comes back under the id has none of them."""
    await _create(client, "ellie", "alan")
    await client.delete("/v1/users/ellie")
    assert _names((await client.get(f"{_PATH}?workflow=digest")).json()["entries"]) == ["alan"]
    await client.put("/v1/users/ellie", json={"name": "Ellie"})
    assert (await client.get("/v1/users/ellie/schedules")).json()["entries"] == []


async def test_who_does_it_may_be_deleted(client: httpx.AsyncClient) -> None:
    """A schedule whose actor is gone has none."""
    await _create(client, "ellie", actor="alan")
    await client.delete("/v1/users/alan")
    (found,) = (await client.get("/v1/users/ellie/schedules")).json()["entries"]
    assert found["actor"] is None


async def test_large_data_is_kept_and_not_shown(
    client: httpx.AsyncClient, make: Builder, environment: Environment
) -> None:
    """A hundred schedules that share it would make an answer that nobody can take."""
    large, small = {"text": "x" * 300_000}, {"text": "x" * 200_000}
    (made,) = await _create(client, "ellie", data=large)
    assert made["data"] is None
    (changed,) = await _change(client, made["id"], data={**large, "n": 2})
    assert changed["data"] is None
    (row,) = await make.rows("SELECT data FROM schedules WHERE id = %s", made["id"])
    assert row["data"] == {**large, "n": 2}
    (changed,) = await _change(client, made["id"], data=small)
    assert changed["data"] == small
    (listed,) = (await client.get("/v1/users/ellie/schedules")).json()["entries"]
    assert listed["data"] == small


async def test_a_run_tells_which_schedule_made_it(
    client: httpx.AsyncClient, engine: Engine, environment: Environment
) -> None:
    """The source of the run is the schedule; the schedule says when it occurred."""
    at = datetime.now(UTC) - timedelta(seconds=5)
    (made,) = await _create(client, "ellie", repeats=[], scheduled_at=at.isoformat())
    assert _local(made["next_occurrence_at"]) == at
    await fire_schedule(engine, DueSchedule(id=UUID(made["id"]), environment_id=environment.id))
    (run,) = (await client.get("/v1/workflow_recipient_runs")).json()["items"]
    assert run["trigger_source"] == {"type": "schedule", "schedule_id": made["id"]}
    (now,) = (await client.get("/v1/users/ellie/schedules")).json()["entries"]
    assert now["next_occurrence_at"] is None
    assert _local(now["last_occurrence_at"]) == at


@pytest.mark.parametrize(
    ("recipient", "path"),
    [
        ("ellie", "/v1/users/ellie"),
        ({"collection": "teams", "id": "core", "name": "Core"}, "/v1/objects/teams/core"),
        ({"collection": "$tenants", "id": "acme", "name": "Acme"}, "/v1/tenants/acme"),
    ],
)
async def test_schedules_go_with_their_recipient(
    client: httpx.AsyncClient, recipient: Any, path: str
) -> None:
    """Deleting a user, an object or a tenant ends its schedules, and nobody else's."""
    await _create(client, recipient, "alan")
    assert (await client.delete(path)).status_code in (200, 204)
    body = (await client.get(_PATH, params={"workflow": "digest"})).json()
    assert _names(body["entries"]) == ["alan"]
