"""Branches over HTTP: made, changed, compared, rebased, merged, deleted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.account import Account, workflow
from tests.support.steps import feed_step

_DEVELOPMENT = {"environment": "development"}
_MERGE = {"to_environment": "development", "branch": "feature"}


async def _branch(client: httpx.AsyncClient, slug: str = "feature") -> JsonObject:
    response = await client.post(f"/v1/branches/{slug}", params=_DEVELOPMENT)
    assert response.status_code == 201, response.text
    made: JsonObject = response.json()
    return made


async def _save(client: httpx.AsyncClient, key: str, name: str, **query: str) -> None:
    body = {"workflow": workflow(name)}
    response = await client.put(f"/v1/workflows/{key}", json=body, params=query)
    assert response.status_code == 200, response.text


async def _commit(client: httpx.AsyncClient, key: str, name: str, **query: str) -> None:
    await _save(client, key, name, commit="true", **query)


async def _name(client: httpx.AsyncClient, key: str, **query: str) -> str | None:
    response = await client.get(f"/v1/workflows/{key}", params=query)
    return response.json().get("name") if response.status_code == 200 else None


async def _committed(client: httpx.AsyncClient, key: str, **query: str) -> str | None:
    return await _name(client, key, hide_uncommitted_changes="true", **query)


async def _put(client: httpx.AsyncClient, path: str, **query: str) -> tuple[int, JsonObject]:
    response = await client.put(path, params=query)
    return response.status_code, response.json()


async def _rebase(client: httpx.AsyncClient) -> tuple[int, JsonObject]:
    return await _put(client, "/v1/branches/feature/rebase", **_DEVELOPMENT)


async def _merge(client: httpx.AsyncClient) -> tuple[int, JsonObject]:
    return await _put(client, "/v1/commits/promote", **_MERGE)


async def test_a_branch_begins_with_what_is_committed(management: httpx.AsyncClient) -> None:
    """It has what development has committed, not what is only saved there, and nobody's commits."""
    await _commit(management, "plain", "Committed")
    await _save(management, "plain", "Only saved")
    await _save(management, "draft", "Never committed")

    made = await _branch(management)

    assert made["slug"] == "feature"
    assert made["last_commit_at"] is None
    assert await _name(management, "plain", branch="feature") == "Committed"
    assert await _name(management, "draft", branch="feature") is None
    listed = await management.get("/v1/commits", params={"branch": "feature"})
    assert listed.json()["entries"] == []


async def test_a_branch_copies_no_content(management: httpx.AsyncClient, account: Account) -> None:
    """Its rows refer to the versions of development; only what is changed on it takes space."""
    await _branch(management)
    rows = await account.make.rows(
        "SELECT r.draft, m.published_version_id = r.published_version_id AS is_shared"
        " FROM branches b JOIN content_resources r ON r.environment_id = b.id"
        " JOIN content_resources m ON m.environment_id = b.environment_id"
        "  AND m.resource_type = r.resource_type AND m.key = r.key"
        " WHERE b.slug = 'feature'"
    )
    assert rows
    assert all(row["draft"] is None and row["is_shared"] for row in rows)


