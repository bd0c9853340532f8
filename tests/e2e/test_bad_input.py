"""Bad input against the live server: Knock's error shape, the right status, nothing half done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import psycopg
import pytest

from commands.dev.client import DevStack
from tests.support.management import Management
from tests.support.steps import email_step, feed_step

# What a refused request could have left behind. Messages come from runs, so they need no count.
TABLES = (
    "recipients", "channel_data", "preference_sets", "workflow_runs", "recipient_runs",
    "cancellations", "idempotency_records", "content_resources", "content_versions", "commits",
    "channels", "channel_environments", "api_keys",
)  # fmt: skip
TRIGGER = "/v1/workflows/e2e-victim/trigger"
FEED = "/v1/users/nobody/feeds"
LONG = "x" * 300
# Valid in all but one respect, so that it would store something if it were not refused.
PERSON = {"id": "never-stored", "name": "Never Stored"}


@pytest.fixture(scope="module", autouse=True)
def workflows(management: Management) -> None:
    """Make the workflow that bad input is aimed at, one that is off, and one that waits."""
    management.save_workflow("e2e-victim", feed_step())
    management.save_workflow("e2e-off", feed_step())
    management.put("/v1/workflows/e2e-off/activate", {"status": False}, environment="development")


@pytest.fixture(autouse=True)
def untouched(database: psycopg.Connection, workflows: None) -> Iterator[None]:
    """Compare the number of rows of every table before and after."""
    before = count_rows(database)
    yield
    assert count_rows(database) == before


def count_rows(database: psycopg.Connection) -> dict[str, int]:
    """Count the rows of each table that a request may write."""
    parts = [f"(SELECT count(*) FROM {table}) AS {table}" for table in TABLES]
    row = database.execute(f"SELECT {', '.join(parts)}").fetchone()  # type: ignore[arg-type]
    assert row is not None
    return dict(zip(TABLES, row, strict=True))


@dataclass(frozen=True)
class Bad:
    """One bad request and its answer; `field` is the one that `errors` must name."""

    name: str
    status: int
    code: str
    field: str | None = None
    method: str = "POST"
    path: str = TRIGGER
    body: Any = None
    raw: bytes | None = None
    query: dict[str, Any] | None = None

    def send(self, client: httpx.Client) -> httpx.Response:
        """Send it with an idempotency key, as the SDK would."""
        content = self.raw if self.raw is not None else None
        if content is None and self.body is not None:
            # json.dumps writes a lone surrogate as an escape, which is how it arrives in life.
            content = json.dumps(self.body).encode()
        headers = {"content-type": "application/json", "idempotency-key": f"bad-{self.name}"}
        return client.request(
            self.method, self.path, content=content, params=self.query or {}, headers=headers
        )


def deep(levels: int) -> bytes:
    """Return a trigger whose data is nested."""
    data = b'{"a":' * levels + b"1" + b"}" * levels
    return b'{"recipients": [' + json.dumps(PERSON).encode() + b'], "data": ' + data + b"}"


def trigger(**changes: Any) -> dict[str, Any]:
    """Return the body of a trigger that is good but for the changes."""
    return {"recipients": [PERSON], **changes}


MISSING, INVALID = (404, "resource_missing"), (422, "invalid_params")
TRIGGERS = [
    Bad(
        "unknown-workflow", 404, "workflow_missing", path="/v1/workflows/x/trigger", body=trigger()
    ),
    Bad(
        "inactive-workflow",
        422,
        "workflow_inactive",
        path="/v1/workflows/e2e-off/trigger",
        body=trigger(),
    ),
    Bad(
        "workflow-key-300",
        404,
        "workflow_missing",
        path=f"/v1/workflows/{LONG}/trigger",
        body=trigger(),
    ),
    Bad(
        "workflow-key-null",
        404,
        "workflow_missing",
        path="/v1/workflows/a%00b/trigger",
        body=trigger(),
    ),
    Bad("no-recipients", *INVALID, "recipients", body={"recipients": []}),
    Bad("recipients-missing", *INVALID, "recipients", body={"data": {}}),
    Bad("recipients-no-list", *INVALID, "recipients", body={"recipients": "ada"}),
    Bad(
        "recipients-1001",
        *INVALID,
        "recipients",
        body={"recipients": [{"id": f"many-{number}"} for number in range(1_001)]},
    ),
    Bad("recipient-number", *INVALID, "recipients[1]", body={"recipients": [PERSON, 7]}),
    Bad("recipient-empty", *INVALID, "recipients[1]", body={"recipients": [PERSON, ""]}),
    Bad(
        "recipient-without-id",
        *INVALID,
        "recipients[1].id",
        body={"recipients": [PERSON, {"name": "No Id"}]},
    ),
    Bad("recipient-300", *INVALID, "recipients[1]", body={"recipients": [PERSON, LONG]}),
    Bad("recipient-slash", *INVALID, "recipients[1]", body={"recipients": [PERSON, "a/b"]}),
    Bad(
        "recipient-channel-data",
        *INVALID,
        "recipients[0].channel_data.push",
        body={"recipients": [{**PERSON, "channel_data": {"push": {}}}]},
    ),
    Bad("unknown-actor", 422, "actor_missing", body=trigger(actor="never-identified")),
    Bad("actor-malformed", *INVALID, "actor", body=trigger(actor=[])),
    Bad("tenant-malformed", *INVALID, "tenant", body=trigger(tenant=7)),
    Bad("tenant-300", *INVALID, "tenant", body=trigger(tenant=LONG)),
    Bad("data-list", *INVALID, "data", body=trigger(data=[1])),
    Bad("data-text", *INVALID, "data", body=trigger(data="x")),
    Bad("data-11-mb", *INVALID, "data", body=trigger(data={"x": "y" * (11 * 1024 * 1024)})),
    Bad("body-33-mb", 413, "payload_too_large", body=trigger(data={"x": "y" * (33 * 1024 * 1024)})),
    Bad("key-300", *INVALID, "cancellation_key", body=trigger(cancellation_key=LONG)),
    Bad("settings", *INVALID, "settings.skip_delay", body=trigger(settings={"skip_delay": "yes"})),
    Bad("schema", *INVALID, "data", path="/v1/workflows/invoice-paid/trigger", body=trigger()),
    Bad("null-in-data", *INVALID, "data.a", body=trigger(data={"a": "x\x00y"})),
    Bad("null-in-id", *INVALID, "recipients[0]", body={"recipients": ["a\x00b"]}),
    Bad(
        "null-in-name",
        *INVALID,
        "recipients[0].name",
        body={"recipients": [{"id": "never-stored", "name": "\x00"}]},
    ),
    Bad("surrogate", *INVALID, "data.a[0]", body=trigger(data={"a": ["\ud800"]})),
    Bad("surrogate-key", *INVALID, "data", body=trigger(data={"\udfff": 1})),
    Bad("deep-100", *INVALID, "body", raw=deep(100)),
    Bad("deep-100000", *INVALID, "body", raw=deep(100_000)),
    Bad("huge-number", *INVALID, "data.n", raw=b'{"recipients": ["a"], "data": {"n": 1e999}}'),
]
BODIES = [
    Bad("not-json", *INVALID, "body", raw=b"not json"),
    Bad("cut-off", *INVALID, "body", raw=b'{"recipients": ["ada"'),
    Bad("list", *INVALID, "body", raw=b"[1]"),
    Bad("nan", *INVALID, "body", raw=b'{"recipients": ["a"], "data": {"n": NaN}}'),
    Bad("latin-1", *INVALID, "body", raw='{"recipients": ["ä"]}'.encode("latin-1")),
    Bad("cancel-not-json", *INVALID, "body", path="/v1/workflows/e2e-victim/cancel", raw=b"{"),
    Bad("cancel-no-key", *INVALID, "cancellation_key", path="/v1/workflows/e2e-victim/cancel",
        body={}),
    Bad("user-not-json", *INVALID, "body", method="PUT", path="/v1/users/x", raw=b"<xml/>"),
    Bad("user-300", *INVALID, "user_id", method="PUT", path=f"/v1/users/{LONG}", body={}),
    Bad("user-null", *INVALID, "user_id", method="PUT", path="/v1/users/a%00b", body={}),
    Bad("user-surrogate", *INVALID, "user_id", method="PUT", path="/v1/users/%ED%A0%80", body={}),
    Bad("user-big", *INVALID, None, method="PUT", path="/v1/users/x",
        body={"bio": "x" * (257 * 1024)}),
    Bad("tenant-put-300", *INVALID, "id", method="PUT", path=f"/v1/tenants/{LONG}", body={}),
    Bad("batch-51", *INVALID, "message_ids", path="/v1/messages/batch/seen",
        body={"message_ids": [str(number) for number in range(51)]}),
    Bad("batch-empty", *INVALID, "message_ids", path="/v1/messages/batch/read", body={}),
]  # fmt: skip
LOOKUPS = [
    Bad("message", *MISSING, method="GET", path="/v1/messages/unknown"),
    Bad("message-300", *MISSING, method="GET", path=f"/v1/messages/{LONG}"),
    Bad("message-null", *MISSING, method="GET", path="/v1/messages/a%00b"),
    Bad("message-content", *MISSING, method="GET", path="/v1/messages/unknown/content"),
    Bad("message-events", *MISSING, method="GET", path="/v1/messages/unknown/events"),
    Bad("message-logs", *MISSING, method="GET", path="/v1/messages/unknown/delivery_logs"),
    Bad("message-activities", *MISSING, method="GET", path="/v1/messages/unknown/activities"),
    Bad("message-seen", *MISSING, method="PUT", path="/v1/messages/unknown/seen"),
    Bad("user", *MISSING, method="GET", path="/v1/users/unknown-user"),
    Bad("user-delete", *MISSING, method="GET", path=f"/v1/users/{LONG}"),
    Bad("tenant", *MISSING, method="GET", path="/v1/tenants/unknown-tenant"),
    Bad("run", *MISSING, method="GET", path="/v1/workflow_recipient_runs/unknown"),
    Bad("feed-channel", *MISSING, method="GET", path=f"{FEED}/unknown"),
    Bad("feed-channel-id", *MISSING, method="GET",
        path=f"{FEED}/a0c857a3-1995-441d-af5d-2944437e219b"),
    Bad("path", *MISSING, method="GET", path="/v1/nothing/here"),
    Bad("cursor", *INVALID, "after", method="GET", path="/v1/messages",
        query={"after": "not-a-cursor"}),
    Bad("cursor-before", *INVALID, "before", method="GET", path="/v1/users",
        query={"before": "bm90IG91cnM="}),
    Bad("cursor-of-another-list", *INVALID, "after", method="GET",
        path="/v1/workflow_recipient_runs", query={"after": "WzEsIDEsICJhIl0"}),
    Bad("status", *INVALID, "status[0]", method="GET", path="/v1/messages",
        query={"status[]": "lost"}),
    Bad("instant", *INVALID, "inserted_at.gte", method="GET", path="/v1/messages",
        query={"inserted_at[gte]": "yesterday"}),
    Bad("ids-51", *INVALID, "message_ids", method="GET", path="/v1/messages",
        query={"message_ids[]": [str(number) for number in range(51)]}),
    Bad("feed-status", *INVALID, "status", method="GET",
        path=f"{FEED}/0fb8c480-19c3-4b1c-b771-0f8917236f74", query={"status": "lost"}),
    Bad("null-filter", *INVALID, "tenant", method="GET", path="/v1/messages",
        query={"tenant": "a\x00b"}),
]  # fmt: skip


def check(answer: httpx.Response, bad: Bad) -> None:
    """Demand Knock's error shape, whole and with nothing else."""
    assert answer.status_code == bad.status, answer.text
    body = answer.json()
    assert set(body) - {"errors"} == {"code", "message", "status", "type"}
    assert (body["code"], body["status"]) == (bad.code, bad.status)
    assert body["type"] in {"invalid_request_error", "authentication_error", "api_error"}
    assert body["message"]
    assert ("errors" in body) == (bad.code == "invalid_params")
    for error in body.get("errors", []):
        assert set(error) == {"field", "message", "type"}
    if bad.field is not None:
        assert bad.field in [error["field"] for error in body["errors"]]
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("bad", [*TRIGGERS, *BODIES, *LOOKUPS], ids=lambda bad: bad.name)
def test_bad_request_is_refused_whole(bad: Bad, http: httpx.Client) -> None:
    """A bad request is answered with the documented status and leaves no row."""
    check(bad.send(http), bad)


