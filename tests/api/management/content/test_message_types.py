"""Message types over HTTP, as the Management SDK and Knock's CLI call them."""

from __future__ import annotations

from typing import Any

import httpx

from domain.kit.json_types import JsonObject

PATH = "/v1/message_types/banner"


def _document(**changes: Any) -> JsonObject:
    field = {"type": "text", "key": "title", "label": "Title", "settings": {"default": "x"}}
    variant = {"key": "default", "name": "Default", "fields": [field]}
    return {
        "name": "Banner",
        "description": None,
        "preview": "<b>{{ title }}</b>",
        "variants": [variant],
        **changes,
    }


async def _put(
    client: httpx.AsyncClient, document: Any, path: str = PATH, **query: str
) -> httpx.Response:
    return await client.put(path, json={"message_type": document}, params=query)


async def test_a_message_type_is_saved_committed_and_pulled(management: httpx.AsyncClient) -> None:
    """What the CLI pulls it can push without a change; a commit is listed under its type."""
    saved = (await _put(management, _document(), commit="true")).json()["message_type"]
    pulled = (await management.get(PATH, params={"annotate": "true"})).json()
    pushed = (await _put(management, {**pulled, "preview@": "preview.html"})).json()
    listed = (await management.get("/v1/message_types")).json()["entries"]
    commits = (await management.get("/v1/commits", params={"resource_id": "banner"})).json()

    assert (saved["owner"], saved["semver"], saved["valid"]) == ("user", "0.0.1", True)
    assert saved["variants"] == _document()["variants"]
    assert set(pulled["__annotation"]["readonly_fields"]) >= {"key", "valid", "owner", "sha"}
    assert pulled["__annotation"]["extractable_fields"] == {
        "preview": {"default": True, "file_ext": "html"}
    }
    assert pushed["message_type"]["sha"] == saved["sha"]
    owners = {entry["key"]: entry["owner"] for entry in listed}
    assert owners == {"banner": "user", "card": "system", "modal": "system"}
    assert commits["entries"][0]["resource"] == {"type": "message_type", "identifier": "banner"}


async def test_a_broken_message_type_names_its_places(management: httpx.AsyncClient) -> None:
    """Shape and Liquid are judged together; nothing is kept."""
    document = _document(preview="{{ x", variants=[])
    for path in (PATH, f"{PATH}/validate"):
        response = await _put(management, document, path)
        assert [error["field"] for error in response.json()["errors"]] == ["variants", "preview"]
    assert (await management.get(PATH)).json()["owner"] == "system"


async def test_what_is_there_from_the_start(management: httpx.AsyncClient) -> None:
    """A push of what was pulled leaves it the system's; whatever differs is the account's own."""
    for environment in ("development", "production"):
        query = {"environment": environment}
        pulled = (await management.get(PATH, params={**query, "annotate": "true"})).json()
        assert (pulled["owner"], pulled["valid"], pulled["environment"]) == (
            "system", True, environment,
        )  # fmt: skip
    pushed = (await _put(management, pulled, commit="true")).json()["message_type"]
    assert (pushed["owner"], pushed["sha"]) == ("system", pulled["sha"])
    assert (await management.get("/v1/commits", params={"resource_id": "banner"})).json()[
        "entries"
    ] == []
    changed = (await _put(management, {**pulled, "name": "Ribbon"})).json()["message_type"]
    assert changed["owner"] == "user"
