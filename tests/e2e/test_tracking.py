"""Links and openings, from an e-mail that a mail server got to the click and what follows it."""

from __future__ import annotations

import re

import httpx
from knockapi import Knock

from commands.dev.client import DevStack
from tests.support.mail import mails_to, part_of
from tests.support.management import Management
from tests.support.runs import wait_for_messages
from tests.support.steps import email_step, feed_step, message_event, wait_step
from tests.support.waiting import soon
from tests.support.world import when


async def test_a_click_in_a_mail_lets_a_run_go_on(
    knock: Knock, management: Management, stack: DevStack, user_id: str
) -> None:
    """The mail that went out opens and leads on, and the run that waits for the click hears."""
    address = f"{user_id}@example.com"
    template = {
        "subject": "Your order",
        "html_body": '<body><p><a href="https://shop.example/orders/{{ data.order }}">See it</a>'
        "</p></body>",
        "settings": {"layout_key": None},
    }
    overrides = {"link_tracking": True, "open_tracking": True}
    clicked = when("event.step_ref", "equal_to", "email_1")
    management.save_workflow(
        "e2e-tracked",
        email_step(template=template, channel_overrides=overrides),
        wait_step(message_event("link_clicked", "e2e-tracked"), clicked, seconds=3600),
        feed_step(),
    )
    run = knock.workflows.trigger(
        "e2e-tracked", recipients=[{"id": user_id, "email": address}], data={"order": "ö-1"}
    ).workflow_run_id
    (message,) = wait_for_messages(knock, run, "sent")
    (mail,) = mails_to(stack.mail_dir, address)
    html, text = part_of(mail, "html"), part_of(mail, "plain")
    (link,) = re.findall(r'href="([^"]+)"', html)
    (image,) = re.findall(r'src="([^"]+)"', html)
    assert link in text
    assert link.startswith(f"{stack.api_url}/c/")

    assert httpx.get(image).headers["content-type"] == "image/png"
    followed = httpx.get(link)
    assert (followed.status_code, followed.headers["location"]) == (
        302,
        "https://shop.example/orders/%C3%B6-1",
    )

    async def seen() -> bool:
        statuses = knock.messages.get(message.id).engagement_statuses
        return set(statuses) == {"read", "link_clicked"}

    async def gone_on() -> bool:
        return len(list(knock.messages.list(workflow_run_id=run))) == 2

    await soon(seen)
    await soon(gone_on)
    events = {event.type for event in knock.messages.list_events(message.id)}
    assert {"message.link_clicked", "message.read"} <= events
