"""The audit of the crash test finds what it is there to find."""

from __future__ import annotations

import pytest
from knockapi.types import Message

from tests.chaos import workflows
from tests.chaos.audit import Findings, broken_promises
from tests.chaos.killer import Kill
from tests.chaos.mail import Mail, causes
from tests.chaos.promises import Book, Promise
from tests.chaos.slow import Calls

RUN = ("run-1", "ada")
DUE = 100.0


def cancelled_at(instant: float | None) -> Book:
    """Return a book with one trigger whose cancel was answered at an instant, or never sent."""
    promise = Promise(
        number=7,
        workflow_key=workflows.CANCELLABLE,
        recipients=("ada",),
        cancel_after=None if instant is None else 1.0,
        workflow_run_id="run-1",
        cancelled_at=instant,
    )
    return Book(promises=[promise])


def found(*, status: str = "completed", copies: int = 1, delivery: str = "sent") -> Findings:
    """Return findings with one run that ended so, and so many copies of each message."""
    findings = Findings(statuses={RUN: [status]}, dues={RUN: DUE})
    for step in ("in_app_1", "email_1"):
        message = Message.construct(id=step, status=delivery)
        findings.messages[(*RUN, step)] = [message] * copies
    if copies:
        findings.mail[7, "ada"] = Mail(arrivals=[DUE] * copies, message_ids={"one"})
    return findings


def test_kept_promise() -> None:
    """One message of each step and one e-mail are what was promised."""
    assert broken_promises(cancelled_at(None), found()) == []


def test_lost_message() -> None:
    """A message that is not there is named, and so is its e-mail."""
    lines = broken_promises(cancelled_at(None), found(copies=0))
    assert len(lines) == 3
    assert "trigger 7 (chaos-cancellable, run-1) for ada: 0 messages of in_app_1" in lines[0]


def test_doubled_message() -> None:
    """Two messages break the promise; two copies of one e-mail do not."""
    lines = broken_promises(cancelled_at(None), found(copies=2))
    assert [line.partition("ada: ")[2] for line in lines] == [
        "2 messages of in_app_1 instead of 1",
        "2 messages of email_1 instead of 1",
    ]


def test_copies_that_differ() -> None:
    """Copies of one e-mail carry one Message-ID."""
    findings = found()
    findings.mail[7, "ada"].message_ids.add("two")
    assert "differ in Message-ID" in broken_promises(cancelled_at(None), findings)[0]


@pytest.mark.parametrize("delivery", ["queued", "delivery_attempted", "undelivered"])
def test_message_without_success(delivery: str) -> None:
    """A message that is still under way, or was given up, was not delivered."""
    assert len(broken_promises(cancelled_at(None), found(delivery=delivery))) == 2


@pytest.mark.parametrize("status", ["queued", "paused", "cancelled"])
def test_run_that_should_be_completed(status: str) -> None:
    """A run that nobody cancelled is completed."""
    lines = broken_promises(cancelled_at(None), found(status=status))
    assert f"the run reads {status}" in lines[0]


def test_cancel_in_time_wins() -> None:
    """A cancel that was answered before the delay ended leaves nothing behind."""
    in_time = cancelled_at(DUE - 0.01)
    assert broken_promises(in_time, found(status="cancelled", copies=0)) == []
    assert "but the run reads completed" in broken_promises(in_time, found())[0]
    assert len(broken_promises(in_time, found(status="cancelled"))) == 3


def test_cancel_in_time_of_a_run_that_never_walked() -> None:
    """A run without a delay's end was cancelled in time."""
    findings = found()
    findings.dues[RUN] = None
    assert broken_promises(cancelled_at(DUE + 50), findings)


def test_late_cancel_may_go_either_way() -> None:
    """After the delay's end a run is whole or it is nothing."""
    late = cancelled_at(DUE + 0.01)
    assert broken_promises(late, found()) == []
    assert broken_promises(late, found(status="cancelled", copies=0)) == []
    assert broken_promises(late, found(copies=0))


def test_trigger_that_was_taken_twice() -> None:
    """Runs and messages that nobody was promised are named."""
    findings = found()
    findings.statuses["run-2", "ada"] = ["completed"]
    findings.messages["run-2", "ada", "in_app_1"] = [Message.construct(id="2", status="sent")]
    assert len(broken_promises(cancelled_at(None), findings)) == 2


def test_missing_run() -> None:
    """A run that the API does not list is named once."""
    assert len(broken_promises(cancelled_at(None), Findings())) == 1


def test_cause_of_a_copy() -> None:
    """The kill between two copies is the suspect; those before and after are not."""
    kills = [Kill("worker-1", 1, at_ms, at_ms / 1000) for at_ms in (1_000, 11_000, 30_000)]
    assert causes(Mail(arrivals=[10.5, 20.0]), kills) == ["worker-1 at t+11000 ms"]


def test_sends_of_one_message() -> None:
    """Two sends of one message are named, with how many were under way at once."""
    calls = Calls()
    with calls.under_way("twice"), calls.under_way("once"):
        assert calls.problems("webhook") == []
        with calls.under_way("twice"):
            pass
    assert calls.problems("webhook") == ["webhook: message twice was sent 2 times, 2 at once"]
