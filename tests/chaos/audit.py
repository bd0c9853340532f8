"""Compares what was promised with what can be found: the right side of the ledger."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from knockapi import AsyncKnock
from knockapi.types import Message
from temporalio.client import Client

from commands.dev.client import DevStack
from tests.chaos import rows, workflows
from tests.chaos.mail import Mail, read_mail
from tests.chaos.promises import Book, Promise

_PAGE = 50
_SUCCESSFUL = {"sent", "delivered"}
_OPEN = (
    "ExecutionStatus = 'Running' AND WorkflowType IN "
    "('RecipientRun', 'BatchWindow', 'BulkOperation', 'WebhookDelivery')"
)
_UNHAPPY = "ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated')"


@dataclass(slots=True)
class Findings:
    """What is there after the test.

    Attributes:
        messages: by trigger, user and step.
        statuses: of each run, by trigger and user, as the API tells it.
        dues: when the delay of a run ended, by trigger and user.
        mail: by number and user.
    """

    messages: dict[tuple[str, str, str], list[Message]] = field(
        default_factory=lambda: defaultdict(list)
    )
    statuses: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    dues: dict[tuple[str, str], float | None] = field(default_factory=dict)
    mail: dict[tuple[int, str], Mail] = field(default_factory=dict)


async def find(client: AsyncKnock, stack: DevStack) -> Findings:
    """Read everything back: through the public API, out of the mail folder, out of the rows."""
    found = Findings(mail=read_mail(Path(stack.mail_dir)))
    for key in workflows.STEPS:
        async for message in client.messages.list(source=key, page_size=_PAGE):
            source = message.source
            place = (str(source.workflow_run_id), str(message.recipient), str(source.step_ref))
            found.messages[place].append(message)
        async for run in client.workflow_recipient_runs.list(workflow=key, page_size=_PAGE):
            found.statuses[run.workflow_run_id, str(run.recipient)].append(run.status)
    for row in await rows.stored_runs(stack.database_url, workflows.DELAY_REF):
        found.dues[row["workflow_run_id"], row["recipient_id"]] = row["due"]
    return found


def broken_promises(book: Book, found: Findings) -> list[str]:
    """Return one line for each promise that was not kept."""
    broken = list(book.broken)
    for promise in book.made():
        for user_id in promise.recipients:
            broken += [
                f"trigger {promise.number} ({promise.workflow_key}, {promise.workflow_run_id}) "
                f"for {user_id}: {problem}"
                for problem in _problems(promise, user_id, found)
            ]
    return [*broken, *_strangers(book, found)]


def _problems(promise: Promise, user_id: str, found: Findings) -> Iterator[str]:
    run = (str(promise.workflow_run_id), user_id)
    statuses = found.statuses.get(run, [])
    if len(statuses) != 1:
        yield f"the API lists {len(statuses)} runs"
        return
    status = statuses[0]
    if _must_be_cancelled(promise, found.dues.get(run)) and status != "cancelled":
        yield f"cancelled before its delay ended, but the run reads {status}"
    if promise.cancel_after is None and status != "completed":
        yield f"the run reads {status}"
    wanted = 0 if status == "cancelled" else 1
    for step in promise.steps:
        yield from _message_problems(found.messages.get((*run, step), []), step, wanted)
    if "email_1" in promise.steps:
        yield from _mail_problems(found.mail.get((promise.number, user_id)), wanted)


def _must_be_cancelled(promise: Promise, due: float | None) -> bool:
    """A cancel that was answered before the delay ended wins; a run that never came so far too."""
    return promise.cancelled_at is not None and (due is None or promise.cancelled_at < due)


def _message_problems(messages: list[Message], step: str, wanted: int) -> Iterator[str]:
    if len(messages) != wanted:
        yield f"{len(messages)} messages of {step} instead of {wanted}"
    for message in messages:
        if message.status not in _SUCCESSFUL:
            yield f"message {message.id} of {step} reads {message.status}"


def _mail_problems(mail: Mail | None, wanted: int) -> Iterator[str]:
    copies = len(mail.arrivals) if mail else 0
    if bool(copies) != bool(wanted):
        yield f"{copies} e-mails instead of {'at least one' if wanted else 'none'}"
    if mail is not None and len(mail.message_ids) > 1:
        yield f"copies of one e-mail differ in Message-ID: {sorted(mail.message_ids)}"


def _strangers(book: Book, found: Findings) -> Iterator[str]:
    """What nobody was promised: from a trigger that was taken twice, for instance."""
    promised = {
        (promise.workflow_run_id, user_id)
        for promise in book.promises
        for user_id in promise.recipients
    }
    for run in found.statuses.keys() - promised:
        yield f"run of {run[0]} for {run[1]} was never promised"
    for place in found.messages:
        if place[:2] not in promised:
            yield f"message of {place[0]} for {place[1]} was never promised"


async def broken_triggers(url: str, book: Book) -> list[str]:
    """Return a line for each trigger that was stored twice, or under another id than answered."""
    answered = {promise.number: promise.workflow_run_id for promise in book.made()}
    stored = await rows.stored_triggers(url)
    times = Counter(row["number"] for row in stored)
    broken = [f"trigger {number} is stored {count} times" for number, count in times.items()
              if count > 1]  # fmt: skip
    kept = {row["number"]: row["id"] for row in stored}
    for number, answer in answered.items():
        if kept.get(number) != answer:
            broken.append(f"trigger {number} was answered {answer}, stored is {kept.get(number)}")
    return broken


async def broken_executions(stack: DevStack, *, expected: Collection[str]) -> list[str]:
    """Return a line for each Temporal workflow that is still open, or ended badly unexpectedly."""
    client = await Client.connect(stack.temporal_address, namespace=stack.temporal_namespace)
    broken = []
    for name, query in (("still open", _OPEN), ("ended badly", _UNHAPPY)):
        async for execution in client.list_workflows(query):
            if execution.id in expected:
                continue
            broken.append(f"Temporal workflow {execution.id} {name} ({execution.status})")
    return broken
