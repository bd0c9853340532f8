"""Workflows over HTTP, as the Management SDK and Knock's CLI call them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from api.management.content.annotations import annotated
from api.management.content.workflows import WorkflowOut
from domain.content.workflow import WORKFLOW
from domain.kit.errors import NotFound
from domain.kit.json_types import JsonObject
from domain.workflows.steps import STEP_TYPES
from services.content.drafts import ContentView
from tests.support.account import T0, Account, email_step, feed_step, workflow
from tests.support.steps import branch, branch_step, cohort, cohort_step, when
from tests.support.temporal_recorder import TemporalRecorder

PATH = "/v1/workflows/plain"


async def _put(
    client: httpx.AsyncClient, document: Any, *, path: str = PATH, **query: Any
) -> httpx.Response:
    return await client.put(
        path, json={"workflow": document}, params={"environment": "development", **query}
    )


async def _ok(response: httpx.Response) -> JsonObject:
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


async def test_a_put_is_wrapped_and_a_get_is_not(management: httpx.AsyncClient) -> None:
    """Writes answer `{"workflow": …}`, reads the workflow itself, with every documented field."""
    written = (await _ok(await _put(management, workflow("Plain", tags=["a"]))))["workflow"]
    read = await _ok(await management.get(PATH, params={"environment": "development"}))

    assert read == written
    assert read["key"] == "plain"
    assert (read["name"], read["tags"], read["valid"], read["active"]) == (
        "Plain",
        ["a"],
        True,
        True,
    )
    assert read["created_at"].endswith("Z")
    assert {"sha", "updated_at", "environment", "steps", "settings"} <= set(read)
    assert "trigger_data_json_schema" not in read
    assert "__annotation" not in read


async def test_the_environment_defaults_to_development(management: httpx.AsyncClient) -> None:
    """Knock's CLI loses its query string in some commands."""
    await _ok(await management.put(PATH, json={"workflow": workflow()}))

    assert (await _ok(await management.get(PATH)))["environment"] == "development"


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"environment": "nowhere"}, 404, "resource_missing"),
        ({"branch": "feature"}, 404, "branch_not_found"),
        ({"environment": "production"}, 422, "invalid_params"),
        ({"commit": "perhaps"}, 422, "invalid_params"),
        ({"commit": "true", "commit_message": "x" * 5000}, 422, "invalid_params"),
    ],
)
async def test_a_wrong_query_is_refused(
    management: httpx.AsyncClient, query: dict[str, str], status: int, code: str
) -> None:
    """Unknown environments and branches, other environments' content, and junk are refused."""
    response = await _put(management, workflow(), **query)

    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_all_that_is_wrong_in_a_query_is_told_at_once(management: httpx.AsyncClient) -> None:
    """What says more of a commit is judged too, whether the commit is asked for or not."""
    wrong = {"allow_empty": "z", "annotate": "w", "commit_message": "x" * 5000, "force": "y"}
    for commit in ({}, {"commit": "perhaps"}, {"commit": "true"}):
        response = await _put(management, workflow(), **wrong, **commit)
        told = {error["field"] for error in response.json()["errors"]}
        assert told == {*wrong, *(["commit"] if commit.get("commit") == "perhaps" else [])}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "workflow"),
        ({"workflow": None}, "workflow"),
        ({"workflow": []}, "workflow"),
        ({"workflow": workflow(steps=[{"type": "warp", "ref": "a"}])}, "steps[0].type"),
        ({"workflow": workflow(steps=[feed_step(ref=None)])}, "steps[0].ref"),
        ({"workflow": workflow("x" * 300)}, "name"),
    ],
)
async def test_a_broken_body_names_its_field(
    management: httpx.AsyncClient, body: JsonObject, field: str
) -> None:
    """Errors carry the path that Knock's CLI prints."""
    for path in (PATH, f"{PATH}/validate"):
        response = await management.put(path, json=body)
        assert response.status_code == 422
        assert response.json()["errors"][0]["field"] == field


