"""Remind somebody unless they act first: trigger with a cancellation key, then cancel.

    export KNOCK_BASE_URL=http://127.0.0.1:8000 KNOCK_API_KEY=sk_…
    python examples/cancel_reminder.py

`comment-created` shows a comment in the app, waits five minutes and sends an e-mail if the
comment was not seen. Here the comment is deleted at once, so the e-mail is called off.
"""

from __future__ import annotations

import time

from knockapi import Knock


def main() -> None:
    """Trigger, cancel, and look at the run."""
    knock = Knock()
    key = f"comment-{time.time_ns()}"
    answer = knock.workflows.trigger(
        "comment-created",
        recipients=[{"id": "example-grace", "name": "Grace", "email": "grace@example.com"}],
        actor={"id": "example-ada", "name": "Ada"},
        cancellation_key=key,
        data={"document_title": "Notes", "comment": "A first thought."},
    )
    # Safe at any moment after the trigger was answered, even before the run has begun.
    knock.workflows.cancel("comment-created", cancellation_key=key)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        runs = knock.workflow_recipient_runs.list(recipient="example-grace", status=["cancelled"])
        if answer.workflow_run_id in [run.workflow_run_id for run in runs]:
            print("cancelled", answer.workflow_run_id)
            return
        time.sleep(0.2)
    raise SystemExit("The run was not cancelled within 30 s.")


if __name__ == "__main__":
    main()
