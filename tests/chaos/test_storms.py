"""The audits of the storms find what they are there to find."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.chaos.storms.batches import Gathered, problems
from tests.chaos.storms.first_runs import first_run_problems
from tests.chaos.storms.throttles import throttle_problems
from tests.chaos.storms.webhooks import webhook_problems
from tests.support.webhook_target import Call


def gathered(**changes: Any) -> Gathered:
    """Return two items that were gathered into one batch, with one message."""
    batch = {
        "id": "b",
        "is_closed": True,
        "total_activities": 2,
        "messages": 1,
        "told": "<p>2: 0.0 0.1</p>",
        "items": ["0.0", "0.1"],
        "keys": 1,
        **changes,
    }
    items = [{"client": "0", "n": str(n), "key": "0", "batches": 1} for n in range(2)]
    return Gathered({"0.0", "0.1"}, items, [batch], 1)


def test_batch_as_it_should_be() -> None:
    """Two items in one batch with one message are what was promised."""
    assert list(problems(gathered(), 2)) == []


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"is_closed": False}, "has 2 items, and counts 2"),
        ({"total_activities": 1}, "has 2 items, and counts 1"),
        ({"keys": 2}, "has items of 2 keys"),
        ({"messages": 2}, "has 2 messages"),
        ({"messages": 0}, "has 0 messages"),
        ({"told": "<p>2: 0.1 0.0</p>"}, "tells items of client 0 in the order [1, 0]"),
        ({"told": "<p>1: 0.0</p>"}, "and tells <p>1: 0.0"),
    ],
)
def test_broken_batch(changes: dict[str, Any], line: str) -> None:
    """A batch that is not as its items want it is named."""
    assert any(line in each for each in problems(gathered(**changes), 2))


def test_batch_that_is_too_large() -> None:
    """No batch has more items than it may."""
    assert list(problems(gathered(), 1)) == ["batch b has 2 items, more than 1"]


def test_lost_and_doubled_items() -> None:
    """An item without a run, in no batch, or with two runs is named."""
    found = gathered()
    found.asked.add("1.0")
    found.items[0]["batches"] = 0
    found.items.append(found.items[1])
    assert list(problems(found, None)) == [
        "item 1.0 has no run",
        "item 0.1 has 2 runs",
        "item 0.0 is in 0 batches",
    ]


def test_messages_beside_the_batches() -> None:
    """A message of a run that carries nothing is one too many."""
    found = gathered()
    found.messages = 2
    assert list(problems(found, None)) == ["2 messages of 1 batches"]


@pytest.mark.parametrize("messages", [4, 6])
def test_throttle_that_lets_another_number_pass(messages: int) -> None:
    """Neither more nor fewer than may pass are what was promised."""
    asked = Counter({"0": 9, "1": 2})
    found = {"0": {"runs": 9, "messages": 5}, "1": {"runs": 2, "messages": 2}}
    assert throttle_problems(asked, found) == []
    found["0"]["messages"] = messages
    assert throttle_problems(asked, found) == [f"throttle 0: {messages} of 9 passed, 5 may"]


def test_throttle_that_lost_a_run() -> None:
    """A run that is missing is named, also where none is found."""
    assert throttle_problems(Counter({"0": 1}), {})[0] == "throttle 0: 0 runs of 1 triggers"


def test_second_first_run() -> None:
    """Two runs of one person are named; one for each tenant is fine where tenants count."""
    row = {"recipient_id": "ada", "runs": 1, "messages": 1}
    rows = [{**row, "tenant_id": tenant} for tenant in ("acme", "globex")]
    per_tenant: set[tuple[str, str | None]] = {("ada", "acme"), ("ada", "globex")}
    assert list(first_run_problems(per_tenant, rows, per_tenant=True)) == []
    (line,) = first_run_problems({("ada", None)}, rows, per_tenant=False)
    assert line == "('ada', None) has 2 runs and 2 messages"


def test_events_of_an_endpoint() -> None:
    """An event that is told twice, never came, or came from nowhere is named."""
    row = {"id": "e1", "message_id": "m", "event_type": "message.read", "states": ["delivered"]}
    happened = Counter({("m", "message.read"): 1})
    call = Call("POST", "/told", {"idempotency-key": "e1"}, b"{}")
    assert list(webhook_problems(happened, [row], [call, call])) == []

    twice = [row, {**row, "id": "e2", "states": ["sending"]}]
    stranger = Call("POST", "/told", {"idempotency-key": "e3"}, b"{}")
    assert list(webhook_problems(happened, twice, [call, stranger])) == [
        "webhooks: ('m', 'message.read') happened 1 times, is told as 2 events",
        "webhooks: event e2 is ['sending']",
        "webhooks: event e2 never came",
        "webhooks: event e3 came, and is not known",
    ]
