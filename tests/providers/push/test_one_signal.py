"""OneSignal, against a server that answers like it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.deliveries.delivery import Bounced, Refused, Retry
from providers.push.one_signal import OneSignal
from tests.providers.contract import MESSAGE_ID
from tests.providers.rest import PUSH, Line, RestContract, Vendor, talking_to
from tests.providers.servers import reply

PATH = "/notifications"
TAKEN = reply(200, b'{"id": "n-1", "external_id": null}')
SETTINGS = {"app_id": "app-1", "api_key": "very-secret"}
VENDOR = Vendor(OneSignal, PATH, TAKEN, SETTINGS, PUSH, ["very-secret"])
NOBODY = ["All included players are not subscribed"]


@pytest.fixture
async def line() -> AsyncIterator[Line]:
    """Run OneSignal on loopback."""
    async with talking_to(VENDOR) as line:
        yield line


class TestOneSignal(RestContract):
    """The contract."""

    vendor = VENDOR


async def test_a_player_is_sent_to(line: Line) -> None:
    """Texts are in English, and an attempt that is repeated is recognised."""
    outcome = await line.send(overrides={"ios_badgeCount": 3, "contents": {"de": "da"}})
    assert outcome.external_id == "n-1"
    assert line.body() == {
        "app_id": "app-1",
        "target_channel": "push",
        "include_subscription_ids": ["t"],
        "headings": {"en": "Hi"},
        "contents": {"en": "there", "de": "da"},
        "data": {"n": 1, "s": "x", "none": None, "knock_message_id": MESSAGE_ID},
        "idempotency_key": MESSAGE_ID,
        "ios_badgeCount": 3,
    }
    assert line.seen.headers["authorization"] == "Key very-secret"


async def test_one_without_a_title(line: Line) -> None:
    """It has no heading."""
    await line.send(title="")
    assert line.body()["contents"] == {"en": "there"}
    assert "headings" not in line.body()


async def test_a_silent_one_wakes_the_app(line: Line) -> None:
    """It shows nothing."""
    await line.send(silent=True)
    assert line.body()["content_available"] is True
    assert not {"headings", "contents"} & set(line.body())


@pytest.mark.parametrize(
    ("data", "sent"),
    [
        pytest.param({"n": {"a": "x" * 1_950}}, {"n": {"a": "x" * 1_950}}, id="it fits"),
        pytest.param({"n": {"a": "x" * 2_000}, "m": 1}, {"m": 1}, id="with the id it does not"),
        pytest.param({"n": "ä" * 1_100, "m": 1}, {"n": "ä" * 256, "m": 1}, id="bytes count"),
    ],
)
async def test_data_that_is_too_large_goes_as_what_is_kept(
    line: Line, data: dict[str, Any], sent: dict[str, Any]
) -> None:
    """OneSignal refuses a message with more than 2,048 bytes of data."""
    await line.send(data=data)
    assert line.body()["data"] == {**sent, "knock_message_id": MESSAGE_ID}


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, {"id": "", "errors": NOBODY}),
        (200, {"id": "", "errors": {"invalid_player_ids": ["t"]}}),
        (200, {"errors": {"invalid_subscription_ids": ["t"]}}),
        (400, {"errors": NOBODY}),
    ],
)
async def test_players_that_are_gone(line: Line, status: int, answer: dict[str, Any]) -> None:
    """They bounce with their id, so that it is forgotten."""
    line.answer(reply(status, json.dumps(answer).encode()))
    with pytest.raises(Bounced) as caught:
        await line.send()
    assert caught.value.token == "t"


@pytest.mark.parametrize(
    ("status", "answer", "kind"),
    [
        (200, {"id": "", "errors": ["something else"]}, Refused),
        (400, {"errors": ["Message contents must not be blank"]}, Refused),
        (403, {"errors": ["Access denied"]}, Refused),
        (429, {"errors": ["API rate limit exceeded"]}, Retry),
        (503, {}, Retry),
    ],
)
async def test_messages_that_are_refused(
    line: Line, status: int, answer: dict[str, Any], kind: type[Exception]
) -> None:
    """The status says whether it is worth another attempt."""
    line.answer(reply(status, json.dumps(answer).encode()))
    with pytest.raises(kind):
        await line.send()
