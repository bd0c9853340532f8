"""A commercial e-mail, from its trigger to the click that ends such e-mails."""

from __future__ import annotations

import httpx
from knockapi import Knock

from commands.dev.client import DevStack
from tests.support.mail import mails_to
from tests.support.management import Management
from tests.support.runs import event_names, wait_for_messages, wait_for_run
from tests.support.steps import email_step


def test_one_click_ends_commercial_mails_and_no_others(
    knock: Knock, management: Management, stack: DevStack, user_id: str
) -> None:
    """The header that the mail server got leads to the API, and the next run heeds the click."""
    address = f"{user_id}@example.com"
    knock.users.update(user_id, name="Ann", email=address)
    for key, is_commercial in (("offers", True), ("receipts", False)):
        document = {
            "name": key,
            "steps": [email_step(f"Your {key}")],
            "settings": {"is_commercial": is_commercial},
        }
        query = {"environment": "development", "commit": "true"}
        management.put(f"/v1/workflows/{key}", {"workflow": document}, **query)

    first = knock.workflows.trigger("offers", recipients=[user_id]).workflow_run_id
    wait_for_messages(knock, first, "sent")
    (mail,) = mails_to(stack.mail_dir, address)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    clicked = httpx.post(
        str(mail["List-Unsubscribe"]).strip("<>"), data={"List-Unsubscribe": "One-Click"}
    )
    assert clicked.status_code == 200
    stored = knock.users.get_preferences(user_id=user_id, id="default")
    assert stored.commercial_subscribed is False

    second = knock.workflows.trigger("offers", recipients=[user_id]).workflow_run_id
    run = wait_for_run(knock, second, user_id, "completed")
    assert event_names(run) == [
        "run_started", "preferences_evaluated", "step_skipped", "run_completed",
    ]  # fmt: skip
    third = knock.workflows.trigger("receipts", recipients=[user_id]).workflow_run_id
    wait_for_messages(knock, third, "sent")
    subjects = [each["Subject"] for each in mails_to(stack.mail_dir, address)]
    assert subjects == ["Your offers", "Your receipts"]
