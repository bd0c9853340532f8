"""Triggers, idempotency and cancellation, with the synchronous and the asynchronous SDK."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import knockapi
import pytest
from knockapi import AsyncKnock, Knock

from commands.dev.client import DevStack
from tests.support.mail import mails_to
from tests.support.management import Management
from tests.support.runs import event_names, run_of, wait_for_messages, wait_for_run
from tests.support.steps import delay_step, email_step, feed_step
from tests.support.waiting import soon


@pytest.fixture(scope="module", autouse=True)
def workflows(management: Management) -> None:
    """Make a workflow that is done at once, and one that waits before its e-mail."""
    management.save_workflow("e2e-quick", feed_step("{{ data.n }} for {{ recipient.name }}"))
    management.save_workflow("e2e-patient", delay_step(seconds=2), email_step())
    management.save_workflow("e2e-year", delay_step(seconds=60 * 60 * 24 * 365), email_step())


async def test_async_client_reaches_many(async_knock: AsyncKnock) -> None:
    """Sixty recipients, more than the request starts itself, get one message each."""
    recipients = [f"crowd-{uuid4().hex[:6]}-{number}" for number in range(60)]
    answer = await async_knock.workflows.trigger(
        "e2e-quick",
        recipients=[
            {"id": each, "name": each, "$trigger_data": {"n": each}} for each in recipients
        ],
    )

    async def reached() -> list[str]:
        listed = async_knock.messages.list(workflow_run_id=answer.workflow_run_id)
        return [str(message.recipient) async for message in listed]

    async def all_reached() -> bool:
        return len(await reached()) == len(recipients)

    await soon(all_reached, "not everybody was reached")
    assert sorted(await reached()) == sorted(recipients)


def test_unknown_recipients_get_no_run(knock: Knock, user_id: str) -> None:
    """A recipient who was never identified is accepted and gets nothing; the others do."""
    answer = knock.workflows.trigger("e2e-quick", recipients=[{"id": user_id}, "nobody-knows-me"])
    (message,) = wait_for_messages(knock, answer.workflow_run_id, "delivered")
    assert message.recipient == user_id
    assert list(knock.workflow_recipient_runs.list(recipient="nobody-knows-me")) == []


def test_settings_skip_delay_and_sandbox(knock: Knock, stack: DevStack, user_id: str) -> None:
    """`skip_delay` walks through the wait, and `sandbox_mode` keeps the e-mail at home."""
    address = f"{user_id}@example.com"
    answer = knock.workflows.trigger(
        "e2e-year",
        recipients=[{"id": user_id, "email": address}],
        settings={"skip_delay": True, "sandbox_mode": True},
    )
    wait_for_messages(knock, answer.workflow_run_id, "not_sent")
    wait_for_run(knock, answer.workflow_run_id, user_id, "completed")
    assert mails_to(stack.mail_dir, address) == []


def test_idempotency_key_replays_the_answer(knock: Knock, user_id: str) -> None:
    """The second request with a key gets the first answer with the replay headers, and no run."""
    key = {"Idempotency-Key": uuid4().hex}
    trigger = knock.workflows.with_raw_response.trigger
    first = trigger("e2e-quick", recipients=[{"id": user_id}], extra_headers=key)
    second = trigger("e2e-quick", recipients=[{"id": user_id}], extra_headers=key)
    assert second.parse() == first.parse()
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert second.headers["original-x-request-id"] == first.headers["x-request-id"]
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    wait_for_messages(knock, first.parse().workflow_run_id, "delivered")
    assert len(list(knock.workflow_recipient_runs.list(recipient=user_id))) == 1


def test_idempotency_key_of_another_request_is_refused(knock: Knock, user_id: str) -> None:
    """The same key with other data is refused, and nothing runs."""
    key = {"Idempotency-Key": uuid4().hex}
    knock.workflows.trigger("e2e-quick", recipients=[{"id": user_id}], extra_headers=key)
    with pytest.raises(knockapi.BadRequestError) as refused:
        knock.workflows.trigger(
            "e2e-quick", recipients=[{"id": user_id}], data={"n": 2}, extra_headers=key
        )
    assert refused.value.body["code"] == "idempotency_key_mismatch"  # type: ignore[index]
    assert len(list(knock.workflow_recipient_runs.list(recipient=user_id))) == 1


async def test_concurrent_duplicates_are_one_trigger(async_knock: AsyncKnock, user_id: str) -> None:
    """Ten requests with one key at the same time get one answer and make one run."""
    key = {"Idempotency-Key": uuid4().hex}
    answers = await asyncio.gather(
        *(
            async_knock.workflows.trigger(
                "e2e-quick", recipients=[{"id": user_id}], extra_headers=key
            )
            for _ in range(10)
        )
    )
    assert len({answer.workflow_run_id for answer in answers}) == 1
    runs = [run async for run in async_knock.workflow_recipient_runs.list(recipient=user_id)]
    assert len(runs) == 1


def test_cancel_some_and_then_all(knock: Knock, stack: DevStack) -> None:
    """A cancel for one recipient ends that run only; one for the key ends the rest, unsent."""
    mark = uuid4().hex[:8]
    users = [f"{name}-{mark}" for name in ("ann", "bob", "cleo")]
    addresses = [f"{user}@example.com" for user in users]
    keys = {"patient": f"patient-{mark}", "year": f"year-{mark}"}
    people = [{"id": u, "email": a} for u, a in zip(users, addresses, strict=True)]
    patient = knock.workflows.trigger(
        "e2e-patient", recipients=people, cancellation_key=keys["patient"]
    )
    knock.workflows.cancel("e2e-patient", cancellation_key=keys["patient"], recipients=users[:1])
    year = knock.workflows.trigger("e2e-year", recipients=people[:1], cancellation_key=keys["year"])
    knock.workflows.cancel("e2e-year", cancellation_key=keys["year"])
    ended = wait_for_run(knock, year.workflow_run_id, users[0], "cancelled")
    assert event_names(ended)[-1] == "run_cancelled"
    for user in users[1:]:
        wait_for_run(knock, patient.workflow_run_id, user, "completed")
    wait_for_messages(knock, patient.workflow_run_id, "sent", "sent")
    assert run_of(knock, patient.workflow_run_id, users[0]).status == "cancelled"
    assert [len(mails_to(stack.mail_dir, address)) for address in addresses] == [0, 1, 1]


def test_production_is_another_world(knock: Knock, production: Knock, user_id: str) -> None:
    """What development's key makes, production's key does not see, and the other way round."""
    answer = knock.workflows.trigger("e2e-quick", recipients=[{"id": user_id}])
    (message,) = wait_for_messages(knock, answer.workflow_run_id, "delivered")
    run = run_of(knock, answer.workflow_run_id, user_id)
    for call in (
        lambda: production.users.get(user_id),
        lambda: production.messages.get(message.id),
        lambda: production.messages.mark_as_seen(message.id),
        lambda: production.workflow_recipient_runs.get(run.id),
        lambda: production.workflows.trigger("e2e-quick", recipients=[{"id": user_id}]),
    ):
        with pytest.raises(knockapi.NotFoundError):
            call()
    assert list(production.messages.list(workflow_run_id=answer.workflow_run_id)) == []
    assert knock.messages.get(message.id).seen_at is None
