"""A.3 Conditions: the test vectors of the engine's specification, under their own name."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.conditions import MISSING, ConditionScope, evaluate, parse_condition_group

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)


def _holds(variable: str, operator: str, argument: Any, values: dict[str, Any]) -> bool:
    condition = {"variable": variable, "operator": operator, "argument": argument}
    return evaluate(parse_condition_group({"all": [condition]}), ConditionScope(values, NOW)).passed


@pytest.mark.parametrize(
    ("value", "operator", "argument", "result"),
    [
        (MISSING, "exists", None, False),
        ("", "exists", None, True),
        ("", "empty", None, True),
        (None, "exists", None, False),
        (None, "empty", None, True),
        ([], "exists", None, True),
        ([], "empty", None, True),
        ("senior engineer", "contains", "engineer", True),
        (["beta"], "contains", '["vip","beta"]', True),
        (["admin", "editor", "viewer"], "contains_all", '["admin","editor"]', True),
        (["admin"], "not_contains_all", '["admin","editor"]', True),
        (5, "equal_to", "5", True),
        ("5", "equal_to", "5", False),
    ],
)
def test_a_3_values(value: Any, operator: str, argument: Any, *, result: bool) -> None:
    """A.3: a value, an operator and an argument give a result."""
    data = {} if value is MISSING else {"v": value}
    assert _holds("data.v", operator, argument, {"data": data}) is result


UNREAD = {"messages": [{"delivery_status": "delivered", "engagement": []}]}
TWO = {
    "messages": [
        {"delivery_status": "delivered", "engagement": []},
        {"delivery_status": "bounced", "engagement": []},
    ]
}
GONE = {"messages": [], "expired": True}


@pytest.mark.parametrize(
    ("step", "aspect", "operator", "argument", "result"),
    [
        (UNREAD, "engagement_status", "not_contains", "$message.seen", True),
        (TWO, "delivery_status", "greater_than_or_equal_to", "$message.delivered", True),
        (GONE, "delivery_status", "less_than", "$message.sent", False),
        (GONE, "engagement_status", "not_contains", "$message.seen", False),
        (GONE, "status", "less_than", "$message.seen", False),
        (UNREAD, "status", "less_than", "$message.seen", True),
    ],
)
def test_a_3_messages(
    step: dict[str, Any], aspect: str, operator: str, argument: str, *, result: bool
) -> None:
    """A.3: the messages of an earlier step give a result, in both spellings."""
    assert _holds(f"refs.x.{aspect}", operator, argument, {"refs": {"x": step}}) is result