async def test_what_is_changed_on_a_branch_stays_there(management: httpx.AsyncClient) -> None:
    """Drafts, commits and switches of a branch are its own, and so are those of development."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _branch(management, "other")

    await _commit(management, "plain", "Ours", branch="feature", commit_message="Ours")
    await _commit(management, "new", "New", branch="feature")
    await management.put(
        "/v1/workflows/plain/activate", json={"status": False}, params={"branch": "feature"}
    )
    await _commit(management, "plain", "Theirs", commit_message="Theirs")

    assert await _name(management, "plain", branch="feature") == "Ours"
    assert await _name(management, "plain", branch="other") == "Before"
    assert await _name(management, "plain") == "Theirs"
    assert await _name(management, "new") is None
    listed = await management.get("/v1/workflows", params={"branch": "feature"})
    active = {entry["key"]: entry["active"] for entry in listed.json()["entries"]}
    assert (active["plain"], active["new"]) == (False, True)
    assert (await management.get("/v1/workflows/plain")).json()["active"] is True
    for query, said in (({"branch": "feature"}, "Ours"), ({}, "Theirs")):
        commits = await management.get("/v1/commits", params={"resource_id": "plain", **query})
        (newest, *_) = commits.json()["entries"]
        assert (newest["commit_message"], newest["environment"]) == (said, "development")


async def test_all_kinds_that_a_branch_has_are_listed_there(management: httpx.AsyncClient) -> None:
    """Each list is that of development at first; audiences and goals stay the same ones."""
    await _branch(management)
    for kind in (
        "workflows",
        "email_layouts",
        "guides",
        "message_types",
        "partials",
        "reusable_requests",
        "translations",
        "audiences",
        "goals",
        "schemas",
        "variables",
    ):
        here, there = [
            await management.get(f"/v1/{kind}", params={**_DEVELOPMENT, **query})
            for query in ({}, {"branch": "feature"})
        ]
        assert there.status_code == 200, there.text
        assert there.json()["entries"] == here.json()["entries"], kind


async def test_all_is_committed_on_the_branch_that_is_named(management: httpx.AsyncClient) -> None:
    """`PUT /v1/commits` with a branch leaves the drafts of development alone."""
    await _branch(management)
    await _save(management, "plain", "Ours", branch="feature")
    await _save(management, "plain", "Theirs")

    status, _ = await _put(management, "/v1/commits", branch="feature", commit_message="All")

    assert status == 200
    assert await _committed(management, "plain", branch="feature") == "Ours"
    assert await _committed(management, "plain") is None


async def test_a_preview_shows_the_branch(management: httpx.AsyncClient) -> None:
    """The step is rendered as it is saved on the branch."""
    await _branch(management)
    body = {"workflow": workflow("Ours", feed_step("Ours"))}
    await management.put("/v1/workflows/plain", json=body, params={"branch": "feature"})
    path = "/v1/workflows/plain/steps/feed_1/preview_template"

    there = await management.post(path, json={"recipient": "ann"}, params={"branch": "feature"})
    here = await management.post(path, json={"recipient": "ann"})

    assert "Ours" in there.json()["template"]["markdown_body"]
    assert here.status_code == 404


async def test_a_merge_publishes_in_development(management: httpx.AsyncClient) -> None:
    """Every commit is copied, once; the branch goes on with what it has."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _commit(management, "plain", "First", branch="feature", commit_message="1")
    await _commit(management, "plain", "Second", branch="feature", commit_message="2")
    await _commit(management, "new", "New", branch="feature")

    assert await _merge(management) == (200, {"result": "success"})

    assert await _committed(management, "plain") == "Second"
    assert await _committed(management, "new") == "New"
    listed = await management.get("/v1/commits", params={"branch": "feature", "promoted": "false"})
    assert listed.json()["entries"] == []
    commits = await management.get("/v1/commits", params={"resource_id": "plain"})
    assert [one.get("commit_message") for one in commits.json()["entries"]] == ["2", "1", None]
    assert await _merge(management) == (200, {"result": "success"})
    again = await management.get("/v1/commits", params={"resource_id": "plain"})
    assert again.json() == commits.json()
    # What was merged is known to the branch: it may be changed and merged again.
    await _commit(management, "plain", "Third", branch="feature")
    assert (await _merge(management))[0] == 200
    assert await _committed(management, "plain") == "Third"


async def test_one_commit_is_merged(management: httpx.AsyncClient) -> None:
    """The promotion of a commit of a branch copies it to development, and again the same copy."""
    await _branch(management)
    await _commit(management, "one", "One", branch="feature")
    await _commit(management, "two", "Two", branch="feature")
    commits = await management.get("/v1/commits", params={"branch": "feature"})
    path = next(
        f"/v1/commits/{one['id']}/promote"
        for one in commits.json()["entries"]
        if one["resource"]["identifier"] == "one"
    )

    status, first = await _put(management, path)
    _, again = await _put(management, path)

    assert status == 200
    assert again == first
    assert first["commit"]["environment"] == "development"
    assert (await _committed(management, "one"), await _committed(management, "two")) == (
        "One",
        None,
    )


