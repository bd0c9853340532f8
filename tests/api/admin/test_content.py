"""What would change, what has changed, taking it back, and archiving, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.content.partial import PARTIAL
from domain.content.translation import TRANSLATION
from domain.kit.json_types import JsonObject
from services.content.archiving import archive
from tests.support.account import Account, feed_step, note, workflow


def flow(text: str, **changes: Any) -> JsonObject:
    """Write a workflow whose feed item says a text."""
    return workflow("Plain", feed_step(text), **changes)


async def ok(response: httpx.Response) -> JsonObject:
    """Return the body of a success."""
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


async def changes(management: httpx.AsyncClient, **query: str) -> list[JsonObject]:
    """Return what a commit or a promotion would change."""
    body = await ok(await management.get("/v1/admin/content/changes", params=query))
    entries: list[JsonObject] = body["entries"]
    return entries


async def newest(management: httpx.AsyncClient, key: str = "plain", **query: str) -> str:
    """Return the id of the newest commit of a resource."""
    body = await ok(
        await management.get("/v1/commits", params={"resource_id": key, "limit": "1", **query})
    )
    return str(body["entries"][0]["id"])


async def published(management: httpx.AsyncClient) -> str:
    """Return what the committed workflow says."""
    params = {"hide_uncommitted_changes": "true"}
    body = await ok(await management.get("/v1/workflows/plain", params=params))
    return str(body["steps"][0]["template"]["markdown_body"])


async def test_what_a_commit_would_change(management: httpx.AsyncClient, account: Account) -> None:
    """Drafts are compared with what is published, by type and key; without drafts, nothing."""
    assert await changes(management) == []
    await account.save("plain", flow("Hello"), commit=note())
    await account.save("plain", flow("Bye", tags=["a"]))
    partial = {"name": "New", "type": "html", "content": "x"}
    await account.save("card", partial, kind=PARTIAL)

    card, plain = await changes(management)

    assert (card["resource"], card["is_new"]) == ({"type": "partial", "identifier": "card"}, True)
    assert {"field": "content", "change": "added", "after": "x"} in card["changes"]
    assert plain == {
        "resource": {"type": "workflow", "identifier": "plain"},
        "is_new": False,
        "changes": [
            {"field": "tags[0]", "change": "added", "after": "a"},
            {
                "field": "steps[0].template.markdown_body",
                "change": "changed",
                "before": "Hello",
                "after": "Bye",
            },
        ],
    }
    assert await changes(management, resource_type="partial") == [card]
    assert await changes(management, resource_type="workflow", resource_id="plain") == [plain]
    assert await changes(management, environment="production") == []


async def test_what_a_promotion_would_change(
    management: httpx.AsyncClient, account: Account
) -> None:
    """The target's published content is compared with the source's, drafts left out."""
    await ok(await management.put("/v1/commits/promote", params={"to_environment": "production"}))
    assert await changes(management, to_environment="production") == []
    await account.save("plain", flow("One"), commit=note())
    await ok(await management.put("/v1/commits/promote", params={"to_environment": "production"}))
    await account.save("plain", flow("Two"), commit=note())
    await account.save("plain", flow("Three"), commit=note())
    await account.save("plain", flow("Draft"))

    (entry,) = await changes(management, to_environment="production")

    assert entry["changes"] == [
        {
            "field": "steps[0].template.markdown_body",
            "change": "changed",
            "before": "One",
            "after": "Three",
        }
    ]


async def test_pages(management: httpx.AsyncClient, account: Account) -> None:
    """A page leads to the next one."""
    for key in ("flow-a", "flow-b", "flow-c"):
        await account.save(key, flow("x"))
    path = "/v1/admin/content/changes"
    first = await ok(await management.get(path, params={"limit": "2"}))
    after = first["page_info"]["after"]
    second = await ok(await management.get(path, params={"limit": "2", "after": after}))
    keys = [
        entry["resource"]["identifier"] for page in (first, second) for entry in page["entries"]
    ]
    assert keys == ["flow-a", "flow-b", "flow-c"]
    assert second["page_info"]["after"] is None


async def test_texts_are_compared_one_by_one(
    management: httpx.AsyncClient, account: Account
) -> None:
    """A translation is a file of texts; its changes are those of the texts."""
    for text in ("Hola", "Buenas"):
        content = {"content": f'{{"a": {{"b": "{text}"}}}}', "format": "json"}
        await account.save("es", content, kind=TRANSLATION, commit=note())
    commit_id = await newest(management, "es")
    found = await ok(await management.get(f"/v1/admin/commits/{commit_id}/changes"))
    assert found["changes"] == [
        {"field": "content.a.b", "change": "changed", "before": "Hola", "after": "Buenas"}
    ]


async def test_a_commit_is_taken_back(management: httpx.AsyncClient, account: Account) -> None:
    """What was there before is published again, by a commit that says so; twice is refused."""
    await account.save("plain", flow("One"), commit=note("First"))
    await account.save("plain", flow("Two"), commit=note("Second"))
    commit_id = await newest(management)
    found = await ok(await management.get(f"/v1/admin/commits/{commit_id}/changes"))
    assert [change["field"] for change in found["changes"]] == ["steps[0].template.markdown_body"]

    made = (await ok(await management.put(f"/v1/admin/commits/{commit_id}/revert")))["commit"]

    assert made["commit_message"] == "Revert Second"
    assert made["resource"] == {"type": "workflow", "identifier": "plain"}
    assert await published(management) == "One"
    assert (await ok(await management.get("/v1/workflows/plain")))["steps"][0]["template"] == {
        "markdown_body": "One"
    }
    again = await management.put(f"/v1/admin/commits/{commit_id}/revert")
    assert (again.status_code, again.json()["code"]) == (422, "commit_not_revertible")
    # The commit that took it back can be taken back.
    await ok(await management.put(f"/v1/admin/commits/{made['id']}/revert"))
    assert await published(management) == "Two"


async def test_taking_back_drops_the_draft_and_keeps_environments(
    management: httpx.AsyncClient, account: Account
) -> None:
    """What is edited goes too, or a commit would bring it again; other environments stay."""
    await account.save("plain", flow("One"), commit=note())
    await account.save("plain", flow("Two"), commit=note())
    await ok(await management.put("/v1/commits/promote", params={"to_environment": "production"}))
    await account.save("plain", flow("Draft"))
    commit_id = await newest(management)
    await ok(
        await management.put(
            f"/v1/admin/commits/{commit_id}/revert", params={"commit_message": "Back"}
        )
    )
    draft = await ok(await management.get("/v1/workflows/plain"))
    assert draft["steps"][0]["template"]["markdown_body"] == "One"
    assert await published(management) == "One"
    pending = await ok(await management.get("/v1/admin/content/changes"))
    assert pending["entries"] == []
    there = await ok(
        await management.get("/v1/workflows/plain", params={"environment": "production"})
    )
    assert there["steps"][0]["template"]["markdown_body"] == "Two"


async def test_what_was_promoted_is_taken_back_where_it_came_from(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Its copy is not, or the next promotion would bring what was taken back."""
    for name in ("One", "Two"):
        await account.save("plain", flow(name), commit=note())
        query = {"to_environment": "production"}
        await ok(await management.put("/v1/commits/promote", params=query))
    copies = await ok(await management.get("/v1/commits", params={"environment": "production"}))
    refused = await management.put(f"/v1/admin/commits/{copies['entries'][0]['id']}/revert")
    assert (refused.status_code, refused.json()["code"]) == (422, "commit_not_revertible")
    assert "development" in refused.json()["message"]


