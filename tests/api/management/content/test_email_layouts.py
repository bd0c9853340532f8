"""E-mail layouts over HTTP, as the Management SDK and Knock's CLI call them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.account import Account, email_step, workflow

PATH = "/v1/email_layouts/brand"


def _layout(**changes: Any) -> JsonObject:
    return {
        "name": "Brand",
        "html_layout": "<html><body>{{ content }} {{ footer_links }}</body></html>",
        "text_layout": "{{ content }}",
        **changes,
    }


async def _put(
    client: httpx.AsyncClient, document: Any, path: str = PATH, **query: str
) -> httpx.Response:
    return await client.put(path, json={"email_layout": document}, params=query)


async def _ok(response: httpx.Response) -> JsonObject:
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


async def test_a_put_is_wrapped_and_a_get_is_not(management: httpx.AsyncClient) -> None:
    """Writes answer `{"email_layout": …}`, reads the layout itself, with what was left out."""
    links = [{"text": "Home", "url": "{{ vars.app_url }}"}]
    written = await _ok(await _put(management, _layout(footer_links=links)))
    read = await _ok(await management.get(PATH, params={"environment": "development"}))

    assert written == {"email_layout": read}
    assert (read["key"], read["name"], read["environment"]) == ("brand", "Brand", "development")
    assert (read["footer_links"], read["is_mjml"]) == (links, False)
    assert read["branding_overrides"] is None
    assert not {"active", "valid", "__annotation"} & set(read)


async def test_layouts_are_listed_by_key(management: httpx.AsyncClient) -> None:
    """The seeded layout stands in the list beside a draft, unless drafts are hidden."""
    await _ok(await _put(management, _layout()))

    every = await _ok(await management.get("/v1/email_layouts"))
    query = {"hide_uncommitted_changes": "true"}
    committed = await _ok(await management.get("/v1/email_layouts", params=query))

    assert [entry["key"] for entry in every["entries"]] == ["brand", "default"]
    assert [entry["key"] for entry in committed["entries"]] == ["default"]
    assert set(every["page_info"]) == {"after", "before", "page_size"}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (None, "email_layout"),
        (_layout(name=""), "name"),
        (_layout(html_layout="<html></html>"), "html_layout"),
        (_layout(text_layout="{{ content }} {{ oops"), "text_layout"),
        (_layout(html_layout="{{ content }} {% nope %}"), "html_layout"),
        (_layout(footer_links=[{"text": "x", "url": "{{"}]), "footer_links[0].url"),
        (_layout(is_mjml=True), "html_layout"),
    ],
)
async def test_a_broken_layout_names_its_field(
    management: httpx.AsyncClient, document: Any, field: str
) -> None:
    """Shape and Liquid are judged when a layout is saved or validated, and nothing is kept."""
    for path in (PATH, f"{PATH}/validate"):
        response = await _put(management, document, path)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]
    assert (await management.get(PATH)).status_code == 404


async def test_validate_answers_without_saving(management: httpx.AsyncClient) -> None:
    """A valid layout is answered; there is nothing to read afterwards."""
    body = await _ok(await _put(management, _layout(), f"{PATH}/validate"))

    assert body["email_layout"]["key"] == "brand"
    assert (await management.get(PATH)).status_code == 404


async def test_layouts_are_committed_and_promoted_like_workflows(
    management: httpx.AsyncClient,
) -> None:
    """A commit of a layout is listed by its type, and promotes to the next environment."""
    await _ok(await _put(management, _layout(), commit="true", commit_message="New"))
    query = {"resource_type": "email_layout", "resource_id": "brand"}
    (commit,) = (await _ok(await management.get("/v1/commits", params=query)))["entries"]
    await _ok(await management.put(f"/v1/commits/{commit['id']}/promote"))

    query = {"environment": "production", "hide_uncommitted_changes": "true"}
    there = await _ok(await management.get(PATH, params=query))
    assert (commit["commit_message"], there["environment"]) == ("New", "production")


async def test_a_workflow_becomes_valid_with_its_layout(management: httpx.AsyncClient) -> None:
    """A workflow that names a layout is committed once the layout is."""
    template = {"subject": "Hi", "html_body": "<p>", "settings": {"layout_key": "brand"}}
    document = {"workflow": workflow("Plain", email_step(template=template))}
    path, commit = "/v1/workflows/plain", {"commit": "true"}
    before = await _ok(await management.put(path, json=document))
    refused = await management.put(path, json=document, params=commit)
    await _ok(await _put(management, _layout()))
    still_refused = await management.put(path, json=document, params=commit)
    await _ok(await _put(management, _layout(), commit="true"))
    after = await _ok(await management.put(path, json=document, params=commit))

    assert (before["workflow"]["valid"], after["workflow"]["valid"]) == (False, True)
    for answer in (refused, still_refused):
        field = answer.json()["errors"][0]["field"]
        assert field == "steps[0].template.settings.layout_key"


async def test_what_the_cli_pulls_it_can_push(
    management: httpx.AsyncClient, account: Account
) -> None:
    """Annotations name the two sources as files, and what comes back changes nothing."""
    saved = await _ok(await _put(management, _layout()))
    pulled = await _ok(await management.get(PATH, params={"annotate": "true"}))
    note = pulled["__annotation"]

    assert note["extractable_fields"] == {
        "html_layout": {"default": True, "file_ext": "html"},
        "text_layout": {"default": True, "file_ext": "txt"},
    }
    read_only = ["key", "environment", "created_at", "updated_at", "sha"]
    assert sorted(note["readonly_fields"]) == sorted(read_only)
    pulled["html_layout@"] = "brand/html_layout.html"
    pushed = await _ok(await _put(management, pulled))
    assert pushed["email_layout"]["sha"] == saved["email_layout"]["sha"]


async def test_production_is_reached_by_promotion(management: httpx.AsyncClient) -> None:
    """Layouts are written in the first environment, unless forced."""
    refused = await _put(management, _layout(), environment="production")
    forced = await _put(management, _layout(), environment="production", force="true")

    assert (refused.status_code, forced.status_code) == (422, 200)
