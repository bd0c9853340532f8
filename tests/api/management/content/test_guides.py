"""Guides over HTTP, as the Management SDK and Knock's CLI call them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.kit.json_types import JsonObject
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
        (guide(channel_key=None), "channel_key"),
        (_tour(guide_step("x")), "steps[0].ref"),
        (_tour(guide_step(), guide_step()), "steps"),
        (_tour(guide_step(title="{{ oops")), "steps[0].values.title"),
        (
            _tour(activation_url_patterns=[{"directive": "x"}]),
            f"{PATTERNS}[0].directive",
        ),
        (_tour(goal_attachment={"goal_key": ""}), "goal_attachment.goal_key"),
    ],
)
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
