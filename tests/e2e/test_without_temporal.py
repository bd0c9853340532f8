"""While Temporal is away nothing is refused and nothing is lost."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from knockapi import Knock

from commands.dev.client import DevStack
from tests.support.management import Management
from tests.support.runs import run_of, wait_for_messages, wait_for_run
from tests.support.steps import feed_step


@contextmanager
def paused(pid: int | None) -> Iterator[None]:
    """Stop a process without ending it while the block runs."""
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_triggers_outlive_temporal(
    knock: Knock, management: Management, stack: DevStack, user_id: str
) -> None:
    """With Temporal stopped a trigger is answered in about a second and stays queued, then runs."""
    management.save_workflow("e2e-away", feed_step())
    knock.users.update(user_id)
    answers = []
    with paused(stack.pids.temporal):
        for _ in range(3):
            start = time.monotonic()
            answers.append(knock.workflows.trigger("e2e-away", recipients=[user_id]))
            assert time.monotonic() - start < 3.0
        for answer in answers:
            assert run_of(knock, answer.workflow_run_id, user_id).status == "queued"
    for answer in answers:
        wait_for_messages(knock, answer.workflow_run_id, "delivered")
        wait_for_run(knock, answer.workflow_run_id, user_id, "completed")