async def test_broken_liquid_is_named_with_its_step_and_place(
    management: httpx.AsyncClient,
) -> None:
    """An error of a template names the field by its path, the step by its ref, line and column."""
    broken = feed_step("x", "deep", template={"markdown_body": "Hi\n  {{ name | shout }}"})
    document = workflow(steps=[email_step("first"), broken])

    for path in (PATH, f"{PATH}/validate"):
        response = await management.put(path, json={"workflow": document})
        assert response.json()["errors"] == [
            {
                "field": "steps[1].template.markdown_body",
                "message": "unknown filter 'shout' (step deep, line 2, column 13)",
                "type": "invalid_liquid",
            }
        ]


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"workflow": "\\u0000"}', b"\xff", b"[" * 9999])
async def test_junk_is_refused_in_the_error_shape(
    management: httpx.AsyncClient, body: bytes
) -> None:
    """Whatever is sent, the answer is a 422 with a code."""
    response = await management.put(PATH, content=body)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_params")


@pytest.mark.parametrize("key", ["x", "No%20Key", "a" * 300, "%00abc", "%ff%fe%fd"])
async def test_an_impossible_key_is_refused_or_missing(
    management: httpx.AsyncClient, key: str
) -> None:
    """Such a key cannot be written, and reading it finds nothing."""
    path = f"/v1/workflows/{key}"

    assert (await _put(management, workflow(), path=path)).status_code == 422
    assert (await management.get(path)).status_code == 404


async def test_commit_publishes_in_the_same_call(
    management: httpx.AsyncClient, account: Account
) -> None:
    """`commit=true` makes a commit with the message, by the name of the token."""
    await _ok(await _put(management, workflow(), commit="true", commit_message="First"))

    commits = await _ok(await management.get("/v1/commits", params={"resource_id": "plain"}))

    (commit,) = commits["entries"]
    assert commit["commit_message"] == "First"
    assert commit["resource"] == {"type": "workflow", "identifier": "plain"}
    assert commit["author"] == commit["commit_author"]
    assert commit["author"]["name"] == "Seed"
    assert "@" in commit["author"]["email"]


async def test_an_invalid_workflow_is_saved_but_not_committed(
    management: httpx.AsyncClient,
) -> None:
    """A channel that does not exist shows as `valid: false`, and refuses the commit."""
    document = workflow(steps=[feed_step(channel_key="nowhere")])

    saved = (await _ok(await _put(management, document)))["workflow"]
    refused = await _put(management, document, commit="true")

    assert saved["valid"] is False
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "steps[0].channel_key"


async def test_steps_in_branches(management: httpx.AsyncClient) -> None:
    """Branches are read back as they were sent, and what is wrong in them is told at its place."""
    fork = branch_step(
        "fork",
        branch("Told", feed_step(ref="told"), conditions=when("data.x", "exists")),
        branch("Default", cohort_step("test", cohort("A", "50"), cohort("B", "50", feed_step()))),
    )
    saved = (await _ok(await _put(management, workflow("Plain", fork), commit="true")))["workflow"]
    assert (saved["steps"], saved["valid"]) == ([fork], True)

    missing = branch("Told", feed_step(channel_key="nowhere"), conditions=when("data.x", "exists"))
    broken = branch_step("fork", missing, branch("Default", feed_step("{{ nope", ref="b")))
    refused = await _put(management, workflow("Plain", broken), commit="true")
    assert refused.json()["errors"][0]["field"] == (
        "steps[0].branches[1].steps[0].template.markdown_body"
    )
    unfinished = branch_step("fork", missing, branch("Default"))
    assert (await _ok(await _put(management, workflow("Plain", unfinished))))["workflow"][
        "valid"
    ] is False
    refused = await _put(management, workflow("Plain", unfinished), commit="true")
    assert refused.json()["errors"][0]["field"] == "steps[0].branches[0].steps[0].channel_key"


async def test_what_the_cli_pushes_is_tolerated(management: httpx.AsyncClient) -> None:
    """Path keys, `$schema`, `__readonly` and annotations that come back are dropped."""
    plain = await _ok(await _put(management, workflow(steps=[email_step()])))
    pulled = await _ok(await management.get(PATH, params={"annotate": "true"}))
    pulled["$schema"] = "https://schemas.example.com/workflow.json"
    pulled["steps"][0]["template"]["html_body@"] = "email_1/body.html"

    pushed = await _ok(await _put(management, pulled))

    assert pushed["workflow"]["sha"] == plain["workflow"]["sha"]


