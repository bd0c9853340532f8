"""Workflows change while runs are in flight: commit, promote, activate, over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import knockapi
import pytest
from knockapi import Knock

from tests.support.management import Management
from tests.support.runs import wait_for_messages, wait_for_run
from tests.support.steps import delay_step, feed_step


def rendered(knock: Knock, message_id: str) -> str:
    """Return the text of an in-app message."""
    content: Any = knock.messages.get_content(message_id).data
    return str(content.blocks[0].rendered).strip()


def test_run_in_flight_keeps_its_version(
    knock: Knock, management: Management, user_id: str
) -> None:
    """A commit during the delay changes the next trigger and not the run that waits."""
    management.save_workflow("e2e-pinned", delay_step(seconds=3), feed_step("old"))
    first = knock.workflows.trigger("e2e-pinned", recipients=[{"id": user_id}])
    wait_for_run(knock, first.workflow_run_id, user_id, "paused")
    management.save_workflow("e2e-pinned", feed_step("new", "feed_2"))
    second = knock.workflows.trigger("e2e-pinned", recipients=[user_id])
    (new,) = wait_for_messages(knock, second.workflow_run_id, "delivered")
    (old,) = wait_for_messages(knock, first.workflow_run_id, "delivered")
    assert rendered(knock, old.id) == "<p>old</p>"
    assert rendered(knock, new.id) == "<p>new</p>"
    assert old.source.version_id != new.source.version_id
    assert old.inserted_at > new.inserted_at


def test_uncommitted_changes_do_not_run(knock: Knock, management: Management, user_id: str) -> None:
    """A saved change waits for its commit; a workflow that was never committed is missing."""
    management.save_workflow("e2e-draft", feed_step("draft"), commit=False)
    with pytest.raises(knockapi.NotFoundError) as missing:
        knock.workflows.trigger("e2e-draft", recipients=[{"id": user_id}])
    assert missing.value.body["code"] == "workflow_missing"  # type: ignore[index]
    management.put("/v1/commits", environment="development", commit_message="All of it")
    management.save_workflow("e2e-draft", feed_step("later"), commit=False)
    answer = knock.workflows.trigger("e2e-draft", recipients=[{"id": user_id}])
    (message,) = wait_for_messages(knock, answer.workflow_run_id, "delivered")
    assert rendered(knock, message.id) == "<p>draft</p>"


def test_promotion_brings_a_workflow_to_production(
    production: Knock, management: Management, user_id: str
) -> None:
    """Production runs what was promoted to it, and later commits only after their promotion."""
    management.save_workflow("e2e-promoted", feed_step("one"))
    with pytest.raises(knockapi.NotFoundError):
        production.workflows.trigger("e2e-promoted", recipients=[{"id": user_id}])
    management.put("/v1/commits/promote", to_environment="production")
    management.save_workflow("e2e-promoted", feed_step("two"))
    one = production.workflows.trigger("e2e-promoted", recipients=[{"id": user_id}])
    (message,) = wait_for_messages(production, one.workflow_run_id, "delivered")
    assert rendered(production, message.id) == "<p>one</p>"
    (commit, *_) = management.http.get(
        "/v1/commits",
        params={"environment": "development", "resource_type": "workflow", "promoted": "false"},
    ).json()["entries"]
    assert commit["resource"] == {"type": "workflow", "identifier": "e2e-promoted"}
    management.put(f"/v1/commits/{commit['id']}/promote")
    two = production.workflows.trigger("e2e-promoted", recipients=[user_id])
    (message,) = wait_for_messages(production, two.workflow_run_id, "delivered")
    assert rendered(production, message.id) == "<p>two</p>"


def test_inactive_workflow_refuses_triggers(
    knock: Knock, management: Management, user_id: str
) -> None:
    """A workflow that is switched off refuses triggers until it is on again, commit or not."""
    management.save_workflow("e2e-switch", feed_step())
    path = "/v1/workflows/e2e-switch/activate"
    management.put(path, {"status": False}, environment="development")
    with pytest.raises(knockapi.UnprocessableEntityError) as refused:
        knock.workflows.trigger("e2e-switch", recipients=[{"id": user_id}])
    assert refused.value.body["code"] == "workflow_inactive"  # type: ignore[index]
    management.put(path, {"status": True}, environment="development")
    answer = knock.workflows.trigger("e2e-switch", recipients=[{"id": user_id}])
    wait_for_messages(knock, answer.workflow_run_id, "delivered")


def test_management_run_and_credentials(
    knock: Knock, http: httpx.Client, management: Management, user_id: str
) -> None:
    """The service token rehearses a workflow; each face refuses the other's credential."""
    management.save_workflow("e2e-rehearsed", feed_step("{{ data.n }}"))
    answer = management.put(
        "/v1/workflows/e2e-rehearsed/run",
        {"recipients": [{"id": user_id}], "data": {"n": 7}},
        environment="development",
    )
    (message,) = wait_for_messages(knock, answer["workflow_run_id"], "delivered")
    assert rendered(knock, message.id) == "<p>7</p>"
    assert management.http.get("/v1/whoami").status_code == 200
    for refused in (http.get("/v1/whoami"), management.http.get("/v1/messages")):
        assert (refused.status_code, refused.json()["code"]) == (401, "incorrect_token_type")
