"""Deliveries to providers: a webhook target that fails, sandbox providers, retries by hand."""

from __future__ import annotations

import json

import pytest
from knockapi import AsyncKnock, Knock

from commands.dev.client import DevStack
from tests.support.mail import mails_to, part_of
from tests.support.management import Management
from tests.support.programs import Program
from tests.support.runs import wait_for_messages
from tests.support.steps import channel_step, email_step, webhook_step, with_template
from tests.support.waiting import soon
from tests.support.webhook_target import Target

KEY = "shared-secret-of-the-customer"
SMS = channel_step("sms_1", "sms", template={"text_body": "Code {{ data.code }}"})
PUSH = channel_step(
    "push_1", "push", template={"title": "Code", "text_body": "Code {{ data.code }}"}
)


@pytest.fixture(scope="module", autouse=True)
def workflows(management: Management) -> None:
    """Make a webhook channel that signs, and workflows for every provider."""
    channel = {"name": "Signed", "type": "http", "provider": "http_knock_webhook"}
    management.put("/v1/admin/channels/e2e-signed", channel)
    management.put(
        "/v1/admin/channels/e2e-signed/environments/development",
        {"provider_settings": {"signing_key": KEY}},
    )
    management.save_workflow("e2e-webhook", webhook_step("e2e-signed"))
    management.save_workflow("e2e-sandbox", SMS, PUSH)
    management.save_workflow(
        "e2e-mail",
        with_template(
            email_step("{{ data.subject }}"),
            html_body="<p>{{ data.text | escape }}</p>",
            text_body="{{ data.text }}",
        ),
    )


async def call(knock: AsyncKnock, target: Target, path: str, user: str) -> str:
    """Trigger the webhook workflow for a path of the target and return the workflow run's id."""
    data = {"url": target.url + path, "note": 'Quote " and ünïcode'}
    answer = await knock.workflows.trigger("e2e-webhook", recipients=[{"id": user}], data=data)
    return answer.workflow_run_id


@pytest.fixture(scope="module", autouse=True)
async def given_up(
    workflows: None, async_knock: AsyncKnock, target: Target, programs: dict[str, Program]
) -> str:
    """Trigger a delivery that will never succeed, early: its eight attempts take a while.

    The programs are asked for here so that their waiting costs no time of its own either.
    """
    target.scripts["/down"] = [503] * 9
    return await call(async_knock, target, "/down", "unlucky")


async def message_with(knock: AsyncKnock, workflow_run_id: str, status: str) -> str:
    """Return the id of the trigger's only message once it has a delivery status."""

    async def look() -> str | None:
        page = await knock.messages.list(workflow_run_id=workflow_run_id)
        found = [message.id for message in page.items if message.status == status]
        return found[0] if found else None

    return await soon(look, f"the message is not {status}") or ""


async def events_of(knock: AsyncKnock, message_id: str) -> list[str]:
    """Return the types of a message's events, oldest first."""
    page = await knock.messages.list_events(message_id)
    return [event.type.removeprefix("message.") for event in reversed(page.items)]


async def test_webhook_is_called_signed(
    async_knock: AsyncKnock, target: Target, user_id: str
) -> None:
    """The target gets one signed request with the rendered body, and the log shows no key."""
    run = await call(async_knock, target, "/signed", user_id)
    message = await message_with(async_knock, run, "delivered")
    (got,) = target.to("/signed")
    assert got.method == "POST"
    assert got.json == {"to": user_id, "note": 'Quote " and ünïcode'}
    assert got.is_signed_with(KEY)
    assert not got.is_signed_with("another key")
    assert got.headers["idempotency-key"] == message
    (log,) = (await async_knock.messages.list_delivery_logs(message)).items
    assert (log.request.method, log.request.path) == ("POST", "/signed")
    assert log.response.status == 200
    assert KEY not in log.to_json()