async def test_what_development_has_changed_meanwhile_is_not_overwritten(
    management: httpx.AsyncClient,
) -> None:
    """A merge names the conflict and does nothing; after a rebase the branch's version wins."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _commit(management, "plain", "Ours", branch="feature")
    await _commit(management, "new", "New", branch="feature")
    await _commit(management, "plain", "Theirs")

    status, refused = await _merge(management)

    assert (status, refused["code"]) == (422, "branch_merge_conflict")
    assert "workflow 'plain'" in refused["message"]
    assert await _committed(management, "new") is None
    assert (await _rebase(management))[0] == 200
    assert await _name(management, "plain", branch="feature") == "Ours"
    assert (await _merge(management))[0] == 200
    assert await _committed(management, "plain") == "Ours"


async def test_a_rebase_takes_over_what_the_branch_has_not_changed(
    management: httpx.AsyncClient,
) -> None:
    """What was committed on the branch stays; all else is as development has it now."""
    for key in ("mine", "theirs", "draft"):
        await _commit(management, key, "Before")
    made = await _branch(management)
    await _commit(management, "mine", "Ours", branch="feature")
    await _save(management, "draft", "Only saved", branch="feature")
    for key in ("mine", "theirs", "new"):
        await _commit(management, key, "Theirs")

    status, rebased = await _rebase(management)

    assert status == 200
    assert rebased["updated_at"] > made["updated_at"]
    names = {
        key: await _name(management, key, branch="feature")
        for key in ("mine", "theirs", "new", "draft")
    }
    assert names == {"mine": "Ours", "theirs": "Theirs", "new": "Theirs", "draft": "Only saved"}


async def test_a_rebase_loses_no_draft(management: httpx.AsyncClient) -> None:
    """It is refused where development has changed what is only saved on the branch."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _save(management, "plain", "Only saved", branch="feature")
    await _commit(management, "plain", "Theirs")
    await _commit(management, "other", "Theirs")

    status, refused = await _rebase(management)

    assert (status, refused["code"]) == (422, "branch_rebase_blocked")
    assert "workflow 'plain'" in refused["message"]
    assert await _name(management, "plain", branch="feature") == "Only saved"
    assert await _name(management, "other", branch="feature") is None
    # Committed on the branch, it wins, further drafts of it included.
    await _put(management, "/v1/commits", branch="feature")
    await _save(management, "plain", "Saved again", branch="feature")
    assert (await _rebase(management))[0] == 200
    assert await _name(management, "plain", branch="feature") == "Saved again"
    assert await _committed(management, "plain", branch="feature") == "Only saved"


async def test_what_a_merge_would_change_is_shown(management: httpx.AsyncClient) -> None:
    """Field by field, beside what development has published now."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _commit(management, "plain", "Ours", branch="feature")
    await _commit(management, "new", "New", branch="feature")

    merging = await management.get("/v1/admin/content/changes", params=_MERGE)

    found = {one["resource"]["identifier"]: one for one in merging.json()["entries"]}
    assert found["plain"]["changes"] == [
        {"field": "name", "change": "changed", "before": "Before", "after": "Ours"}
    ]
    assert found["new"]["is_new"] is True
    await _save(management, "plain", "Saved", branch="feature")
    pending = await management.get("/v1/admin/content/changes", params={"branch": "feature"})
    (one,) = pending.json()["entries"]
    assert one["changes"][0]["after"] == "Saved"


async def test_a_commit_of_a_branch_is_taken_back_there(management: httpx.AsyncClient) -> None:
    """Its commits are read by id, and reverted on the branch alone."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _commit(management, "plain", "Ours", branch="feature")
    await _commit(management, "plain", "Again", branch="feature")
    commits = await management.get("/v1/commits", params={"branch": "feature"})
    newest = commits.json()["entries"][0]["id"]

    reverted, _ = await _put(management, f"/v1/admin/commits/{newest}/revert")

    assert reverted == 200
    assert await _committed(management, "plain", branch="feature") == "Ours"
    assert await _committed(management, "plain") == "Before"


