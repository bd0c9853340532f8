"""Function steps on a whole stack, through the SDK."""

from __future__ import annotations

import asyncio

import pytest
from knockapi import Knock
from knockapi.types import WorkflowRecipientRunDetail

from tests.support.management import Management
from tests.support.runs import event_names, wait_for_run
from tests.support.steps import (
    feed_step,
    fetch_step,
    reusable_request,
    shared_fetch_step,
    throttle_step,
)
from tests.support.webhook_target import Target


@pytest.fixture(scope="module", autouse=True)
def workflows(management: Management) -> None:
    """Make workflows that tell what they have fetched; one lets one run pass in an hour."""
    steps = throttle_step(), fetch_step(), feed_step("{{ data.greeting }} {{ recipient.id }}")
    management.save_workflow("e2e-fetch", *steps)
    management.put(
        "/v1/reusable_requests/e2e-greeting",
        {
            "reusable_request": reusable_request(
                method="post",
                body='{"who": {{ inputs.who | json }}, "n": {{ inputs.n | json }}}',
                response_path="answer",
                data_input_schema={
                    "type": "object",
                    "properties": {"who": {"type": "string"}, "n": {"type": "integer"}},
                    "required": ["who", "n"],
                },
            )
        },
        environment="development",
        commit="true",
    )
    shared = shared_fetch_step("e2e-greeting", who="{{ recipient.id }}", n="{{ data.n }}")
    management.save_workflow("e2e-shared", shared, feed_step("{{ data.answer.greeting }}"))


async def run_to_end(knock: Knock, target: Target, user_id: str) -> WorkflowRecipientRunDetail:
    """Trigger the workflow and return its run once it has ended."""
    answer = knock.workflows.trigger(
        "e2e-fetch", recipients=[{"id": user_id}], data={"url": f"{target.url}/greeting"}
    )
    return await asyncio.to_thread(
        wait_for_run, knock, answer.workflow_run_id, user_id, "completed"
    )


async def test_what_was_fetched_is_told(knock: Knock, target: Target, user_id: str) -> None:
    """The message has the words of the answer; a second run is stopped before it asks."""
    target.bodies["/greeting"] = b'{"greeting": "Welcome back"}'
    first = await run_to_end(knock, target, user_id)
    assert event_names(first) == [
        "run_started",
        "throttle_allowed",
        "fetch_requested",
        "fetch_responded",
        "message_enqueued",
        "run_completed",
    ]
    (message,) = knock.messages.list(workflow_run_id=first.workflow_run_id).items
    assert "Welcome back" in str(knock.messages.get_content(message.id).data)
    second = await run_to_end(knock, target, user_id)
    assert event_names(second) == ["run_started", "throttle_hit", "run_completed"]
    assert len(target.to("/greeting")) == 1


async def test_a_reusable_request_is_sent(knock: Knock, target: Target, user_id: str) -> None:
    """The server is asked with the inputs of the step; its answer goes where the request says."""
    target.bodies["/shared"] = b'{"greeting": "Welcome, all of you"}'
    answer = knock.workflows.trigger(
        "e2e-shared", recipients=[{"id": user_id}], data={"url": f"{target.url}/shared", "n": 7}
    )
    run = await asyncio.to_thread(wait_for_run, knock, answer.workflow_run_id, user_id, "completed")
    (message,) = knock.messages.list(workflow_run_id=answer.workflow_run_id).items
    assert "Welcome, all of you" in str(knock.messages.get_content(message.id).data)
    assert event_names(run)[1:3] == ["fetch_requested", "fetch_responded"]
    (asked,) = target.to("/shared")
    assert (asked.method, asked.json) == ("POST", {"who": user_id, "n": 7})
