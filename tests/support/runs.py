"""Waits for recipient runs through the SDK."""

from __future__ import annotations

from knockapi import Knock
from knockapi.types import Message, WorkflowRecipientRunDetail

from tests.support.waiting import eventually


def run_of(knock: Knock, workflow_run_id: str, recipient: str) -> WorkflowRecipientRunDetail:
    """Return the run of a recipient of a trigger, as it is now."""
    page = knock.workflow_recipient_runs.list(recipient=recipient)
    found = [run.id for run in page.items if run.workflow_run_id == workflow_run_id]
    assert len(found) == 1, f"{len(found)} runs"
    return knock.workflow_recipient_runs.get(found[0])


def wait_for_run(
    knock: Knock, workflow_run_id: str, recipient: str, status: str
) -> WorkflowRecipientRunDetail:
    """Return the run once it has a status."""

    def look() -> WorkflowRecipientRunDetail | None:
        run = run_of(knock, workflow_run_id, recipient)
        return run if run.status == status else None

    return eventually(look, f"the run of {recipient} is not {status}")


def wait_for_messages(knock: Knock, workflow_run_id: str, *statuses: str) -> list[Message]:
    """Return the messages of a trigger, oldest first, once they have these delivery statuses."""

    def look() -> list[Message] | None:
        page = knock.messages.list(workflow_run_id=workflow_run_id)
        found = sorted(page.items, key=lambda message: message.inserted_at)
        return found if [message.status for message in found] == list(statuses) else None

    return eventually(look, f"the messages of {workflow_run_id} are not {statuses}")


def event_names(run: WorkflowRecipientRunDetail) -> list[str]:
    """Return what happened in a run, in order."""
    return [event.event for event in run.events]