async def test_annotations_tell_the_cli_what_becomes_a_file(
    management: httpx.AsyncClient,
) -> None:
    """With `annotate=true`, and for the CLI without asking, nodes carry `__annotation`."""
    await _put(management, workflow(steps=[email_step(channel_overrides={"to_address": "a@b.c"})]))
    asked = await _ok(await management.get(PATH, params={"annotate": "true"}))
    cli = {"user-agent": "@knocklabs/cli/1.2.3 linux-x64 node-v20"}
    unasked = await _ok(await management.get(PATH, headers=cli))

    assert asked == unasked
    assert "sha" in asked["__annotation"]["readonly_fields"]
    step = asked["steps"][0]
    assert step["template"]["__annotation"]["extractable_fields"]["html_body"] == {
        "default": True,
        "file_ext": "html",
    }
    assert "json_overrides" in step["channel_overrides"]["__annotation"]["extractable_fields"]
    declined = await management.get(PATH, params={"annotate": "false"}, headers=cli)
    assert "__annotation" not in declined.json()


async def test_fields_without_a_value_become_no_file(management: httpx.AsyncClient) -> None:
    """The CLI would write `null` as text into such a file, and a later push would send that."""
    template = {"subject": "Hi", "html_body": "<p>Hi</p>", "text_body": None}
    await _ok(await _put(management, workflow(steps=[email_step(template=template)])))
    pulled = await _ok(await management.get(PATH, params={"annotate": "true"}))

    fields = pulled["steps"][0]["template"]["__annotation"]["extractable_fields"]
    assert "html_body" in fields
    assert "text_body" not in fields


async def test_validate_answers_without_saving(management: httpx.AsyncClient) -> None:
    """A valid document is answered; there is nothing to read afterwards."""
    body = await _ok(await _put(management, workflow(), path=f"{PATH}/validate"))

    assert (body["workflow"]["key"], body["workflow"]["valid"]) == ("plain", True)
    assert (await management.get(PATH)).status_code == 404


async def test_lists_neither_lose_nor_repeat(management: httpx.AsyncClient) -> None:
    """Following `after` gives every workflow once, and `before` leads back."""
    for index in range(5):
        await _put(management, workflow(), path=f"/v1/workflows/list-{index}")
    keys: list[str] = []
    after: str | None = None
    while True:
        query = {"limit": "3", **({"after": after} if after else {})}
        page = await _ok(await management.get("/v1/workflows", params=query))
        keys += [entry["key"] for entry in page["entries"]]
        assert set(page["page_info"]) == {"after", "before", "page_size"}
        after = page["page_info"]["after"]
        if after is None:
            break

    assert keys == sorted({*keys})
    assert len(keys) == 8
    back = await management.get(
        "/v1/workflows", params={"limit": "3", "before": page["page_info"]["before"]}
    )
    assert [entry["key"] for entry in back.json()["entries"]] == keys[3:6]


