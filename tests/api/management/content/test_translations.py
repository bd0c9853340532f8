"""Translations over HTTP, and runs that are written in the recipient's language."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.account import Account, feed_step


async def _put(
    client: httpx.AsyncClient, locale: str, texts: Any, *, written: str = "json", **query: str
) -> httpx.Response:
    content = texts if isinstance(texts, str) else json.dumps(texts)
    body = {"translation": {"content": content, "format": written}}
    return await client.put(f"/v1/translations/{locale}", json=body, params=query)


async def _ok(response: httpx.Response) -> JsonObject:
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


async def test_a_translation_is_named_by_locale_namespace_and_tenant(
    management: httpx.AsyncClient,
) -> None:
    """Each of them is one of its own; reading answers it bare and wrapped."""
    for query in ({}, {"namespace": "admin"}, {"namespace": "admin", "tenant": "acme"}):
        await _ok(await _put(management, "en", {"at": str(query)}, **query))
    read = await _ok(
        await management.get("/v1/translations/en", params={"namespace": "admin", "tenant": "acme"})
    )
    plain = await _ok(await management.get("/v1/translations/en", params={"namespace": ""}))

    assert (read["locale_code"], read["namespace"], read["tenant"]) == ("en", "admin", "acme")
    assert read["translation"] == {name: read[name] for name in read["translation"]}
    assert json.loads(plain["content"]) == {"at": "{}"}
    assert "tenant" not in plain
    assert (await management.get("/v1/translations/de")).status_code == 404


async def test_lists_are_filtered_by_each_part(management: httpx.AsyncClient) -> None:
    """Filters take a part exactly; an empty one asks for those without."""
    for locale, query in (
        ("en", {}),
        ("en", {"namespace": "admin"}),
        ("es", {"tenant": "acme"}),
        ("es-MX", {}),
    ):
        await _ok(await _put(management, locale, {}, **query))

    async def found(**filters: str) -> list[tuple[str, str, str | None]]:
        listed = await _ok(await management.get("/v1/translations", params=filters))
        return [
            (one["locale_code"], one["namespace"], one.get("tenant")) for one in listed["entries"]
        ]

    assert len(await found()) == 4
    assert await found(locale_code="es") == [("es", "", "acme")]
    assert await found(namespace="admin") == [("en", "admin", None)]
    assert await found(tenant="acme") == [("es", "", "acme")]
    assert await found(hide_uncommitted_changes="true") == []


async def test_texts_are_answered_as_json_or_po(management: httpx.AsyncClient) -> None:
    """Reading converts; a write answers what was written."""
    source = 'msgid "Hello"\nmsgstr "Hola"\n'
    written = await _ok(await _put(management, "es", source, written="po"))
    as_json = await _ok(await management.get("/v1/translations/es"))
    as_po = await _ok(await management.get("/v1/translations/es", params={"format": "po"}))

    assert (written["translation"]["format"], written["translation"]["content"]) == ("po", source)
    assert (as_json["format"], json.loads(as_json["content"])) == ("json", {"Hello": "Hola"})
    assert as_po["content"] == source


@pytest.mark.parametrize(
    ("locale", "texts", "field"),
    [
        ("e", {}, "locale_code"),
        ("en", "{", "content"),
        ("en", {"a": {"b": "{{ nope"}}, "content.a.b"),
        ("en", {"a": 5}, "content.a"),
    ],
)
async def test_a_broken_translation_names_its_place(
    management: httpx.AsyncClient, locale: str, texts: Any, field: str
) -> None:
    """A save and a validation refuse it alike, and nothing is kept."""
    for path in (locale, f"{locale}/validate"):
        response = await _put(management, path, texts)
        assert [error["field"] for error in response.json()["errors"]] == [field]
    assert (await _ok(await management.get("/v1/translations")))["entries"] == []


async def test_committed_texts_reach_messages_and_promotion(
    management: httpx.AsyncClient, account: Account
) -> None:
    """A run is written in its recipient's locale by what is committed, in its tenant's words."""
    await _ok(await _put(management, "en", {"hi": "Hi {{ name }}"}, commit="true"))
    await _ok(await _put(management, "fr", {"hi": "Salut {{ name }}"}, commit="true"))
    await _ok(await _put(management, "fr", {"hi": "Acme {{ name }}"}, commit="true", tenant="acme"))
    world = await account.world()
    step = feed_step("{{ 'hi' | t: name: recipient.name }}")

    async def shown(locale: str | None, **trigger: Any) -> str:
        person = {"id": "ada", "name": "Ada", "locale": locale}
        run_id, _ = await world.send(step, recipients=[person], **trigger)
        (message,) = await world.messages(run_id)
        return str(message["content"]["blocks"][0]["rendered"]).strip()

    assert await shown("fr-CA") == "<p>Salut Ada</p>"
    assert await shown(None) == "<p>Hi Ada</p>"
    assert await shown("fr", tenant="acme") == "<p>Acme Ada</p>"
    listed = await _ok(await management.get("/v1/commits", params={"resource_id": "fr~acme"}))
    assert [one["resource"] for one in listed["entries"]] == [
        {"type": "translation", "identifier": "fr~acme"}
    ]
    await _ok(await management.put("/v1/commits/promote", params={"to_environment": "production"}))
    copied = await management.get("/v1/translations/fr", params={"environment": "production"})
    assert json.loads(copied.json()["content"]) == {"hi": "Salut {{ name }}"}
