"""Sources over HTTP: set up by the Management API, fed at their addresses, and looked into."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.support.account import Account
from tests.support.steps import when

DEVELOPMENT = {"environment": "development"}
IDENTIFY = {
    "event_type": "signed_up",
    "action_type": "users_identify",
    "action_parameters": {"id": "body.user.id", "name": "body.user.name"},
}


async def put(management: httpx.AsyncClient, **settings: Any) -> dict[str, Any]:
    """Create a source that identifies users; answers it."""
    source = {
        "name": "My shop",
        "environment_settings": {
            "development": {"settings": settings, "mappings": [IDENTIFY]},
        },
    }
    answer = await management.put("/v1/sources/shop", params=DEVELOPMENT, json={"source": source})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()["source"]
    return found


def path_of(source: dict[str, Any], environment: str = "development") -> str:
    """Return the path of a source's address."""
    return urlsplit(source["environment_settings"][environment]["settings"]["endpoint"]).path


async def test_a_source_is_read_back(management: httpx.AsyncClient) -> None:
    """What was set is answered, with an address of its own for every environment."""
    source = await put(management, event_type_path="type", timestamp_path="body.at")
    assert (await management.get("/v1/sources/shop", params=DEVELOPMENT)).json() == source
    settings = source["environment_settings"]
    assert path_of(source) != path_of(source, "production")
    assert settings["development"]["settings"]["event_type_path"] == "type"
    assert settings["production"]["mappings"] == []
    (mapping,) = settings["development"]["mappings"]
    assert mapping["action_parameters"] == IDENTIFY["action_parameters"]
    listed = (await management.get("/v1/sources")).json()
    # Knock's CLI asks where the page ends.
    assert listed["page_info"] == {"after": None, "before": None, "page_size": 1}
    (plain,) = listed["entries"]
    (full,) = (await management.get("/v1/sources?include[]=environment_settings")).json()["entries"]
    assert "environment_settings" not in plain
    assert plain["updated_at"] == source["updated_at"]
    assert full["environment_settings"] == settings


async def test_what_is_left_out_stays(management: httpx.AsyncClient) -> None:
    """Settings are laid over those of before; mappings that are given replace those of before."""
    before = await put(management, event_type_path="type")
    again = {
        "name": "Shop",
        "environment_settings": {"development": {"settings": {"timestamp_path": "at"}}},
    }
    answer = await management.put("/v1/sources/shop", params=DEVELOPMENT, json={"source": again})
    settings = answer.json()["source"]["environment_settings"]["development"]
    assert settings["settings"]["event_type_path"] == "type"
    assert settings["settings"]["timestamp_path"] == "at"
    assert len(settings["mappings"]) == 1
    assert path_of(answer.json()["source"]) == path_of(before)


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        (
            {"settings": {"preprocess_script": {"language": "javascript", "source": ""}}},
            "settings.preprocess_script",
        ),
        ({"settings": {"event_type_path": "preprocess.type"}}, "settings.event_type_path"),
        ({"mappings": [{"event_type": "x", "action_type": "dance"}]}, "mappings[0].action_type"),
        ({"mappings": [{**IDENTIFY, "conditions": {"all": 1}}]}, "mappings[0].conditions.all"),
        (
            {"mappings": [{**IDENTIFY, "action_parameters": {"id": "preprocess.user_id"}}]},
            "mappings[0].action_parameters.id",
        ),
        (
            {"mappings": [{**IDENTIFY, "action_parameters": {"to": [{"id": "preprocess.id"}]}}]},
            "mappings[0].action_parameters.to[0].id",
        ),
        (
            {
                "mappings": [
                    {**IDENTIFY, "conditions": when("event.preprocess.plan", "equal_to", "pro")}
                ]
            },
            "mappings[0].conditions.all[0].variable",
        ),
    ],
)
async def test_what_is_refused(
    management: httpx.AsyncClient, settings: dict[str, Any], place: str
) -> None:
    """What this version does not do is refused by name, at its place."""
    source = {"name": "Shop", "environment_settings": {"development": settings}}
    answer = await management.put("/v1/sources/shop", params=DEVELOPMENT, json={"source": source})
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [
        f"source.environment_settings.development.{place}"
    ]


