"""One trigger of the sample workflow, from the API to feed and mailbox, through the SDK."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from knockapi import Knock
from knockapi.types import Message, WorkflowRecipientRunDetail

from commands.dev.client import DevStack
from tests.support.mail import mails_to, part_of
from tests.support.runs import event_names, run_of, wait_for_messages, wait_for_run

NAME = "Žofie Müller 中村 🎉"
WORKSPACE = "Café №1"


@dataclass(frozen=True)
class Welcomed:
    """A user who went through the whole workflow."""

    user: str
    address: str
    workflow_run_id: str
    paused: WorkflowRecipientRunDetail
    run: WorkflowRecipientRunDetail
    in_app: Message
    email: Message


@pytest.fixture(scope="module")
def welcomed(knock: Knock, stack: DevStack) -> Welcomed:
    """Identify, trigger, and wait for the end of the run."""
    user, address = "zofie", "zofie@example.com"
    knock.users.update(user, name=NAME, email=address, extra_body={"plan": {"tier": "gold"}})
    answer = knock.workflows.trigger(
        "welcome",
        recipients=[user],
        actor={"id": "inviter", "name": "Ivo"},
        tenant={"id": "acme", "name": "Acme"},
        data={"workspace": WORKSPACE, "nested": {"is": "not kept"}},
    )
    triggered = answer.workflow_run_id
    paused = wait_for_run(knock, triggered, user, "paused")
    run = wait_for_run(knock, triggered, user, "completed")
    in_app, email = wait_for_messages(knock, triggered, "delivered", "sent")
    return Welcomed(user, address, triggered, paused, run, in_app, email)


def test_identify_merges(knock: Knock, welcomed: Welcomed) -> None:
    """Identifying again changes what is named and keeps the rest, deeply."""
    knock.users.update(welcomed.user, extra_body={"plan": {"seats": 3}})
    user = knock.users.get(welcomed.user)
    assert user.name == NAME
    assert (user.model_extra or {})["plan"] == {"tier": "gold", "seats": 3}
    assert welcomed.user in [each.id for each in knock.users.list()]


def test_run_tells_its_story(knock: Knock, welcomed: Welcomed) -> None:
    """The run pauses for at least five seconds between the in-app message and the e-mail."""
    assert event_names(welcomed.paused) == ["run_started", "message_enqueued", "delay_started"]
    story = [*event_names(welcomed.paused), "delay_completed", "message_enqueued", "run_completed"]
    assert event_names(welcomed.run) == story
    times = {event.event: event.inserted_at for event in welcomed.run.events}
    waited = times["delay_completed"] - times["delay_started"]
    assert waited >= timedelta(seconds=5)
    assert welcomed.run.error_count == 0


def test_run_is_listed_by_every_filter(knock: Knock, welcomed: Welcomed) -> None:
    """Each filter of the run list finds the run, and its opposite does not."""
    runs, moment = knock.workflow_recipient_runs, welcomed.run.inserted_at
    second = timedelta(seconds=1)
    filters: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"workflow": "welcome"}, {"workflow": "invoice-paid"}),
        ({"status": ["completed", "queued"]}, {"status": ["paused"]}),
        ({"tenant": "acme"}, {"tenant": "other"}),
        ({"has_errors": False}, {"has_errors": True}),
        ({"recipient": welcomed.user}, {"recipient": "nobody"}),
        ({"starting_at": moment - second}, {"starting_at": moment + second}),
        ({"ending_at": moment + second}, {"ending_at": moment - second}),
    ]
    for wanted, unwanted in filters:
        assert welcomed.run.id in [run.id for run in runs.list(**wanted)], wanted
        assert welcomed.run.id not in [run.id for run in runs.list(**unwanted)], unwanted


def test_message_is_listed_by_every_filter(knock: Knock, welcomed: Welcomed) -> None:
    """Each filter of the message list finds the in-app message, and its opposite does not."""
    message = welcomed.in_app
    second = timedelta(seconds=1)
    filters: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"tenant": "acme"}, {"tenant": "other"}),
        ({"channel_id": message.channel_id}, {"channel_id": welcomed.email.channel_id}),
        ({"status": ["delivered"]}, {"status": ["sent", "queued"]}),
        ({"engagement_status": ["unseen"]}, {"engagement_status": ["link_clicked"]}),
        ({"message_ids": [message.id]}, {"message_ids": [welcomed.email.id]}),
        ({"workflow_categories": ["onboarding"]}, {"workflow_categories": ["billing"]}),
        ({"source": "welcome"}, {"source": "invoice-paid"}),
        ({"workflow_recipient_run_id": welcomed.run.id}, {"workflow_recipient_run_id": "other"}),
        ({"trigger_data": json.dumps({"workspace": WORKSPACE})}, {"trigger_data": '{"x": 1}'}),
        (
            {"inserted_at": {"gte": message.inserted_at - second}},
            {"inserted_at": {"lt": message.inserted_at - second}},
        ),
    ]
    scope = {"workflow_run_id": welcomed.workflow_run_id}
    for wanted, unwanted in filters:
        assert message.id in [one.id for one in knock.messages.list(**scope, **wanted)], wanted
        found = [one.id for one in knock.messages.list(**scope, **unwanted)]
        assert message.id not in found, unwanted


def test_pages_hold_every_message_once(knock: Knock, welcomed: Welcomed) -> None:
    """Paging one by one through the SDK yields each message of a user once, newest first."""
    found = [message.id for message in knock.users.list_messages(welcomed.user, page_size=1)]
    assert found == [welcomed.email.id, welcomed.in_app.id]


def test_message_has_its_details(knock: Knock, welcomed: Welcomed) -> None:
    """Content, events, activities and delivery logs of the e-mail can be read back."""
    message = welcomed.email
    content = knock.messages.get_content(message.id)
    assert content.data.subject_line == f"Welcome, {NAME}!"  # type: ignore[union-attr]
    events = [event.type for event in knock.messages.list_events(message.id)]
    assert events == ["message.sent", "message.queued", "message.created"]
    (activity,) = knock.messages.list_activities(message.id)
    assert activity.actor is not None
    assert activity.actor.id == "inviter"
    assert (activity.data or {})["workspace"] == WORKSPACE
    (log,) = knock.messages.list_delivery_logs(message.id)
    assert log.service_name == "SMTP"
    assert log.response.status == 250
    assert list(knock.messages.list_delivery_logs(welcomed.in_app.id)) == []


def test_message_keeps_flat_trigger_data(knock: Knock, welcomed: Welcomed) -> None:
    """A message keeps the scalars of the trigger's data, and where it went."""
    message = knock.messages.get(welcomed.email.id)
    assert message.data == {"workspace": WORKSPACE}
    assert message.tenant == "acme"
    assert message.to_dict()["recipient_snapshot"] == {"email": welcomed.address, "name": NAME}


def test_email_arrives_once_and_whole(stack: DevStack, welcomed: Welcomed) -> None:
    """The mail server got one message whose headers and both parts carry the recipient's script."""
    (mail,) = mails_to(stack.mail_dir, welcomed.address)
    assert mail["Subject"] == f"Welcome, {NAME}!"
    assert mail["To"] == welcomed.address
    assert mail["From"] == "Carillon <hello@carillon.example>"
    assert mail["Message-ID"] == (welcomed.email.metadata or {})["external_id"]
    assert mail.get_content_type() == "multipart/alternative"
    text = part_of(mail, "plain")
    assert f"Good to have you here, {NAME}" in text
    assert text.rstrip().endswith("Get started (https://example.com/start)")
    assert f"<h1>Good to have you here, {NAME}</h1>" in part_of(mail, "html")
    assert "https://example.com/start" in part_of(mail, "html")


def test_run_stays_as_it_ended(knock: Knock, welcomed: Welcomed) -> None:
    """A completed run does not change any more."""
    now = run_of(knock, welcomed.workflow_run_id, welcomed.user)
    assert now.status == "completed"
    assert now.updated_at == welcomed.run.updated_at
