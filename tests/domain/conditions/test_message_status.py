"""Conditions on the messages of earlier steps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from domain.conditions import ConditionScope, Verdict, evaluate, parse_condition_group
from domain.kit.errors import InvalidParams

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
RANK_OPERATORS = (
    "equal_to",
    "not_equal_to",
    "greater_than",
    "greater_than_or_equal_to",
    "less_than",
    "less_than_or_equal_to",
)


def message(delivery: str, *engagement: str) -> dict[str, Any]:
    """Make a message of a channel step."""
    return {"delivery_status": delivery, "engagement": list(engagement)}


def judge(refs: Any, aspect: str, operator: str, constant: str) -> Verdict:
    """Judge one condition on the step `x`."""
    condition = {
        "variable": f"refs.x.{aspect}",
        "operator": operator,
        "argument": f"$message.{constant}",
    }
    scope = ConditionScope({"refs": refs}, NOW)
    return evaluate(parse_condition_group({"all": [condition]}), scope)


def holds(messages: list[dict[str, Any]], aspect: str, operator: str, constant: str) -> bool:
    """Judge one condition on a step that made these messages."""
    refs = {"x": {"messages": messages, "skipped": not messages}}
    return judge(refs, aspect, operator, constant).passed


@pytest.mark.parametrize(
    ("status", "constant", "sign"),
    [
        ("sent", "sent", 0),
        ("delivered", "sent", 1),
        ("queued", "sent", -1),
        ("not_sent", "sent", -1),
        ("bounced", "undelivered", 1),
        ("delivery_attempted", "bounced", 1),
        ("undelivered", "skipped", 1),
    ],
)
def test_delivery_compares_by_rank(status: str, constant: str, sign: int) -> None:
    """Delivery statuses are ordered from undelivered to delivered."""
    expected = (sign == 0, sign != 0, sign > 0, sign >= 0, sign < 0, sign <= 0)

    for operator, result in zip(RANK_OPERATORS, expected, strict=True):
        assert holds([message(status)], "delivery_status", operator, constant) is result


@pytest.mark.parametrize(
    "refs",
    [
        {},
        {"x": {"messages": [], "skipped": True}},
        {"x": {"messages": [], "skipped": False}},
        {"x": {"messages": None}},
        {"x": {"messages": ["not a message"]}},
        {"x": "text"},
        {"x": None},
    ],
)
def test_a_step_without_a_message_ranks_below_everything(refs: Any) -> None:
    """A step that made no message is skipped: less than any status, engaged with in no way."""
    assert judge(refs, "delivery_status", "equal_to", "skipped").passed
    assert judge(refs, "delivery_status", "less_than", "sent").passed
    assert judge(refs, "delivery_status", "less_than", "undelivered").passed
    assert not judge(refs, "delivery_status", "greater_than_or_equal_to", "sent").passed
    assert not judge(refs, "engagement_status", "contains", "seen").passed
    assert judge(refs, "engagement_status", "not_contains", "seen").passed


@pytest.mark.parametrize(
    ("engagement", "constant", "expected"),
    [
        ([], "seen", False),
        (["seen"], "seen", True),
        (["seen"], "read", False),
        (["seen"], "seen_not_read", True),
        (["seen", "read"], "seen_not_read", False),
        (["read"], "seen_not_read", False),
        (["seen", "read"], "read_not_link_clicked", True),
        (["seen", "read", "link_clicked"], "read_not_link_clicked", False),
        (["interacted"], "interacted", True),
        (["link_clicked"], "link_clicked", True),
        (["archived"], "archived", True),
    ],
)
def test_engagement_is_a_set(engagement: list[str], constant: str, expected: bool) -> None:
    """Engagement is tested by membership; two constants also name what must not be there."""
    messages = [message("delivered", *engagement)]

    assert holds(messages, "engagement_status", "contains", constant) is expected
    assert holds(messages, "engagement_status", "not_contains", constant) is not expected


def test_the_highest_message_counts() -> None:
    """Of several messages the one with the highest status, of either kind, is judged."""
    two = [message("delivered"), message("bounced")]
    read = [message("delivered"), message("sent", "seen", "read")]

    assert holds(two, "delivery_status", "greater_than_or_equal_to", "delivered")
    assert holds(two[::-1], "delivery_status", "greater_than_or_equal_to", "delivered")
    assert holds(read, "engagement_status", "contains", "read")
    assert holds(read, "delivery_status", "equal_to", "sent")


@pytest.mark.parametrize(
    ("aspect", "operator", "constant"),
    [
        ("delivery_status", "less_than", "sent"),
        ("delivery_status", "not_equal_to", "sent"),
        ("delivery_status", "greater_than_or_equal_to", "skipped"),
        ("engagement_status", "not_contains", "seen"),
        ("engagement_status", "contains", "seen"),
        ("status", "less_than", "read"),
    ],
)
def test_a_message_out_of_retention_makes_everything_false(
    aspect: str, operator: str, constant: str
) -> None:
    """Once the message is gone, the condition is false whatever the operator."""
    refs = {"x": {"messages": [message("sent", "seen")], "expired": True}}

    verdict = judge(refs, aspect, operator, constant)

    assert not verdict.passed
    assert verdict.trace[0]["variable_value"] is None


@pytest.mark.parametrize(
    ("messages", "operator", "constant", "expected"),
    [
        ([message("delivered", "seen", "read")], "greater_than_or_equal_to", "read", True),
        ([message("delivered", "seen")], "less_than", "read", True),
        ([message("delivered")], "equal_to", "delivered", True),
        ([message("sent", "link_clicked")], "equal_to", "interacted", True),
        ([message("sent", "archived")], "greater_than", "link_clicked", True),
        ([], "equal_to", "skipped", True),
    ],
)
def test_the_old_status_ranks_both_kinds(
    messages: list[dict[str, Any]], operator: str, constant: str, expected: bool
) -> None:
    """`refs.<ref>.status` is the highest of delivery and engagement; two of them share a rank."""
    assert holds(messages, "status", operator, constant) is expected


def test_status_without_a_constant_is_an_ordinary_path() -> None:
    """Other steps may have an output called `status`."""
    raw = {"all": [{"variable": "refs.x.status", "operator": "equal_to", "argument": "200"}]}
    scope = ConditionScope({"refs": {"x": {"status": 200}}}, NOW)

    assert evaluate(parse_condition_group(raw), scope).passed


def test_the_trace_shows_the_status() -> None:
    """The trace of a message condition shows the status that was compared."""
    refs = {"x": {"messages": [message("sent", "seen")]}}

    delivery = judge(refs, "delivery_status", "equal_to", "sent").trace[0]
    engagement = judge(refs, "engagement_status", "contains", "seen").trace[0]

    assert (delivery["variable_value"], delivery["argument_value"]) == ("sent", "$message.sent")
    assert engagement["variable_value"] == ["seen"]


@pytest.mark.parametrize(
    ("aspect", "operator", "argument", "field"),
    [
        ("delivery_status", "contains", "$message.sent", "operator"),
        ("delivery_status", "exists", None, "operator"),
        ("delivery_status", "equal_to", "$message.seen", "argument"),
        ("delivery_status", "equal_to", "sent", "argument"),
        ("delivery_status", "equal_to", None, "argument"),
        ("engagement_status", "equal_to", "$message.seen", "operator"),
        ("engagement_status", "contains", "$message.sent", "argument"),
        ("engagement_status", "contains", ["$message.seen"], "argument"),
        ("status", "equal_to", "$message.gone", "argument"),
        ("status", "contains", "$message.read", "operator"),
    ],
)
def test_wrong_message_conditions(aspect: str, operator: str, argument: Any, field: str) -> None:
    """Each status has its own operators and constants; others are refused at their place."""
    raw = {"any": [{"variable": f"refs.x.{aspect}", "operator": operator, "argument": argument}]}

    with pytest.raises(InvalidParams) as refusal:
        parse_condition_group(raw, "steps[0].conditions")

    assert [error.field for error in refusal.value.errors] == [
        f"steps[0].conditions.any[0].{field}"
    ]


def test_who_has_read_has_seen() -> None:
    """A message that was read counts as seen, whether or not seeing it was reported."""
    assert holds([message("delivered", "read")], "engagement_status", "contains", "seen")
    assert not holds([message("delivered", "read")], "engagement_status", "not_contains", "seen")
    assert not holds(
        [message("delivered", "read")], "engagement_status", "contains", "seen_not_read"
    )
