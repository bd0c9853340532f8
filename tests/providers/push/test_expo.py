"""Expo, against a server that answers like it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest

from domain.deliveries.delivery import Bounced, Misconfigured, Refused, Retry
from providers.push.expo import Expo
from tests.providers.contract import MESSAGE_ID
from tests.providers.rest import PUSH, Line, RestContract, Vendor, talking_to
from tests.providers.servers import reply

PATH = "/--/api/v2/push/send"
TAKEN = reply(200, b'{"data": {"status": "ok", "id": "ticket-1"}}')
VENDOR = Vendor(Expo, PATH, TAKEN, {"access_token": "very-secret"}, PUSH, ["very-secret"])


def refusal(error: str | None) -> bytes:
    """Answer an error as Expo does: with status 200."""
    ticket = {"status": "error", "message": "no", "details": {"error": error}}
    return reply(200, json.dumps({"data": ticket}).encode())


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Run Expo on loopback."""
    async with talking_to(VENDOR) as line:
        yield line


class TestExpo(RestContract):
    """The contract."""

    vendor = VENDOR


async def test_a_device_is_sent_to(line: Line) -> None:
    """The data goes beside what is shown, as it is."""
    outcome = await line.send(overrides={"badge": 3, "data": {"deep": {"a": 1}}})
    assert outcome.external_id == "ticket-1"
    assert line.body() == {
        "to": "t",
        "title": "Hi",
        "body": "there",
        "badge": 3,
        "data": {
            "n": 1,
            "s": "x",
            "none": None,
            "knock_message_id": MESSAGE_ID,
            "deep": {"a": 1},
        },
    }
    assert line.seen.headers["authorization"] == "Bearer very-secret"


async def test_a_project_may_demand_no_token(line: Line) -> None:
    """Then none is sent."""
    await line.send_with({"access_token": None})
    assert "authorization" not in line.seen.headers


async def test_a_silent_one_wakes_the_app(line: Line) -> None:
    """It shows nothing."""
    await line.send(silent=True)
    assert line.body()["_contentAvailable"] is True
    assert not {"title", "body"} & set(line.body())


async def test_a_ticket_in_a_list(line: Line) -> None:
    """Expo answers a list where an override asks for one."""
    line.answer(reply(200, b'{"data": [{"status": "ok", "id": "ticket-2"}]}'))
    assert (await line.send()).external_id == "ticket-2"


async def test_a_device_that_is_gone(line: Line) -> None:
    """It bounces with its token, so that it is forgotten."""
    line.answer(refusal("DeviceNotRegistered"))
    with pytest.raises(Bounced) as caught:
        await line.send()
    assert caught.value.token == "t"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("MessageTooBig", Refused),
        (None, Refused),
        ("MessageRateExceeded", Retry),
        ("InvalidCredentials", Misconfigured),
        ("MismatchSenderId", Misconfigured),
    ],
)
async def test_tickets_that_are_refused(
    line: Line, error: str | None, kind: type[Exception]
) -> None:
    """The ticket says whether it is worth another attempt."""
    line.answer(refusal(error))
    with pytest.raises(kind):
        await line.send()


@pytest.mark.parametrize(("code", "kind"), [(400, Refused), (429, Retry), (504, Retry)])
async def test_requests_that_are_refused(line: Line, code: int, kind: type[Exception]) -> None:
    """The status says it for the request as a whole."""
    line.answer(reply(code, b'{"errors": [{"code": "VALIDATION_ERROR"}]}'))
    with pytest.raises(kind):
        await line.send()