async def test_an_unknown_environment(management: httpx.AsyncClient) -> None:
    """A source cannot be set up where there is nothing."""
    source = {"name": "Shop", "environment_settings": {"moon": {}}}
    answer = await management.put("/v1/sources/shop", params=DEVELOPMENT, json={"source": source})
    assert answer.status_code == 422


async def test_a_mapping_keeps_its_times_until_it_changes(management: httpx.AsyncClient) -> None:
    """One that is put again as it was is neither new nor changed; a changed one is not new."""
    set_up = [IDENTIFY, {**IDENTIFY, "event_type": "left"}]

    async def put_mappings(*mappings: Any) -> list[dict[str, Any]]:
        source = {"name": "Shop", "environment_settings": {"development": {"mappings": mappings}}}
        answer = await management.put("/v1/sources/shop", json={"source": source})
        settings = answer.json()["source"]["environment_settings"]["development"]
        return list(settings["mappings"])

    before = await put_mappings(*set_up)
    assert await put_mappings(*set_up) == before
    changed = {**IDENTIFY, "action_parameters": {"id": "body.id"}}
    added = {**changed, "action_parameters": {"id": "body.other"}}
    again = await put_mappings(set_up[1], changed, added)
    assert again[0] == before[1]
    assert again[1]["created_at"] == before[0]["created_at"]
    assert again[1]["updated_at"] > before[0]["updated_at"]
    assert again[2]["created_at"] == again[2]["updated_at"] == again[1]["updated_at"]


@pytest.mark.parametrize(
    ("query", "status"), [("environment=nowhere", 404), ("branch=feature", 422)]
)
async def test_each_operation_asks_for_an_environment_that_there_is(
    management: httpx.AsyncClient, query: str, status: int
) -> None:
    """And takes no branch, because sources have none."""
    await put(management)
    for path in ("", "/shop", "/shop/events", "/shop/logs", "/shop/status"):
        refused = await management.get(f"/v1/sources{path}?{query}")
        assert (path, refused.status_code) == (path, status)
    body = {"source": {"name": "Another name"}}
    assert (await management.put(f"/v1/sources/shop?{query}", json=body)).status_code == status
    assert (await management.get("/v1/sources/shop")).json()["name"] == "My shop"


async def test_a_signed_event(management: httpx.AsyncClient) -> None:
    """An event is taken without a key of ours, by its signature; another one is a 401."""
    source = await put(management, enforce_verification=True)
    verification = {"scheme": "hmac", "secret": "s3cret", "header": "X-Shop-Signature"}
    answer = await management.put(
        "/v1/admin/sources/shop/environments/development/verification", json=verification
    )
    shown = answer.json()["source"]["environment_settings"]["development"]["settings"]
    assert "s3cret" not in answer.text
    assert shown["verification"]["header"] == "x-shop-signature"
    body = b'{"event": "signed_up", "user": {"id": "ada"}}'
    signature = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    del management.headers["authorization"]
    taken = await management.post(
        path_of(source), content=body, headers={"x-shop-signature": signature}
    )
    assert (taken.status_code, taken.json()["status"]) == (200, "accepted")
    refused = await management.post(
        path_of(source), content=body + b" ", headers={"x-shop-signature": signature}
    )
    assert (refused.status_code, refused.json()["code"]) == (401, "signature_invalid")
    nowhere = await management.post("/v1/integrations/receive/nowhere", content=body)
    assert nowhere.status_code == 404


async def test_a_rehearsal_with_headers(management: httpx.AsyncClient, account: Account) -> None:
    """The payload is a body, or what the paths of a source lead through: body and headers."""
    await put(management)
    payload = {
        "body": {"event": "signed_up", "user": {"id": "ada"}},
        "headers": {"X-Shop": "north", "Authorization": "Bearer s3cret", "n": 1},
    }
    for sent in (payload, {"body": payload["body"]}, {**payload["body"], "body": "of a letter"}):
        answer = await management.post(
            "/v1/sources/shop/rehearse", params=DEVELOPMENT, json={"payload": sent}
        )
        assert answer.json()["status"] == "ok", answer.text
    logs = await management.get("/v1/sources/shop/logs", params=DEVELOPMENT)
    entries = logs.json()["entries"]
    assert [entry["data"].get("body") for entry in entries] == ["of a letter", None, None]
    stored = await account.rows("SELECT headers FROM source_events ORDER BY id")
    assert [row["headers"] for row in stored] == [{"x-shop": "north"}, {}, {}]


