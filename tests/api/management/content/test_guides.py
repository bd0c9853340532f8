"""Guides over HTTP, as the Management SDK and Knock's CLI call them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.channels.in_app_guide import GUIDE_PROVIDER
from domain.kit.json_types import JsonObject
from tests.support.account import Account
from tests.support.guides import guide, guide_step

PATH = "/v1/guides/tour"
PATTERNS = "activation_url_patterns"


def _tour(*steps: JsonObject, **changes: Any) -> JsonObject:
    return guide(*steps, channel_key="in-app-guide", **changes)


async def _put(
    client: httpx.AsyncClient, document: Any, path: str = PATH, **query: str
) -> httpx.Response:
    return await client.put(path, json={"guide": document}, params=query)


async def _ok(response: httpx.Response) -> JsonObject:
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


async def test_from_draft_to_production(management: httpx.AsyncClient) -> None:
    """It is committed and promoted, and switched on in each environment by itself."""
    written = await _ok(await _put(management, _tour(description="Round"), commit="true"))
    read = await _ok(await management.get(PATH))
    assert written == {"guide": read}
    assert (read["type"], read["active"], read["valid"]) == ("banner", False, True)
    switched = await _ok(await management.put(f"{PATH}/activate", json={"status": True}))
    assert switched["guide"]["active"]
    await _ok(await management.put("/v1/commits/promote", params={"to_environment": "production"}))
    there = {"environment": "production"}
    promoted = await _ok(await management.get(PATH, params=there))
    assert (promoted["description"], promoted["active"]) == ("Round", False)


async def test_the_cli_keeps_what_follows_from_the_steps(management: httpx.AsyncClient) -> None:
    """Type and version stand in the file beside what was written, as in those that Knock pulls."""
    await _ok(await _put(management, _tour(type="other", semver="9.9.9")))

    read = await _ok(await management.get(PATH, params={"annotate": "true"}))

    assert (read["type"], read["semver"]) == ("banner", "0.0.1")
    read_only = read["__annotation"]["readonly_fields"]
    assert {"active", "valid", "sha"} <= set(read_only)
    assert {"type", "semver"}.isdisjoint(read_only)


async def test_switched_on_for_some_time(management: httpx.AsyncClient) -> None:
    """From and until are kept, in the body or in the query; a plain switch takes them back."""
    await _ok(await _put(management, _tour()))
    times = {"from": "2030-01-01T00:00:00Z", "until": "2030-01-02T00:00:00Z"}
    for request in ({"json": times}, {"json": {}, "params": times}):
        body = await _ok(await management.put(f"{PATH}/activate", **request))
        assert body["guide"]["active_from"].startswith("2030-01-01")
        assert body["guide"]["active_until"].startswith("2030-01-02")
    off = await _ok(await management.put(f"{PATH}/activate", json={}, params={"status": "false"}))
    assert not off["guide"]["active"]
    assert "active_from" not in off["guide"]
    turned = {"from": times["until"], "until": times["from"]}
    for request in ({"json": turned}, {"params": turned}, {"params": {"until": "soon"}}):
        assert (await management.put(f"{PATH}/activate", **request)).status_code == 422


async def test_it_is_archived(management: httpx.AsyncClient) -> None:
    """An archived guide is gone, and its key is not free again."""
    await _ok(await _put(management, _tour()))
    assert (await _ok(await management.delete(PATH))) == {"result": "success"}
    assert (await management.get(PATH)).status_code == 404
    assert (await _put(management, _tour())).status_code == 404


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (None, "guide"),
        (_tour(name=""), "name"),
        (guide(channel_key=7), "channel_key"),
        (_tour({**guide_step(), "schema_key": "nobodys", "schema_semver": None}),
         "steps[0].schema_semver"),
        (_tour(guide_step("x")), "steps[0].ref"),
        (_tour(guide_step(), guide_step()), "steps"),
        (_tour(guide_step(title="{{ oops")), "steps[0].values.title"),
        (
            _tour(activation_url_patterns=[{"directive": "x"}]),
            f"{PATTERNS}[0].directive",
        ),
        (_tour(goal_attachment={"goal_key": ""}), "goal_attachment.goal_key"),
    ],
)  # fmt: skip
async def test_a_broken_one_names_its_field(
    management: httpx.AsyncClient, document: Any, field: str
) -> None:
    """It is judged when it is saved or validated, and nothing is kept."""
    for path in (PATH, f"{PATH}/validate"):
        response = await _put(management, document, path)
        assert response.status_code == 422
        assert [error["field"] for error in response.json()["errors"]] == [field]
    assert (await management.get(PATH)).status_code == 404


async def test_what_it_refers_to(management: httpx.AsyncClient) -> None:
    """A channel of another type, and an unknown audience, are saved as not valid."""
    saved = await _ok(await _put(management, guide(channel_key="in-app")))
    assert not saved["guide"]["valid"]
    saved = await _ok(await _put(management, _tour(target_audience_key="nobody")))
    assert not saved["guide"]["valid"]
    refused = await _put(management, _tour(target_audience_key="nobody"), commit="true")
    assert [error["field"] for error in refused.json()["errors"]] == ["target_audience_key"]


_TITLE = {"type": "text", "key": "title", "label": "T", "settings": {"required": True}}
_SIZE = {"type": "number", "key": "size", "label": "S", "settings": {"max": 3}}


async def _banner(
    client: httpx.AsyncClient, *fields: JsonObject, semver: str = "0.0.1", **query: str
) -> None:
    variants = [{"key": "default", "name": "Default", "fields": [*fields]}]
    document = {"name": "Banner", "preview": "", "semver": semver, "variants": variants}
    body = {"message_type": document}
    await _ok(await client.put("/v1/message_types/banner", json=body, params=query))


def _places(response: httpx.Response) -> list[str]:
    assert response.status_code == 422, response.text
    return [error["field"] for error in response.json()["errors"]]


async def test_values_fit_the_message_type(management: httpx.AsyncClient) -> None:
    """Whoever validates hears all that does not; saved it is not valid, and is not committed."""
    await _banner(management, _TITLE, _SIZE, commit="true")
    wrong = _tour(guide_step(size=7))
    validated = await management.put(f"{PATH}/validate", json={"guide": wrong})
    assert _places(validated) == ["steps[0].values.title", "steps[0].values.size"]
    assert (await _ok(await _put(management, wrong)))["guide"]["valid"] is False
    assert _places(await _put(management, wrong, commit="true")) == [
        "steps[0].values.title",
        "steps[0].values.size",
    ]
    committed = await management.put("/v1/commits", params={"resource_type": "guide"})
    assert committed.status_code == 422
    right = _tour(guide_step(title="{{ recipient.name }}", size=3))
    assert (await _ok(await _put(management, right, commit="true")))["guide"]["valid"] is True


async def test_a_variant_has_to_be_there(management: httpx.AsyncClient) -> None:
    """It says which fields a step has."""
    await _banner(management, _TITLE)
    step = {**guide_step(title="A"), "schema_variant_key": "wide"}
    validated = await management.put(f"{PATH}/validate", json={"guide": _tour(step)})
    assert _places(validated) == ["steps[0].schema_variant_key"]


async def test_what_is_committed_counts_for_a_commit(management: httpx.AsyncClient) -> None:
    """A draft of the message type is judged by while the guide is a draft itself."""
    await _banner(management, _TITLE, commit="true")
    await _banner(management, {**_SIZE, "settings": {"required": True}})
    guide_of_old, guide_of_new = _tour(guide_step(title="A")), _tour(guide_step(size=1))
    assert (await _ok(await _put(management, guide_of_new)))["guide"]["valid"] is True
    assert _places(await _put(management, guide_of_new, commit="true")) == ["steps[0].values.title"]
    await _ok(await _put(management, guide_of_old, commit="true"))
    # Both at once go together.
    await _ok(await _put(management, guide_of_new))
    await _ok(await management.put("/v1/commits", params={}, json={}))


async def test_other_versions_and_unknown_types_are_not_judged(
    management: httpx.AsyncClient,
) -> None:
    """Forms of the past, and types that nobody has saved, are in the application alone."""
    await _banner(management, _TITLE)
    older = {**guide_step(size=7), "schema_semver": "0.0.0"}
    unknown = {**guide_step("step_2", size=7), "schema_key": "of-the-application"}
    written = await _ok(await _put(management, _tour(older, unknown), commit="true"))
    assert written["guide"]["valid"] is True


async def test_what_knocks_cli_leaves_out(management: httpx.AsyncClient, account: Account) -> None:
    """The only channel for guides, and the version of the message type as it is saved."""
    await _banner(management, _TITLE, semver="0.0.7")
    plain = {"ref": "step_1", "schema_key": "banner", "schema_variant_key": "default"}
    written = {"name": "Tour", "steps": [{**plain, "values": {"title": "Hi"}}]}
    validated = await management.put(f"{PATH}/validate", json={"guide": written})
    saved = await _put(management, written, commit="true")
    for response in (validated, saved):
        made = (await _ok(response))["guide"]
        assert (made["channel_key"], made["semver"], made["valid"]) == (
            "in-app-guide", "0.0.7", True,
        )  # fmt: skip
    await account.make.channel("in_app_guide", key="second-guides", provider=GUIDE_PROVIDER)
    assert _places(await _put(management, written)) == ["channel_key"]


async def test_strict_tenancy_is_said_where_it_is_wanted(management: httpx.AsyncClient) -> None:
    """It is ours: a guide that says nothing of it, or `false`, is one as Knock writes it."""
    plain = (await _ok(await _put(management, _tour())))["guide"]
    assert "strict_tenancy" not in plain
    lax = (await _ok(await _put(management, _tour(strict_tenancy=False))))["guide"]
    assert (lax["sha"], "strict_tenancy" in lax) == (plain["sha"], False)
    strict = (await _ok(await _put(management, _tour(strict_tenancy=True))))["guide"]
    assert strict["strict_tenancy"] is True
    wrong = await management.put(PATH, json={"guide": _tour(strict_tenancy="yes")})
    assert _places(wrong) == ["strict_tenancy"]


async def test_a_scope_is_said_where_it_is_per_tenant(management: httpx.AsyncClient) -> None:
    """It is ours: a guide that says nothing of it, or `global`, is one as Knock writes it."""
    plain = (await _ok(await _put(management, _tour())))["guide"]
    assert "scope" not in plain
    for said in ("global", None):
        same = (await _ok(await _put(management, _tour(scope=said))))["guide"]
        assert (same["sha"], "scope" in same) == (plain["sha"], False)
    scoped = (await _ok(await _put(management, _tour(scope="per_tenant"))))["guide"]
    assert scoped["scope"] == "per_tenant"
    for wrong in ("tenant", ["global"], True):
        refused = await management.put(PATH, json={"guide": _tour(scope=wrong)})
        assert _places(refused) == ["scope"]


async def test_the_schema_of_values_when_it_is_asked_for(management: httpx.AsyncClient) -> None:
    """Each step has that of its variant; one of another version, or of no type here, has none."""
    await _banner(management, _TITLE)
    older = {**guide_step("step_2"), "schema_semver": "0.0.0"}
    await _ok(await _put(management, _tour(guide_step(title="A"), older)))

    plain = await _ok(await management.get("/v1/guides"))
    listed = await _ok(await management.get("/v1/guides", params={"include_json_schema": "true"}))

    assert "json_schema" not in plain["entries"][0]["steps"][0]
    first, second = listed["entries"][0]["steps"]
    assert first["json_schema"]["properties"] == {"title": {"description": "T", "type": "string"}}
    assert first["json_schema"]["required"] == ["title"]
    assert "json_schema" not in second


@pytest.mark.parametrize("path", [PATH, "/v1/admin/content/guide/tour"])
async def test_a_guide_of_production_alone_is_archived(
    management: httpx.AsyncClient, path: str
) -> None:
    """Archiving names no environment, and is done in all of them; none has it after that."""
    there = {"environment": "production"}
    await _ok(await _put(management, _tour(), **there, force="true"))
    assert (await management.delete(path, params={"environment": "development"})).status_code == 404

    await _ok(await management.delete(path))

    assert (await management.get(PATH, params=there)).status_code == 404
    assert (await management.delete(path)).status_code == 404
