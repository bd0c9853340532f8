"""Channel groups: what rules may say, and which recipients a share is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kit.errors import InvalidParams
from domain.kit.json_types import JsonObject
from domain.kit.shapes import read_shape
from domain.workflows.channel_groups import (
    ChannelGroupBody,
    ChannelGroupRuleRequest,
    in_cohort,
    parse_rules,
    read_rules,
)

PRO = {"variable": "recipient.plan", "operator": "equal_to", "argument": "pro"}
HALF = {"variable": "recipient.id", "operator": "is_in_random_cohort", "argument": "50"}


def rule(**members: Any) -> JsonObject:
    """Write a rule."""
    return {"channel_key": "apns", "rule_type": "if", **PRO, **members}


def parsed(*rules: JsonObject) -> list[JsonObject]:
    """Read rules of a request."""
    return parse_rules([ChannelGroupRuleRequest.model_validate(each) for each in rules], "rules")


def test_rules_stand_in_the_order_of_their_index() -> None:
    """A rule without an index has its place in the list; what an `always` compares is dropped."""
    stored = parsed(rule(index=5), rule(rule_type="always"), rule(index=2, **HALF))
    assert [(each["index"], each["rule_type"]) for each in stored] == [
        (1, "always"),
        (2, "if"),
        (5, "if"),
    ]
    assert stored[0]["variable"] is None
    assert stored[1]["operator"] == "is_in_random_cohort"


@pytest.mark.parametrize(
    ("broken", "field"),
    [
        (rule(variable=None), "rules[0].variable"),
        (rule(operator="is_like"), "rules[0].operator"),
        (rule(channel_key=""), "rules[0].channel_key"),
        (rule(operator="is_between", argument="7"), "rules[0].argument"),
        (rule(**{**HALF, "variable": "recipient.email"}), "rules[0].variable"),
        (rule(**{**HALF, "argument": "100.5"}), "rules[0].argument"),
        (rule(**{**HALF, "argument": "1.25"}), "rules[0].argument"),
        (rule(**{**HALF, "argument": None}), "rules[0].argument"),
    ],
)
def test_violations_are_told_at_their_place(broken: JsonObject, field: str) -> None:
    """A rule whose comparison means nothing is refused."""
    with pytest.raises(InvalidParams) as refused:
        parsed(broken)
    assert [error.field for error in refused.value.errors] == [field]


def test_all_violations_are_told_at_once() -> None:
    """Two rules of one place and a broken third give an error each."""
    with pytest.raises(InvalidParams) as refused:
        parsed(rule(index=1), rule(index=1), rule(operator=None))
    assert [error.field for error in refused.value.errors] == [
        "rules[1].index",
        "rules[2].operator",
    ]


def test_a_group_needs_name_and_type() -> None:
    """What is required is named, an unknown type and operator too."""
    with pytest.raises(InvalidParams) as refused:
        read_shape(ChannelGroupBody, {"channel_group": {"operator": "some", "channel_type": "fax"}})
    assert [error.field for error in refused.value.errors] == [
        "channel_group.name",
        "channel_group.channel_type",
        "channel_group.operator",
    ]


@given(st.text(min_size=1), st.integers(0, 1000))
def test_if_and_unless_divide_everybody(recipient: str, tenths: int) -> None:
    """Of two rules with one share, exactly one lets a recipient through, always the same."""
    share = f"{tenths / 10:.1f}"
    rules = read_rules(
        [rule(**{**HALF, "argument": share}, rule_type=kind) for kind in ("if", "unless")]
    )
    (is_in, again) = (in_cohort("phones", recipient, each.share or Decimal(0)) for each in rules)
    assert is_in == again
    assert [each.lets_through(holds=is_in) for each in rules].count(True) == 1
    assert in_cohort("phones", recipient, Decimal(100))
    assert not in_cohort("phones", recipient, Decimal(0))


def test_shares_are_about_as_large_as_they_say() -> None:
    """Of many recipients, about a third is in a cohort of a third."""
    share = Decimal("33.3")
    count = sum(in_cohort("phones", f"user-{number}", share) for number in range(10_000))
    assert 3_100 < count < 3_550


@pytest.mark.parametrize("stored", [None, {}, "rules", [None, 7]])
def test_stored_rules_that_are_none(stored: Any) -> None:
    """What another version stored is read as far as it can be."""
    assert read_rules(stored) == ()


@pytest.mark.parametrize(
    "odd", [rule(operator="is_like"), rule(rule_type="perhaps"), {"rule_type": "unless"}]
)
@pytest.mark.parametrize("holds", [True, False])
def test_what_is_not_understood_lets_nothing_through(odd: JsonObject, holds: bool) -> None:
    """A rule that this version cannot read chooses no channel, an `unless` neither."""
    (read,) = read_rules([odd])
    assert read.problem is not None
    assert not read.lets_through(holds=holds)