async def test_what_a_rebase_brought_is_what_a_commit_replaced(
    management: httpx.AsyncClient,
) -> None:
    """A revert brings back what was on the branch before, not what the branch committed before."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _commit(management, "plain", "Ours", branch="feature")
    assert await _changed(management) == [("Before", "Ours")]
    await _merge(management)
    await _commit(management, "plain", "Theirs")
    await _rebase(management)
    await _commit(management, "plain", "Again", branch="feature")
    assert await _changed(management) == [("Theirs", "Again")]

    newest = await _newest(management)
    assert (await _put(management, f"/v1/admin/commits/{newest}/revert"))[0] == 200

    assert await _committed(management, "plain", branch="feature") == "Theirs"
    assert (await _merge(management))[0] == 200
    assert await _committed(management, "plain") == "Theirs"


async def test_the_first_commit_of_a_branch_is_taken_back(management: httpx.AsyncClient) -> None:
    """What it replaced is what the branch began with."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _commit(management, "plain", "Ours", branch="feature")

    newest = await _newest(management)
    assert (await _put(management, f"/v1/admin/commits/{newest}/revert"))[0] == 200

    assert await _committed(management, "plain", branch="feature") == "Before"


async def _newest(client: httpx.AsyncClient) -> str:
    commits = await client.get("/v1/commits", params={"branch": "feature"})
    return str(commits.json()["entries"][0]["id"])