async def test_a_rehearsal_and_the_logs(management: httpx.AsyncClient) -> None:
    """An event is tried out with its actions; logs, names and figures tell of it."""
    await put(management)
    for user in ({"id": "ada", "name": "Ada"}, {}):
        answer = await management.post(
            "/v1/sources/shop/rehearse",
            params=DEVELOPMENT,
            json={"payload": {"event": "signed_up", "user": user}},
        )
        assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["status"], told["failed_action_logs_count"]) == ("error", 1)
    (error,) = told["errors"]
    assert error["field"].startswith("actions[0]")
    assert error["message"]
    logs = await management.get(
        "/v1/sources/shop/logs", params={**DEVELOPMENT, "include[]": "actions", "limit": 1}
    )
    (log,) = logs.json()["entries"]
    assert (log["id"], log["actions"][0]["action_status"]) == (told["log_id"], "error")
    cursor = logs.json()["page_info"]["after"]
    rest = await management.get(
        "/v1/sources/shop/logs", params={**DEVELOPMENT, "after": cursor, "event": "signed_up"}
    )
    assert [entry["data"]["user"]["id"] for entry in rest.json()["entries"]] == ["ada"]
    other_day = await management.get(
        "/v1/sources/shop/logs", params={**DEVELOPMENT, "date": "2020-01-01"}
    )
    assert other_day.json()["entries"] == []
    assert (
        await management.get("/v1/sources/shop/logs", params={**DEVELOPMENT, "date": "today"})
    ).status_code == 422
    names = (await management.get("/v1/sources/shop/events", params=DEVELOPMENT)).json()
    assert [entry["event"] for entry in names["entries"]] == ["signed_up"]
    status = (await management.get("/v1/sources/shop/status", params=DEVELOPMENT)).json()
    assert (status["events_count"], status["mappings_count"]) == (2, 1)
    production = (
        await management.get("/v1/sources/shop/status", params={"environment": "production"})
    ).json()
    assert (production["events_count"], production["last_event_received"]) == (0, None)


async def test_the_log_says_what_was_tried_out(management: httpx.AsyncClient) -> None:
    """An event that was sent has no `source` there, which tells test events from real ones."""
    endpoint = path_of(await put(management))
    body = {"event": "signed_up", "user": {"id": "ada"}}
    assert (await management.post(endpoint, json=body)).status_code == 200
    await management.post("/v1/sources/shop/rehearse", json={"payload": body})
    logs = await management.get("/v1/sources/shop/logs")
    assert [log["source"] for log in logs.json()["entries"]] == ["rehearsal", None]


async def test_nothing_is_rehearsed_in_production(management: httpx.AsyncClient) -> None:
    """The actions are really taken; an environment before the last one may try them out."""
    await put(management)
    await management.post("/v1/admin/environments", json={"slug": "staging", "name": "Staging"})
    body = {"payload": {"event": "signed_up", "user": {"id": "ada"}}}
    for slug, status in (("production", 422), ("staging", 200), ("development", 200)):
        answer = await management.post(
            "/v1/sources/shop/rehearse", params={"environment": slug}, json=body
        )
        assert (slug, answer.status_code) == (slug, status)
        logs = await management.get("/v1/sources/shop/logs", params={"environment": slug})
        assert len(logs.json()["entries"]) == (status == 200)


async def test_a_source_that_nobody_made(management: httpx.AsyncClient) -> None:
    """Every operation of an unknown source is a 404."""
    for path in ("", "/events", "/logs", "/status"):
        assert (
            await management.get(f"/v1/sources/nowhere{path}", params=DEVELOPMENT)
        ).status_code == 404
    answer = await management.post("/v1/sources/nowhere/rehearse", json={"payload": {"event": "x"}})
    assert answer.status_code == 404
    rotate = "/v1/admin/sources/nowhere/environments/development/rotate_endpoint"
    assert (await management.post(rotate)).status_code == 404
