"""Partials over HTTP, and content that refers to them."""

from __future__ import annotations

from typing import Any

import httpx

from domain.kit.json_types import JsonObject
from tests.support.account import Account, email_step, workflow

PATH = "/v1/partials/card"


def _partial(**changes: Any) -> JsonObject:
    return {"name": "Card", "type": "html", "content": "<p>{{ title }}</p>", **changes}


async def _put(
    client: httpx.AsyncClient, document: Any, path: str = PATH, **query: str
) -> httpx.Response:
    return await client.put(path, json={"partial": document}, params=query)


async def _ok(response: httpx.Response) -> JsonObject:
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


async def test_a_partial_is_saved_committed_and_read(management: httpx.AsyncClient) -> None:
    """Drafts stay hidden when asked; a commit shows them; what the CLI pulls it can push."""
    fields = [{"type": "text", "key": "title", "label": "Title", "settings": {"default": "x"}}]
    draft = (await _ok(await _put(management, _partial(input_schema=fields))))["partial"]
    hide = {"hide_uncommitted_changes": "true"}
    hidden = await management.get(PATH, params=hide)
    await _ok(await _put(management, _partial(input_schema=fields), commit="true"))
    pulled = await _ok(await management.get(PATH, params={"annotate": "true", **hide}))
    pushed = (await _ok(await _put(management, {**pulled, "content@": "c.html"})))["partial"]

    assert hidden.status_code == 404
    assert (draft["valid"], draft["type"], draft["input_schema"]) == (True, "html", fields)
    note = pulled["__annotation"]
    assert note["extractable_fields"] == {"content": {"default": True, "file_ext": "html"}}
    assert "valid" in note["readonly_fields"]
    assert pushed["sha"] == draft["sha"]
    listed = await _ok(await management.get("/v1/partials"))
    assert [entry["key"] for entry in listed["entries"]] == ["card"]


async def test_broken_liquid_and_another_type_are_refused(management: httpx.AsyncClient) -> None:
    """The line of what is broken is told; a partial keeps its type."""
    broken = await _put(management, _partial(content="<p>\n{% nope %}</p>"))
    await _ok(await _put(management, _partial()))
    turned = await _put(management, _partial(type="text"))

    assert broken.json()["errors"][0]["field"] == "content"
    assert "line 2" in broken.json()["errors"][0]["message"]
    assert [error["field"] for error in turned.json()["errors"]] == ["type"]


async def test_content_that_renders_an_unknown_partial_is_not_committed(
    management: httpx.AsyncClient, account: Account
) -> None:
    """It is saved as not valid, and committed once the partial is; blocks and Liquid alike."""
    template = {
        "subject": "{% render 'card', title: 'Hi' %}",
        "visual_blocks": [{"type": "partial", "key": "card", "name": "Card", "attrs": {}}],
        "settings": {"layout_key": "default"},
    }
    document = {"workflow": workflow("Flow", email_step(template=template))}
    path = "/v1/workflows/flow"
    saved = await _ok(await management.put(path, json=document))
    refused = await management.put(path, json=document, params={"commit": "true"})
    await _ok(await _put(management, _partial()))
    still = await management.put(path, json=document, params={"commit": "true"})
    await _ok(await _put(management, _partial(), commit="true"))
    done = await _ok(await management.put(path, json=document, params={"commit": "true"}))

    assert (saved["workflow"]["valid"], done["workflow"]["valid"]) == (False, True)
    for answer in (refused, still):
        assert [error["field"] for error in answer.json()["errors"]] == [
            "steps[0].template.visual_blocks[0].key",
            "steps[0].template.subject",
        ]


async def test_a_commit_takes_effect_in_every_message_at_once(
    management: httpx.AsyncClient, account: Account
) -> None:
    """A message renders the partial as it is published now, not as it was at the trigger."""
    await _ok(await _put(management, _partial(), commit="true"))
    world = await account.world()
    template = {
        "subject": "{% render 'card', title: recipient.name %}",
        "html_body": "x",
        "settings": {},
    }
    await world.publish("flow", email_step(template=template))
    run_id = await world.begin("flow")
    await _ok(await _put(management, _partial(content="New {{ title }}"), commit="true"))
    await world.walk(run_id)
    (message,) = await world.messages(run_id)
    assert message["content"]["subject_line"] == "New Ellie"


async def test_partials_that_render_each_other_are_pushed_in_any_order(
    management: httpx.AsyncClient,
) -> None:
    """One that renders what comes later is taken, not valid until then; a commit of all is not."""
    outer, path = _partial(content="{% render 'inner' %}"), "/v1/partials/outer"
    validated = await _ok(await management.put(f"{path}/validate", json={"partial": outer}))
    assert not validated["partial"]["valid"]
    assert not (await _ok(await _put(management, outer, path, commit="true")))["partial"]["valid"]

    await _ok(await _put(management, {**outer, "name": "Other"}, path))
    refused = await management.put("/v1/commits", json={})
    promoted = await management.put(
        "/v1/commits/promote", params={"to_environment": "production"}, json={}
    )
    for answer in (refused, promoted):
        assert answer.status_code == 422, answer.text
        assert [each["field"] for each in answer.json()["errors"]] == ["partial.outer.content"]

    await _ok(await _put(management, _partial(), "/v1/partials/inner", commit="true"))
    await _ok(await management.put("/v1/commits", json={}))
    assert (await _ok(await management.get(path)))["valid"]