async def test_what_cannot_be_taken_back(management: httpx.AsyncClient, account: Account) -> None:
    """The first commit, one that refers to what is gone, and what is no commit."""
    await account.save("plain", flow("One"), commit=note())
    first = await newest(management)
    response = await management.put(f"/v1/admin/commits/{first}/revert")
    assert (response.status_code, response.json()["code"]) == (422, "commit_not_revertible")
    for unknown in ("nothing", "00000000-0000-0000-0000-000000000000"):
        for path in ("changes", "revert"):
            method = "GET" if path == "changes" else "PUT"
            response = await management.request(method, f"/v1/admin/commits/{unknown}/{path}")
            assert response.status_code == 404
    partial = {"name": "Card", "type": "html", "content": "x"}
    await account.save("card", partial, kind=PARTIAL, commit=note())
    await account.save("plain", flow("{% render 'card' %}"), commit=note())
    await account.save("plain", flow("Without"), commit=note())
    await ok(await management.delete("/v1/admin/content/partial/card"))
    response = await management.put(f"/v1/admin/commits/{await newest(management)}/revert")
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"].startswith("workflow.plain.steps[0]")
    assert await published(management) == "Without"


@pytest.mark.parametrize(
    ("resource_type", "key", "status"),
    [
        ("workflow", "welcome", 200),
        ("email_layout", "default", 200),
        ("workflow", "nothing", 404),
        ("broadcast", "welcome", 404),
    ],
)
async def test_archiving(
    management: httpx.AsyncClient, resource_type: str, key: str, status: int
) -> None:
    """Content is gone from every environment, and twice is not found."""
    path = f"/v1/admin/content/{resource_type}/{key}"
    response = await management.delete(path)
    assert response.status_code == status
    if status == 200:
        for environment in ("development", "production"):
            read = await management.get(
                f"/v1/{resource_type}s/{key}", params={"environment": environment}
            )
            assert read.status_code == 404
        assert (await management.delete(path)).status_code == 404


async def test_an_archived_workflow_ends_its_runs(account: Account) -> None:
    """A run of it ends at its next step, and it is triggered no more."""
    world = await account.world()
    await account.save("plain", flow("One"), commit=note())
    run_id = await world.begin("plain")
    await archive(account.engine, await account.scope(), "workflow", "plain")
    advanced = await world.walk(run_id)
    assert advanced.status == "completed"
    assert (await world.run(run_id))["end_reason"] == "workflow_inactive"
    assert await world.messages(run_id) == []


async def test_wrong_queries(management: httpx.AsyncClient) -> None:
    """An environment that is not there, or that nothing is promoted to, is refused."""
    path = "/v1/admin/content/changes"
    response = await management.get(path, params={"to_environment": "nowhere"})
    assert response.status_code == 404
    response = await management.get(path, params={"to_environment": "development"})
    assert response.json()["errors"][0]["field"] == "to_environment"
    response = await management.get(path, params={"resource_type": "nothing"})
    assert response.status_code == 422