async def test_webhook_that_fails_is_tried_again(
    async_knock: AsyncKnock, target: Target, user_id: str
) -> None:
    """Two answers of 500 are attempts, each with its event and log; the third call delivers."""
    target.scripts["/shaky"] = [500, 500]
    run = await call(async_knock, target, "/shaky", user_id)
    message = await message_with(async_knock, run, "delivered")
    tried = ["delivery_attempted", "queued"]
    assert await events_of(async_knock, message) == [
        *("created", "queued", *tried, *tried, "delivered")
    ]
    logs = (await async_knock.messages.list_delivery_logs(message)).items
    assert [log.response.status for log in reversed(logs)] == [500, 500, 200]
    calls = target.to("/shaky")
    assert {one.headers["idempotency-key"] for one in calls} == {message}
    assert len(calls) == 3


async def test_refused_webhook_can_be_retried_by_hand(
    async_knock: AsyncKnock, management: Management, target: Target, user_id: str
) -> None:
    """A 404 ends the delivery at once; the admin API sends the message again, once mended."""
    target.scripts["/gone"] = [404]
    run = await call(async_knock, target, "/gone", user_id)
    message = await message_with(async_knock, run, "undelivered")
    (last, *_) = (await async_knock.messages.list_events(message)).items
    assert (last.data or {})["failure_reason"] == "fatal_error"
    assert len(target.to("/gone")) == 1
    retry = f"/v1/admin/messages/{message}/retry"
    assert management.http.post(retry).json() == {"result": "success"}
    assert await message_with(async_knock, run, "delivered") == message
    assert len(target.to("/gone")) == 2
    refused = management.http.post(retry)
    assert (refused.status_code, refused.json()["code"]) == (422, "message_not_retriable")
    assert management.http.post("/v1/admin/messages/unknown/retry").status_code == 404


def test_sandbox_providers_take_sms_and_push(knock: Knock, stack: DevStack, user_id: str) -> None:
    """Text message and push go to the sandbox, whose log holds what would have been sent."""
    push = stack.channels["push"].id
    person = {
        "id": user_id,
        "phone_number": "+420123456789",
        "channel_data": {push: {"tokens": ["token-1"]}},
    }
    answer = knock.workflows.trigger("e2e-sandbox", recipients=[person], data={"code": 42})
    sent = wait_for_messages(knock, answer.workflow_run_id, "sent", "sent")
    for message in sent:
        (log,) = knock.messages.list_delivery_logs(message.id)
        assert log.service_name == "Sandbox"
        assert "Code 42" in json.dumps(log.request.body)
    assert {message.channel.type for message in sent if message.channel} == {"sms", "push"}


def test_email_carries_every_script(knock: Knock, stack: DevStack, user_id: str) -> None:
    """Subject and both parts arrive as written, long lines, line ends and markup included."""
    address = f"{user_id}@example.com"
    text = "Línea <b>uno</b> & 漢字 🎉\n" + "long " * 300
    answer = knock.workflows.trigger(
        "e2e-mail",
        recipients=[{"id": user_id, "email": address}],
        data={"subject": "Grüße\nBcc: eve@example.com", "text": text},
    )
    wait_for_messages(knock, answer.workflow_run_id, "sent")
    (mail,) = mails_to(stack.mail_dir, address)
    assert "Grüße" in mail["Subject"]
    assert mail["Bcc"] is None
    assert part_of(mail, "plain").strip() == text.strip()
    assert "Línea &lt;b&gt;uno&lt;/b&gt; &amp; 漢字 🎉" in part_of(mail, "html")


async def test_webhook_gives_up_after_eight_attempts(
    async_knock: AsyncKnock, target: Target, given_up: str
) -> None:
    """A target that never recovers is called eight times, then the message is undelivered."""
    message = await message_with(async_knock, given_up, "undelivered")
    assert len(target.to("/down")) == 8
    (last, *_) = (await async_knock.messages.list_events(message)).items
    assert (last.data or {})["failure_reason"] == "retries_exhausted"