@pytest.mark.parametrize(("size", "expected"), [(0, 1), (-3, 1), (1_000, 50), (50, 50)])
def test_page_size_is_pulled_into_its_bounds(size: int, expected: int, http: httpx.Client) -> None:
    """A page size outside 1 to 50 is no error; the nearest size is used and answered."""
    answer = http.get("/v1/messages", params={"page_size": size})
    assert answer.status_code == 200
    assert answer.json()["page_info"]["page_size"] == expected


def test_wrong_credentials(stack: DevStack) -> None:
    """No key, a wrong one, a public one, a service token and no bearer are each refused."""
    keys = stack.environments["development"]
    cases = [
        (None, 401, "authentication_required"),
        ("Bearer sk_wrong", 401, "api_key_missing"),
        ("Bearer " + "x" * 5_000, 401, "api_key_missing"),
        ("Basic abc", 401, "api_key_missing"),
        (f"Bearer {keys.public_key}", 401, "incorrect_token_type"),
        (f"Bearer {stack.service_token}", 401, "incorrect_token_type"),
    ]
    for header, status, code in cases:
        headers = {"authorization": header} if header else {}
        with httpx.Client(base_url=stack.api_url, headers=headers) as client:
            check(Bad("key", status, code, body=trigger()).send(client), Bad("key", status, code))


