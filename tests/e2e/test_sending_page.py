"""The page on the ways to send: its requests, typed in order, do what it says of them."""

from __future__ import annotations

import re
from datetime import datetime
from email.message import EmailMessage
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from knockapi import Knock

from commands.dev.client import DevStack
from tests.support.mail import mails_to
from tests.support.waiting import eventually

PAGE = (Path(__file__).parents[2] / "docs" / "sending.md").read_text()
_REQUEST = re.compile(
    r"""^curl\ (?:-X\ (?P<method>[A-Z]+)\ )?"\$API(?P<path>\S+)"\ (?:\\\n\ \ )?
    -H\ "Authorization:\ Bearer\ \$(?P<key>\w+)"
    (?:\ -H\ "Content-Type:\ (?P<type>[a-z/]+)"
       \ (?:-d\ '(?P<body>.*?)'|--data-binary\ @(?P<file>\S+)))?$""",
    re.M | re.S | re.X,
)
_FILE = re.compile(r"^cat > (?P<name>\S+) <<'END'\n(?P<content>.*?)^END$", re.M | re.S)
_FILES = {written["name"]: written["content"] for written in _FILE.finditer(PAGE)}
# Some ask how far something has come that goes on by itself: what the reader waits for.
_AWAITED = {
    "/v1/bulk_operations/$OPERATION_ID": '"status":"completed"',
    "/v1/audiences/pro-users/members": '"user_id":"grace"',
    "/v1/admin/environments/development/broadcasts/vouchers/recipients": '"status":"completed"',
}

Answers = dict[str, Any]


@pytest.fixture(scope="module")
def answers(stack: DevStack) -> Answers:
    """Type everything in order; returns the last answer of each path."""
    keys = {
        "SERVICE_TOKEN": stack.service_token,
        "SECRET_KEY": stack.environments["development"].secret_key,
    }
    requests = list(_REQUEST.finditer(PAGE))
    assert len(requests) == PAGE.count("curl ")
    answers: Answers = {}
    with httpx.Client(base_url=stack.api_url, timeout=30) as client:
        for request in requests:
            answers[request["path"]] = eventually(
                partial(_type, client, request, keys, answers), request[0]
            )
    return answers


def _type(client: httpx.Client, request: re.Match[str], keys: Any, answers: Answers) -> Any:
    """Send a request of the page; None when it is not time yet."""
    path, body = request["path"], request["body"] or _FILES.get(request["file"])
    made = answers.get("/v1/users/bulk/identify", {}).get("id", "")
    shown = [each for each in answers.values() if "guide_groups" in each]
    response = client.request(
        request["method"] or "GET",
        path.replace("$OPERATION_ID", made),
        content=body and body.replace("'$GUIDE_ID'", shown[0]["entries"][0]["id"] if shown else ""),
        headers={
            "authorization": f"Bearer {keys[request['key']]}",
            **({"content-type": request["type"]} if body else {}),
        },
    )
    assert response.status_code == 200, (request[0], response.text)
    awaited = "" if request["method"] else _AWAITED.get(path, "")
    return response.json() if awaited in response.text else None


def test_many_are_made_at_once(answers: Answers) -> None:
    """The bulk operation has made three users."""
    operation = answers["/v1/bulk_operations/$OPERATION_ID"]
    assert (operation["success_count"], operation["error_items"]) == (3, [])


def test_schedules_are_in_the_zones_of_their_recipients(answers: Answers) -> None:
    """Each occurs on a Monday at nine where its recipient is; the list shows the one of Ada."""
    ada, grace = answers["/v1/schedules"]
    for schedule, zone in ((ada, "Europe/London"), (grace, "America/New_York")):
        due = datetime.fromisoformat(schedule["next_occurrence_at"]).astimezone(ZoneInfo(zone))
        assert (due.strftime("%a"), due.hour, due.minute) == ("Mon", 9, 0)
    (listed,) = answers["/v1/users/ada/schedules"]["entries"]
    assert listed["id"] == ada["id"]


def test_who_enters_is_welcomed(answers: Answers, knock: Knock) -> None:
    """Ada entered and has a run; Grace was in the audience from its beginning and has none."""
    assert answers["/v1/users/ada"]["plan"] == "pro"
    (run,) = eventually(
        lambda: knock.workflow_recipient_runs.list(workflow="welcome-to-pro").items,
        "Ada is welcomed",
    )
    assert run.recipient == "ada"


def test_the_broadcast_reaches_the_audience(answers: Answers, stack: DevStack) -> None:
    """Those of the plan get the e-mail, once, and nobody else."""
    assert answers["/v1/broadcasts/summer-offer?environment=development"]["status"] == "sent"
    for name in ("ada", "grace"):
        eventually(partial(_offers, stack, name), f"the e-mail to {name}")
    assert [len(_offers(stack, name)) for name in ("ada", "grace", "alan")] == [1, 1, 0]


def _offers(stack: DevStack, name: str) -> list[EmailMessage]:
    mails = mails_to(stack.mail_dir, f"{name}@example.com")
    return [mail for mail in mails if mail["Subject"] == "Half price until Sunday"]


def test_a_file_names_members(answers: Answers, knock: Knock) -> None:
    """Two of its rows do, one is told with its line."""
    (path,) = (path for path in answers if "/audiences/travellers/" in path)
    bulk_id = answers[path]["id"]
    done = eventually(lambda: _completed(knock, bulk_id), "the file is read")
    (error,) = done["error_items"]
    assert (done["success_count"], error["line"]) == (2, 4)
    members = knock.audiences.list_members("travellers").entries
    assert {(one.user_id, one.tenant) for one in members} == {("ada", "acme"), ("grace", None)}
    assert knock.users.get("ada").to_dict()["loyalty_number"] == "0071"


def _completed(knock: Knock, bulk_id: str) -> Any:
    path = f"/v1/bulk_operations/{bulk_id}"
    found = knock.get(path, cast_to=httpx.Response).json()
    return found if found["status"] == "completed" else None


def test_a_file_names_recipients(answers: Answers, stack: DevStack, knock: Knock) -> None:
    """Each gets what the file says of them."""
    channel = stack.channels["in_app_feed"].id
    for user, voucher in (("ada", "SUMMER-71"), ("alan", "SUMMER-72")):
        told = eventually(
            lambda user=user: [
                item.blocks[0].rendered
                for item in knock.users.feeds.list_items(user, channel).entries
                if "voucher" in item.blocks[0].rendered
            ],
            f"the voucher of {user}",
        )
        assert len(told) == 1
        assert voucher in told[0]


def test_guides_are_shown_in_the_order_that_was_said(
    answers: Answers, stack: DevStack, knock: Knock
) -> None:
    """Ada sees both, the tour first, and no longer the tour once she has dismissed it."""
    channel = stack.channels["in_app_guide"].id
    path = f"/v1/users/ada/guides/{channel}"
    shown = answers[path]
    assert [entry["key"] for entry in shown["entries"]] == ["pro-tour", "whats-new"]
    body = shown["entries"][1]["steps"][0]["content"]["body"]
    assert body == "<p>Hello Ada, look at the reports.</p>"
    assert shown["guide_groups"][0]["display_interval"] == 86_400
    later = knock.get(path, cast_to=httpx.Response).json()
    assert [entry["key"] for entry in later["entries"]] == ["whats-new"]
    assert set(later["guide_group_display_logs"]) == {"default"}
