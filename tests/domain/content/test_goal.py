"""Goals as documents: which events and conditions they may have."""

from __future__ import annotations

from typing import Any

import pytest

from domain.content.goal import GOAL
from domain.kit.authored import ChannelTypes
from domain.kit.errors import InvalidParams

PAID = {"variable": "recipient.is_paid", "operator": "equal_to", "argument": "true"}
UPDATED = {"event_type": "recipient", "event_key": "updated"}
ORDER = {
    "event_type": "integration_source",
    "event_key": "order.paid",
    "integration_source_key": "shop",
}
ENTER = {"event_type": "audience", "event_key": "enter", "audience_key": "vips"}
GROUP = {"operator": "and", "conditions": [PAID]}


def goal(event: Any, *groups: Any, **members: Any) -> dict[str, Any]:
    """Return a goal as it is written."""
    condition = {"event": event, **({"match_conditions": list(groups)} if groups else {})}
    return {"name": "Paid", "condition": condition, **members}


def refused(raw: dict[str, Any], key: str = "paid") -> list[str]:
    """Return the places of what is wrong."""
    with pytest.raises(InvalidParams) as caught:
        GOAL.check(GOAL.normalise(raw, ChannelTypes()), key)
    return [error.field for error in caught.value.errors]


@pytest.mark.parametrize(
    "raw",
    [
        goal(UPDATED, GROUP),
        goal({"event_type": "recipient"}, {"any": [PAID, PAID]}),
        goal(UPDATED, {"operator": "or", "conditions": [PAID, PAID]}),
        goal(UPDATED, {"all": [PAID]}, description="Why"),
        goal(ORDER),
        goal({**ORDER, "recipient_path": "body.customer"}, GROUP),
        goal(ENTER),
        goal({**ENTER, "event_key": "exit"}),
    ],
)
def test_each_kind_of_event_is_taken(raw: dict[str, Any]) -> None:
    """With groups of conditions in either form; a key of one letter will do."""
    content = GOAL.normalise({**raw, "key": "x", "$schema": "y", "sha": "z"}, ChannelTypes())
    assert content == {"description": None, **raw}
    GOAL.check(content, "g")


@pytest.mark.parametrize(
    ("raw", "places"),
    [
        ({}, ["name", "condition"]),
        (goal(None), ["condition.event"]),
        (goal({}), ["condition.event.event_type"]),
        (goal({"event_type": "message"}), ["condition.event.event_type"]),
        (
            goal({"event_type": "audience"}),
            ["condition.event.event_key", "condition.event.audience_key"],
        ),
        (goal({**ENTER, "event_key": "stay"}), ["condition.event.event_key"]),
        (goal({**ORDER, "integration_source_key": ""}), ["condition.event.integration_source_key"]),
        (goal({**ORDER, "recipient_path": "x"}), ["condition.event.recipient_path"]),
        (goal(UPDATED), ["condition.match_conditions"]),
        (goal(UPDATED, 7), ["condition.match_conditions[0]"]),
        (
            goal(UPDATED, GROUP, {"operator": "xor", "conditions": []}),
            ["condition.match_conditions[1].operator"],
        ),
        (
            goal(UPDATED, {"operator": "or", "conditions": [PAID, {"variable": "x"}]}),
            [
                "condition.match_conditions[0].conditions[1].variable",
                "condition.match_conditions[0].conditions[1].operator",
            ],
        ),
        (goal(ENTER, *[GROUP] * 21), ["condition.match_conditions"]),
        (goal(ENTER, name=" ", description="x" * 281), ["name", "description"]),
    ],
)
def test_each_fault_is_told_at_its_place(raw: dict[str, Any], places: list[str]) -> None:
    """All of them at once."""
    assert refused(raw) == places


@pytest.mark.parametrize("key", ["", "No", "a b", "x" * 256])
def test_a_key_has_1_to_255_letters(key: str) -> None:
    """Small ones, digits, `_` and `-`."""
    assert refused(goal(ENTER), key) == ["key"]