@pytest.mark.parametrize(("limit", "size"), [("0", 1), ("1000", 100), ("100", 100)])
async def test_the_limit_is_pulled_into_its_range(
    management: httpx.AsyncClient, limit: str, size: int
) -> None:
    """A limit out of range is clamped, not refused."""
    page = await _ok(await management.get("/v1/workflows", params={"limit": limit}))

    assert page["page_info"]["page_size"] == size
    bad = await management.get("/v1/workflows", params={"after": "junk"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (422, "after")


@pytest.mark.parametrize(
    ("body", "query", "active"),
    [
        ({"status": False}, {}, False),
        ({}, {"status": "false"}, False),
        ({}, {"status": "true"}, True),
        ({}, {}, True),
        ({"active": True}, {}, True),
        ({"active": False, "status": True}, {}, True),
    ],
)
async def test_activate_reads_body_and_query(
    management: httpx.AsyncClient, body: JsonObject, query: dict[str, str], active: bool
) -> None:
    """The SDK sends `status` in the body, the CLI in the query; nothing means on."""
    response = await management.put("/v1/workflows/welcome/activate", json=body, params=query)

    assert (await _ok(response))["workflow"]["active"] is active


async def test_activate_never_switches_on_what_is_to_be_off(
    management: httpx.AsyncClient,
) -> None:
    """`{"active": false}` says neither on nor off by its right name, so it is refused."""
    refused = await management.put("/v1/workflows/welcome/activate", json={"active": False})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "status")


async def test_activate_refuses_what_is_no_switch(management: httpx.AsyncClient) -> None:
    """A status is true or false, of a workflow that exists."""
    wrong = await management.put("/v1/workflows/welcome/activate", json={"status": "on"})
    missing = await management.put("/v1/workflows/nowhere/activate", json={"status": True})

    assert (wrong.status_code, missing.status_code) == (422, 404)


async def test_a_run_may_carry_as_much_as_a_trigger(management: httpx.AsyncClient) -> None:
    """Its body is a trigger's, and larger than other bodies may be."""
    body = {"recipients": ["ellie"], "data": {"workspace": "x" * 3_000_000}}
    await _ok(await management.put("/v1/workflows/welcome/run", json=body))


async def test_run_starts_a_rehearsal(
    management: httpx.AsyncClient, account: Account, temporal: TemporalRecorder
) -> None:
    """A test run is a trigger whose source is `rehearsal`."""
    body = {"recipients": [{"id": "ellie", "name": "Ellie"}], "data": {"workspace": "Site B"}}
    response = await management.put("/v1/workflows/welcome/run", json=body)

    run_id = (await _ok(response))["workflow_run_id"]
    rows = await account.rows("SELECT id, source, workflow_key FROM workflow_runs")
    assert [(str(row["id"]), row["source"]["type"], row["workflow_key"]) for row in rows] == [
        (run_id, "rehearsal", "welcome")
    ]
    assert len(temporal.starts) == 1


async def test_a_run_takes_what_is_saved(management: httpx.AsyncClient, account: Account) -> None:
    """Changes are run before they are committed, and each run keeps what was saved then."""
    body = {"recipients": [{"id": "ellie", "name": "Ellie"}]}
    missing = await management.put(f"{PATH}/run", json=body)
    assert (missing.status_code, missing.json()["code"]) == (404, "workflow_missing")
    missing = await management.put(f"{PATH}/run", json={})
    assert (missing.status_code, missing.json()["code"]) == (404, "workflow_missing")

    await _ok(await _put(management, workflow("Never committed")))
    faulty = await management.put(f"{PATH}/run", json={})
    assert (faulty.status_code, faulty.json()["code"]) == (422, "invalid_params")
    for name, commit in (
        ("Never committed", "false"),
        ("Committed", "true"),
        ("Draft", "false"),
        ("Draft", "false"),
    ):
        await _ok(await _put(management, workflow(name), commit=commit))
        await _ok(await management.put(f"{PATH}/run", json=body))

    runs = await account.rows(
        "SELECT v.content ->> 'name' AS name, v.id FROM recipient_runs r"
        " JOIN content_versions v ON v.id = r.version_id ORDER BY r.inserted_at, r.id"
    )
    assert [run["name"] for run in runs] == ["Never committed", "Committed", "Draft", "Draft"]
    assert runs[2]["id"] == runs[3]["id"]
    shown = await _ok(await management.get(PATH, params={"hide_uncommitted_changes": "true"}))
    assert shown["name"] == "Committed"


async def test_a_trigger_takes_what_is_committed(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Where nothing was committed a workflow is missing, though a test run has taken it."""
    world = await account.world()
    await _ok(await _put(management, workflow()))
    await _ok(await management.put(f"{PATH}/run", json={"recipients": ["ellie"]}))
    with pytest.raises(NotFound, match="never committed"):
        await world.begin("plain")


async def test_a_draft_that_was_never_committed_runs_to_its_end(
    management: httpx.AsyncClient, account: Account
) -> None:
    """It makes the message that it says."""
    world = await account.world()
    await _ok(await _put(management, workflow("Plain", feed_step("Not yet committed"))))
    body = {"recipients": [{"id": "ellie", "name": "Ellie"}]}
    await _ok(await management.put(f"{PATH}/run", json=body))

    (run,) = await account.rows("SELECT id, workflow_run_id FROM recipient_runs")
    await world.walk(run["id"])
    (message,) = await world.messages(run["id"])
    assert "Not yet committed" in str(message["content"])


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("welcome", {}, 422),
        ("welcome", {"recipients": []}, 422),
        ("nowhere", {"recipients": ["ellie"]}, 404),
    ],
)
async def test_run_refuses_what_a_trigger_would(
    management: httpx.AsyncClient, key: str, body: JsonObject, status: int
) -> None:
    """A rehearsal obeys the limits of a trigger."""
    response = await management.put(f"/v1/workflows/{key}/run", json=body)

    assert response.status_code == status


@pytest.mark.parametrize("method", ["get", "put"])
async def test_an_api_key_does_not_open_the_management_api(
    management: httpx.AsyncClient, account: Account, method: str
) -> None:
    """Only service tokens do."""
    secret = account.keys.environments["development"].secret_key
    headers = {"authorization": f"Bearer {secret}"}
    response = await management.request(method, PATH, headers=headers)

    assert (response.status_code, response.json()["code"]) == (401, "incorrect_token_type")


async def test_what_is_not_there_is_left_out(management: httpx.AsyncClient) -> None:
    """Members that Knock's document does not call nullable are left out, never null."""
    read = (await _ok(await _put(management, workflow(description=None), commit="true")))[
        "workflow"
    ]
    commits = await _ok(await management.get("/v1/commits", params={"resource_id": "plain"}))

    assert not {"description", "trigger_data_json_schema"} & set(read)
    assert "commit_message" not in commits["entries"][0]
    told = (await _ok(await _put(management, workflow(description="Told"))))["workflow"]
    assert told["description"] == "Told"


async def test_steps_are_documented_by_type(management: httpx.AsyncClient) -> None:
    """Bodies and answers describe a step as one of its types, told apart by `type`."""
    document = (await management.get("/docs/management/openapi.json")).json()
    operation = document["paths"]["/v1/workflows/{key}"]["put"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    shapes = document["components"]["schemas"]
    sent = body["properties"]["workflow"]["properties"]["steps"]["items"]
    answered = shapes["WorkflowOut"]["properties"]["steps"]["items"]

    members = [
        shapes[one["$ref"].split("/")[-1]] if "$ref" in one else one for one in sent["oneOf"]
    ]
    assert {one["properties"]["type"]["const"] for one in members} == set(STEP_TYPES)
    assert sent["discriminator"]["propertyName"] == "type"
    assert set(answered["discriminator"]["mapping"]) == set(STEP_TYPES)


@pytest.mark.parametrize("length", [4096, 4097])
async def test_a_commit_message_has_one_limit(management: httpx.AsyncClient, length: int) -> None:
    """A message of 4096 characters is kept, of whatever kind they are; a longer one is refused."""
    message = "\ufffd" * length
    saved = await _put(management, workflow(), commit="true", commit_message=message)
    assert saved.status_code == (200 if length == 4096 else 422)
    if length == 4096:
        listed = await _ok(await management.get("/v1/commits", params={"resource_id": "plain"}))
        assert listed["entries"][0]["commit_message"] == message


def test_odd_content_is_answered_as_it_is() -> None:
    """Content that another version stored is no fault when it is read, annotated or not."""
    odd = {"name": 5, "steps": [5, {"type": "warp", "ref": "a"}], "categories": "x"}
    view = ContentView(
        key="plain",
        environment="development",
        content=odd,
        document=WORKFLOW.read(odd, "plain"),
        sha="abc",
        active=True,
        valid=True,
        created_at=T0,
        updated_at=T0,
    )
    for content in (odd, annotated(odd, WORKFLOW.files(view.document), ["key"])):
        written = WorkflowOut.of(view, content).model_dump(mode="json")
        assert (written["name"], written["categories"]) == (5, "x")
        assert written["steps"] == odd["steps"]
