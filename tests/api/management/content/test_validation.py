"""What validating and committing content refuse, and what may come later."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from domain.kit.json_types import JsonObject
from tests.support.account import email_step, feed_step, workflow
from tests.support.guides import guide
from tests.support.steps import (
    branch,
    branch_step,
    fetch_step,
    message_event,
    trigger_step,
    wait_step,
    when,
)

PATH = "/v1/workflows/plain"
_TOUR = {
    "type": "channel",
    "ref": "tour",
    "channel_type": "in_app_guide",
    "channel_key": "in-app-guide",
    "guide_key": "later",
}


async def _put(client: httpx.AsyncClient, document: Any, **query: Any) -> httpx.Response:
    return await client.put(PATH, json={"workflow": document}, params=query)


async def _ok(response: httpx.Response) -> JsonObject:
    assert response.status_code == 200, response.text
    body: JsonObject = response.json()
    return body


@pytest.mark.parametrize(
    ("step", "place", "later"),
    [
        (
            _TOUR,
            "steps[0].guide_key",
            "guide",
        ),
        (trigger_step("later"), "steps[0].settings.workflow_key", "workflow"),
        (
            wait_step(message_event("read", "later"), when("event.x", "exists")),
            "steps[0].settings.event.source_key",
            "workflow",
        ),
        (
            wait_step({"event_type": "integration_source", "event_key": "paid",
                       "integration_source_key": "later"}),
            "steps[0].settings.event.integration_source_key",
            "source",
        ),
    ],
)  # fmt: skip
async def test_what_comes_later_may_be_referred_to(
    management: httpx.AsyncClient, step: JsonObject, place: str, later: str
) -> None:
    """It is validated, saved and committed by itself as not valid; committing all refuses it."""
    document = workflow("Plain", step)
    body = {"workflow": document}
    validated = await _ok(await management.put(f"{PATH}/validate", json=body))
    committed = await _ok(await _put(management, document, commit="true"))
    assert (validated["workflow"]["valid"], committed["workflow"]["valid"]) == (False, False)

    await _ok(await _put(management, {**document, "name": "Other"}))
    refused = await management.put("/v1/commits", json={})
    assert refused.status_code == 422, refused.text
    assert [each["field"] for each in refused.json()["errors"]] == [f"workflow.plain.{place}"]

    documents = {"guide": guide(channel_key="in-app-guide"), "workflow": workflow()}
    if later == "source":
        source = {"name": "Later"}
        await _ok(await management.put("/v1/sources/later", json={"source": source}))
    else:
        await _ok(await management.put(f"/v1/{later}s/later", json={later: documents[later]}))
    await _ok(await management.put("/v1/commits", json={}))
    assert (await _ok(await management.get(PATH)))["valid"]


async def test_a_workflow_that_a_run_names_is_not_looked_for(
    management: httpx.AsyncClient,
) -> None:
    """A key with Liquid in it is known when the step is taken."""
    document = workflow("Plain", trigger_step("{{ data.next }}"))
    assert (await _ok(await _put(management, document, commit="true")))["workflow"]["valid"]


_WINDOW = [{"day": "someday", "type": "send"}]


@pytest.mark.parametrize(
    ("step", "places"),
    [
        (
            email_step(
                channel_key="nowhere",
                template={
                    "subject": "Hi",
                    "html_body": "{{ oops",
                    "settings": {"layout_key": "none"},
                },
            ),
            ["channel_key", "template.html_body", "template.settings.layout_key"],
        ),
        (
            email_step("{{ a | nofilter }}", channel_key="nowhere", send_windows=_WINDOW),
            ["channel_key", "send_windows[0].day", "template.subject"],
        ),
        (
            {**email_step("{{ a | nofilter }}", channel_key="nowhere"), "channel_type": None},
            ["channel_key", "template.subject"],
        ),
        (email_step("{{ oops", ref="no such ref"), ["ref", "template.subject"]),
        (
            fetch_step(method="fly", url="{{ oops"),
            ["settings.method", "settings.url"],
        ),
        (
            branch_step(
                "fork",
                branch("A", feed_step("{{ oops"), conditions={"all": 5}),
                branch("Default"),
            ),
            ["branches[0].conditions.all", "branches[0].steps[0].template.markdown_body"],
        ),
    ],
)
async def test_one_answer_tells_all_that_is_wrong(
    management: httpx.AsyncClient, step: JsonObject, places: list[str]
) -> None:
    """Structure, Liquid and references are judged together, whatever else is wrong in the step."""
    document = workflow("Plain", step)
    expected = sorted(f"steps[0].{place}" for place in places)
    validated = await management.put(f"{PATH}/validate", json={"workflow": document})
    for answer in (validated, await _put(management, document, commit="true")):
        assert answer.status_code == 422
        assert sorted(each["field"] for each in answer.json()["errors"]) == expected


async def test_an_audience_need_not_be_committed_first(management: httpx.AsyncClient) -> None:
    """Knock's CLI commits none with `--commit`; one that was never saved is missed at once."""
    document = workflow(audience_trigger={"audience_key": "vips"})
    missed = await _put(management, document, commit="true")
    assert [each["field"] for each in missed.json()["errors"]] == ["audience_trigger.audience_key"]

    conditions = [{"property": "plan", "operator": "equal_to", "argument": "pro"}]
    audience = {"name": "VIPs", "type": "dynamic", "segments": [{"conditions": conditions}]}
    await _ok(await management.put("/v1/audiences/vips", json={"audience": audience}))
    await _ok(await _put(management, document, commit="true"))

    await _ok(await _put(management, {**document, "name": "Other"}))
    alone = await management.put("/v1/commits", params={"resource_type": "workflow"}, json={})
    assert alone.status_code == 422
    await _ok(await management.put("/v1/commits", json={}))