BROKEN = [
    (feed_step("{{ data.name "), "steps[0].template.markdown_body"),
    (feed_step("{% if %}"), "steps[0].template.markdown_body"),
    (feed_step("{{ data.x | no_such_filter }}"), "steps[0].template.markdown_body"),
    (email_step("{% for %}"), "steps[0].template.subject"),
    ({**feed_step(), "channel_key": "unknown"}, "steps[0].channel_key"),
    ({**feed_step(), "channel_key": "smtp"}, "steps[0].channel_key"),
    ({**feed_step(), "type": "teleport"}, "steps[0].type"),
]


@pytest.mark.parametrize(("step", "place"), BROKEN)
def test_broken_workflow_is_refused(step: Any, place: str, management: Management) -> None:
    """A step with broken Liquid or an unknown channel cannot be committed; its place is named."""
    answer = management.http.put(
        "/v1/workflows/e2e-broken",
        params={"environment": "development", "commit": "true"},
        json={"workflow": {"name": "Broken", "steps": [step]}},
    )
    check(answer, Bad("workflow", *INVALID, place))


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/workflows/unknown?environment=development", *MISSING),
        ("GET", "/v1/workflows?environment=nowhere", *MISSING),
        ("PUT", "/v1/commits/promote?to_environment=nowhere", *MISSING),
        ("PUT", "/v1/commits/promote?to_environment=development", *INVALID),
        ("PUT", "/v1/commits/unknown/promote", *MISSING),
        ("GET", "/v1/commits/a%00b", *MISSING),
        ("GET", "/v1/channels/unknown", *MISSING),
        ("GET", "/v1/workflows?environment=development&after=junk", *INVALID),
        ("PUT", "/v1/workflows/Not%20A%20Key?environment=development", *INVALID),
        ("POST", "/v1/admin/messages/unknown/retry", *MISSING),
    ],
)
def test_management_refuses(
    method: str, path: str, status: int, code: str, management: Management
) -> None:
    """The Management API answers bad requests in the same shape."""
    body = {"workflow": {"name": "N", "steps": [feed_step()]}} if "/workflows/" in path else {}
    check(management.http.request(method, path, json=body), Bad("management", status, code))