async def _changed(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Return the names before and after the newest commit of the branch."""
    response = await client.get(f"/v1/admin/commits/{await _newest(client)}/changes")
    return [(one["before"], one["after"]) for one in response.json()["changes"]]


async def test_a_deleted_branch_is_gone(management: httpx.AsyncClient) -> None:
    """With its commits, and its slug is free again; what was merged stays."""
    await _branch(management)
    await _commit(management, "kept", "Merged", branch="feature")
    await _merge(management)
    await _commit(management, "lost", "Not merged", branch="feature")
    commits = await management.get("/v1/commits", params={"branch": "feature"})

    deleted = await management.delete("/v1/branches/feature", params=_DEVELOPMENT)

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert (await management.get("/v1/branches/feature")).json()["code"] == "branch_not_found"
    assert (await management.delete("/v1/branches/feature")).status_code == 404
    for one in commits.json()["entries"]:
        assert (await management.get(f"/v1/commits/{one['id']}")).status_code == 404
    assert await _committed(management, "kept") == "Merged"
    await _branch(management)
    assert await _name(management, "lost", branch="feature") is None


async def test_branches_are_listed_by_their_newest_commit(management: httpx.AsyncClient) -> None:
    """The newest first, in pages; one without commits by when it was made."""
    for slug in ("first", "second", "third"):
        await _branch(management, slug)
    await _commit(management, "plain", "Ours", branch="first")

    listed = await management.get("/v1/branches", params={**_DEVELOPMENT, "limit": "2"})
    page = listed.json()
    rest = await management.get("/v1/branches", params={"after": page["page_info"]["after"]})

    assert [one["slug"] for one in page["entries"]] == ["first", "third"]
    assert [one["slug"] for one in rest.json()["entries"]] == ["second"]
    assert page["entries"][0]["last_commit_at"] is not None


async def test_an_archived_resource_is_gone_on_branches_too(management: httpx.AsyncClient) -> None:
    """Its key is never free again, so a branch must not bring it back."""
    await _commit(management, "plain", "Before")
    await _branch(management)
    await _commit(management, "plain", "Ours", branch="feature")

    await management.delete("/v1/admin/content/workflow/plain", params=_DEVELOPMENT)

    assert await _name(management, "plain", branch="feature") is None
    assert (await _merge(management))[0] == 200
    assert (await _rebase(management))[0] == 200
    assert await _name(management, "plain") is None


async def test_what_was_archived_is_archived_on_a_branch_made_later(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Its key is taken there too, and what was committed with a layout is sent with it."""
    layout = {"name": "Plain", "html_layout": "{{ content }}", "text_layout": "{{ content }}"}
    await management.put(
        "/v1/email_layouts/letter", json={"email_layout": layout}, params={"commit": "true"}
    )
    await _commit(management, "plain", "Before")
    await _save(management, "draft", "Never committed")
    for place in ("email_layout/letter", "workflow/plain", "workflow/draft"):
        await management.delete(f"/v1/admin/content/{place}", params=_DEVELOPMENT)
    await _branch(management)
    await _save(management, "later", "Saved and archived behind the branch")
    await management.delete("/v1/admin/content/workflow/later", params=_DEVELOPMENT)

    for key in ("plain", "draft", "later"):
        body = {"workflow": workflow("Ours")}
        saved = await management.put(
            f"/v1/workflows/{key}", json=body, params={"branch": "feature"}
        )
        assert (saved.status_code, await _name(management, key, branch="feature")) == (404, None)
    here, there = [
        await account.rows(
            "SELECT r.resource_type, r.key, r.published_version_id FROM content_resources r"
            " JOIN branches b ON b.id = r.environment_id JOIN environments e"
            " ON e.id = b.environment_id WHERE r.archived_at IS NOT NULL AND r.key <> 'later'"
            f" AND e.slug = 'development' AND b.slug {name} ORDER BY 1, 2"
        )
        for name in ("IS NULL", "= 'feature'")
    ]
    assert there == here
    assert len(there) == 3
    assert (await _rebase(management))[0] == 200
    assert (await _merge(management))[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "field"),
    [
        ("post", "/v1/branches/feature", 422, "slug"),
        ("post", "/v1/branches/main", 422, "slug"),
        ("post", "/v1/branches/a%20b", 422, "slug"),
        ("post", f"/v1/branches/{'a' * 256}", 422, "slug"),
        ("post", "/v1/branches/a%00b", 422, "slug"),
        ("post", "/v1/branches/b?environment=production", 422, "environment"),
        ("get", "/v1/branches?environment=production", 422, "environment"),
        ("get", "/v1/branches?environment=nowhere", 404, None),
        ("get", "/v1/branches?after=junk", 422, "after"),
        ("get", "/v1/branches/nowhere", 404, None),
        ("get", "/v1/branches/a%00b", 404, None),
        ("put", "/v1/branches/nowhere/rebase", 404, None),
        ("get", "/v1/workflows?branch=nowhere", 404, None),
        ("get", "/v1/workflows?branch=feature&environment=production", 422, "environment"),
        (
            "put",
            "/v1/commits/promote?to_environment=production&branch=feature",
            422,
            "to_environment",
        ),
        ("put", "/v1/commits/promote?to_environment=development&branch=nowhere", 404, None),
        (
            "get",
            "/v1/admin/content/changes?to_environment=production&branch=feature",
            422,
            "to_environment",
        ),
        ("get", "/v1/broadcasts?branch=feature", 422, "branch"),
        ("delete", "/v1/guides/welcome?branch=feature", 422, "branch"),
        ("delete", "/v1/admin/content/workflow/welcome?branch=feature", 422, "branch"),
    ],
)
async def test_wrong_requests_are_refused(
    management: httpx.AsyncClient, method: str, path: str, status: int, field: str | None
) -> None:
    """Where there are no branches it is said at its place; an unknown slug has its own code."""
    await _branch(management)

    response = await management.request(method, path)

    assert response.status_code == status, response.text
    if field is not None:
        assert [one["field"] for one in response.json()["errors"]] == [field]
    elif "nowhere" in path and "environment=nowhere" not in path:
        assert response.json()["code"] == "branch_not_found"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/audiences/beta", {"audience": {"name": "Beta", "type": "static"}}),
        (
            "/v1/goals/signed-up",
            {"goal": {"name": "Signed up", "condition": {"type": "audience", "audience_key": "b"}}},
        ),
    ],
)
async def test_what_branches_share_is_not_written_on_one(
    management: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    """Audiences have members and goals are published at once: both are the same everywhere."""
    await _branch(management)

    response = await management.put(path, json=body, params={"branch": "feature"})

    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "branch"
